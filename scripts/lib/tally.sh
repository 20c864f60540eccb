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

# start LOG COMMAND...: in the background; its process id is in $started. Not through a pipe: whatever it left
# running would hold that open, and we would wait for ever. Its own process group (set -m), so that Ctrl-C
# reaches it through stop_running only, and is not ignored inside.
start() {
	local log=$1
	shift
	: >"$log"
	start_shown "$@" >"$log" 2>&1
}

# start_shown COMMAND...: the same, but what it prints is seen as it comes.
start_shown() {
	set -m
	"$@" </dev/null &
	started=$!
	set +m
	running+=("$started")
}

running=()
stop_running() {
	local pid
	for pid in "${running[@]}"; do
		kill -TERM -- "-$pid" 2>/dev/null || true
	done
}

# finished PID: waits for it; returns its exit status.
finished() {
	local status=0 pid left=()
	wait "$1" || status=$?
	for pid in "${running[@]}"; do
		[ "$pid" = "$1" ] || left+=("$pid")
	done
	running=("${left[@]}")
	return $status
}

# part NAME COMMAND...: runs a test program, shows what it prints, and counts what its last line says.
part() {
	local name=$1 log=$WORK/log status=0 begun=$SECONDS
	shift
	heading "$name"
	start "$log" "$@"
	tail -s 0.2 -n +1 -f --pid="$started" "$log"
	finished "$started" || status=$?
	count_log "$name" "$status" "$log" $((SECONDS - begun))
}

# later NAME COMMAND...: the same, but run by run_later, with others beside it. NAME has no |.
later() {
	local name=$1
	shift
	LATER+=("$name|$(printf '%q ' "$@")")
}

LATER=()

# run_later JOBS: runs what was put off, so many at a time, and shows each when it and those before it are done.
run_later() {
	local jobs=$1 next=0 shown pids=()
	mkdir -p "$WORK/later"
	for ((shown = 0; shown < ${#LATER[@]}; shown++)); do
		while [ $next -lt ${#LATER[@]} ] && [ $next -lt $((shown + jobs)) ]; do
			eval "start $WORK/later/$next timed $WORK/later/$next.seconds ${LATER[next]#*|}"
			pids[next]=$started
			next=$((next + 1))
		done
		show_later $shown "${pids[shown]}"
	done
	LATER=()
}

# timed FILE COMMAND...: leaves in FILE how many seconds it took.
timed() {
	local file=$1 begun=$SECONDS status=0
	shift
	"$@" || status=$?
	echo $((SECONDS - begun)) >"$file"
	return $status
}

show_later() {
	local name=${LATER[$1]%%|*} log=$WORK/later/$1 status=0
	heading "$name"
	finished "$2" || status=$?
	cat "$log"
	count_log "$name" "$status" "$log" "$(cat "$log.seconds" 2>/dev/null || echo 0)"
	rm -f "$log" "$log.seconds"
}

# count_log NAME STATUS LOG SECONDS
count_log() {
	local last
	last=$(tail -n 1 "$3" | tr -d '\r')
	if [[ $last =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped$ ]]; then
		count "$1" "$2" "${BASH_REMATCH[@]:1:3}" "$4"
		keep_results "$1" "$3"
	elif [ "$2" -eq 77 ]; then
		echo "skip: $1: $(grep -v skip: "$3" | tail -n 1)"
		SKIPPED+=("$1: $(grep -v skip: "$3" | tail -n 1)")
		tally "$1" 0 0 1 "$4"
		return
	else
		echo "test: failed to read what $1 counted: exit status $2, last line '$last'"
		tally "$1" 0 1 0 "$4"
	fi
	while read -r last; do
		SKIPPED+=("$1: ${last#skip: }")
	done < <(grep '^skip: ' "$3" || true)
}

# keep_results PART LOG: of a round "ENGINE engine on KERNEL", what scripts/table makes its page of: SUITE, result, case, reason.
keep_results() {
	local engine kernel
	[[ $1 =~ ^([a-z]+)\ engine\ on\ (.+)$ ]] || return 0
	engine=${BASH_REMATCH[1]} kernel=${BASH_REMATCH[2]}
	case $engine:$kernel in # what auto is there
	auto:*-nobpf) engine=ftrace ;;
	auto:*) engine=kernel ;;
	esac
	mkdir -p "$TOP/.output/results"
	tr -d '\r' <"$2" | awk -F ': ' -v OFS='\t' '
		$1 == "pass" || $1 == "FAIL" || $1 == "skip" {
			reason = $0
			sub(/^[^:]*: [^:]*: /, "", reason)
			if ($1 == "skip") reason = substr(reason, length($3) + 3); else reason = ""
			print $2, $1 == "pass" ? "passed" : $1 == "FAIL" ? "failed" : "skipped", $3, reason
		}' >"$TOP/.output/results/$engine $kernel.tsv"
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
	start_shown "$@"
	if finished "$started"; then
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
