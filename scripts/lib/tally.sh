# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# Counts what the parts of scripts/test report. Sourced.
#
# A test program prints what it likes, a line `skip: NAME: REASON` per skipped test, and last
# `N passed, N failed, N skipped`. Exit status 0 if and only if nothing failed; one that breaks
# this contract counts as one more failure, so that a crash cannot look like success.

TALLY=()	# "part|passed|failed|skipped|seconds"
SKIPPED=()	# "part: NAME: REASON"
passed=0 failed=0 skipped=0

# tally PART PASSED FAILED SKIPPED SECONDS
tally() {
	TALLY+=("$1|$2|$3|$4|$5")
	passed=$((passed + $2)) failed=$((failed + $3)) skipped=$((skipped + $4))
}

heading() {
	printf '\n== %s\n' "$1"
}

# run_logged LOG COMMAND...: shows and keeps what it prints. Not through a pipe: whatever it left
# running would hold that open, and we would wait for ever. Its own process group (set -m), so
# that Ctrl-C reaches it through stop_running only, and is not ignored inside.
run_logged() {
	local log=$1 status=0
	shift
	: >"$log"
	set -m
	"$@" >"$log" 2>&1 </dev/null &
	running=$!
	set +m
	tail -s 0.2 -n +1 -f --pid="$running" "$log"
	wait "$running" || status=$?
	running=''
	return $status
}

running=''
stop_running() {
	[ -z "$running" ] || kill -TERM -- "-$running" 2>/dev/null || true
}

# part NAME COMMAND...: runs a test program and counts what its last line says.
part() {
	local name=$1 log=$WORK/log status=0 start=$SECONDS last
	shift
	heading "$name"
	run_logged "$log" "$@" || status=$?
	last=$(tail -n 1 "$log" | tr -d '\r')
	if [[ $last =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped$ ]]; then
		count "$name" "$status" "${BASH_REMATCH[@]:1:3}" $((SECONDS - start))
	else
		echo "test: failed to read what $name counted: exit status $status, last line '$last'"
		tally "$name" 0 1 0 $((SECONDS - start))
	fi
	while read -r last; do
		SKIPPED+=("$name: ${last#skip: }")
	done < <(grep '^skip: ' "$log" || true)
}

# count PART STATUS PASSED FAILED SKIPPED SECONDS
count() {
	local extra=0
	if [ "$2" -ne 0 ] && [ "$4" -eq 0 ]; then
		echo "test: failed to believe $1: it counts no failure, but its exit status is $2"
		extra=1
	elif [ $(($3 + $4 + $5)) -eq 0 ]; then
		echo "test: failed to find any test in $1"
		extra=1
	fi
	tally "$1" "$3" $(($4 + extra)) "$5" "$6"
}

# check NAME COMMAND...: a command that passes or fails as a whole.
check() {
	local name=$1 start=$SECONDS
	shift
	heading "$name"
	if "$@"; then
		tally "$name" 1 0 0 $((SECONDS - start))
	else
		echo "test: failed to pass $name: see above"
		tally "$name" 0 1 0 $((SECONDS - start))
		return 1
	fi
}

# skip_part NAME REASON
skip_part() {
	heading "$1"
	echo "skip: $1: $2"
	SKIPPED+=("$1: $2")
	tally "$1" 0 0 1 0
}

# summary: the table, what was skipped, and the one line that counts. Fails if anything did.
summary() {
	local row
	heading summary
	printf '%-34s %7s %7s %7s %8s\n' PART PASSED FAILED SKIPPED SECONDS
	for row in "${TALLY[@]}"; do
		IFS='|' read -r -a row <<<"$row"
		printf '%-34s %7s %7s %7s %8s\n' "${row[@]}"
	done
	[ ${#SKIPPED[@]} -eq 0 ] || printf 'skip: %s\n' "${SKIPPED[@]}"
	echo "$passed passed, $failed failed, $skipped skipped"
	[ "$failed" -eq 0 ]
}
