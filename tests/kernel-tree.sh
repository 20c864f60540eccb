#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Builds a copy of the sources as a kernel tree does: tests/kernel-tree.sh KDIR [VARIABLE=VALUE...]
# The variables are make's: SAMPLES="hello execsnoop" and HOSTCXXFLAGS=-O0 make it shorter; CC=gcc where the tree's compiler
# is not here.
set -euo pipefail

TOP=$(cd "$(dirname "$0")/.." && pwd)
kdir=$1
shift
given=("$@")
passed=0 failed=0

SAMPLES=hello
for word; do
	case $word in SAMPLES=*) SAMPLES=${word#SAMPLES=} ;; esac
done
dir=$(mktemp -d "${TMPDIR:-/tmp}/anyprobe-tree.XXXXXX")
trap 'rm -rf "$dir"' EXIT
tree=$dir/anyprobe
mkdir "$tree"
(cd "$TOP" && cp -r Kbuild Makefile ./*.kbuild ./*.mk ftrace kern kmod scripts user vm "$tree")

# build ARGUMENT...: what make says is in $dir/log.
build() {
	# Nothing of a make that runs us.
	env -u MAKEFLAGS -u MAKELEVEL make -C "$kdir" M="$tree" SAMPLES="$SAMPLES" BARE_SAMPLES= "${given[@]}" "$@" >"$dir/log" 2>&1 </dev/null
}

# steps: what was built, one "COMMAND TARGET" a line. Newer kernels name targets from their folder, older ones from /.
steps() {
	sed -n 's/^  \([A-Z][A-Z]*\( \[M\]\)\?\) *\(\S*\)$/\1 \3/p' "$dir/log" | sed "s,$tree/,," | sort
}

files() {
	(cd "$tree" && find . | sort)
}

builds_module_objects_and_program() {
	local sample
	build -j"$(nproc)" || return 1
	grep -qs 'vermagic=' <(strings -a "$tree/anyprobe.ko") && [ -f "$tree/kmod/forkcount.ko" ] || return 1
	for sample in $SAMPLES; do
		readelf -h "$tree/kern/${sample}_kern.o" | grep -q 'Machine: *Linux BPF' || return 1
	done
	! grep -iE 'warning|left out' "$dir/log" | grep -vE 'the compiler differs|pahole version differs'
}

builds_a_program_that_runs() {
	local listed
	listed=$("$tree/anyprobe" list | awk '{ print $1 }' | sort | tr '\n' ' ')
	[ "$listed" = "$(tr ' ' '\n' <<<"$SAMPLES" | sort | tr '\n' ' ')" ] || { echo "it lists $listed"; return 1; }
}

does_nothing_again() {
	build && [ -z "$(steps)" ]
}

rebuilds_what_depends_on_it() {
	local sample=${SAMPLES%% *} wanted
	touch "$tree/kern/${sample}_kern.c"
	build || return 1
	wanted=$(printf '%s\n' "BPF kern/${sample}_kern.o" "HOSTCXX host/user/${sample}_user.o" 'HOSTLD anyprobe' \
		"SKEL skeletons/$sample.skel.h")
	[ "$(steps)" = "$wanted" ] || { echo "built: $(steps)"; return 1; }
}

says_what_is_left_out_and_why() {
	build CLANG=/nonexistent/clang || return 1
	grep -q '^anyprobe: left out the BPF objects: there is no /nonexistent/clang$' "$dir/log" &&
		grep -q '^anyprobe: left out the program: there is no /nonexistent/clang$' "$dir/log" || return 1
	build BPFTOOL=/nonexistent/bpftool LIBBPF_A= || return 1
	[ "$(grep 'left out' "$dir/log")" = 'anyprobe: left out the program: there is no /nonexistent/bpftool' ]
}

cleans_all() {
	build clean || return 1
	diff "$dir/before" <(files)
}

# expect SENTENCE: its words are the function's name.
expect() {
	if ${1// /_} >"$dir/said" 2>&1; then
		passed=$((passed + 1))
		echo "ok: $1"
	else
		failed=$((failed + 1))
		echo "FAILED: $1"
		cat "$dir/said"
		tail -n 40 "$dir/log"
	fi
}

files >"$dir/before"
expect 'builds module objects and program'
expect 'builds a program that runs'
expect 'does nothing again'
expect 'rebuilds what depends on it'
expect 'says what is left out and why'
expect 'cleans all'
echo "$passed passed, $failed failed, 0 skipped"
[ $failed -eq 0 ]
