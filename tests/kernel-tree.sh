#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Builds a copy of the sources as a kernel tree does: tests/kernel-tree.sh KDIR [GUEST=KERNEL] [VARIABLE=VALUE...]
# GUEST: a kernel of scripts/vm, or a bzImage (then also MODULES=DIR, its --modules). KDIR is for it, and there the live
# tests of the samples run the program that was built: by engine kernel (ENGINES=ftrace: by that one), and by the module.
# The other variables are make's: SAMPLES="hello execsnoop" (or all) and HOSTCXXFLAGS=-O0 make it shorter. Where the tree's
# compiler is not here, it is gcc.
set -euo pipefail

TOP=$(cd "$(dirname "$0")/.." && pwd)
kdir=$1
shift
given=()
passed=0 failed=0

SAMPLES=hello BARE='' GUEST='' MODULES='' ENGINES=kernel
for word; do
	case $word in
	SAMPLES=all) SAMPLES=$(sed -n 's/^SAMPLES := //p' "$TOP/samples.mk") BARE=$(sed -n 's/^BARE_SAMPLES := //p' "$TOP/samples.mk") ;;
	SAMPLES=* | GUEST=* | MODULES=* | ENGINES=*) declare "$word" ;;
	*) given+=("$word") ;;
	esac
done
compiler=$(sed -n 's/^CONFIG_CC_VERSION_TEXT="\([^ "]*\).*/\1/p' "$kdir/include/config/auto.conf")
if [[ " $*" != *" CC="* && " $*" != *" LLVM="* ]] && ! command -v "$compiler" >/dev/null; then
	given+=(CC=gcc)
fi
# Debian's headers have wanted it since 6.12: the module gets no types without it.
command -v pahole >/dev/null || given+=(CONFIG_DEBUG_INFO_BTF_MODULES=)
dir=$(mktemp -d "${TMPDIR:-/tmp}/anyprobe-tree.XXXXXX")
trap 'rm -rf "$dir"' EXIT
tree=$dir/anyprobe place=$dir/anyprobe # and by what name make knows it
mkdir "$tree"
(cd "$TOP" && cp -r Kbuild Makefile ./*.kbuild ./*.mk ftrace kern kmod scripts user vm "$tree")

# build ARGUMENT...: what make says is in $dir/log.
build() {
	# Nothing of a make that runs us.
	env -u MAKEFLAGS -u MAKELEVEL make -C "$kdir" M="$place" SAMPLES="$SAMPLES" BARE_SAMPLES="$BARE" "${given[@]}" "$@" >"$dir/log" 2>&1 </dev/null
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
	[ "$listed" = "$(printf '%s\n' $SAMPLES $BARE | sort | tr '\n' ' ')" ] || { echo "it lists $listed"; return 1; }
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

# In samples/ the folder may be a link, into which kbuild's own search does not go.
cleans_all_behind_a_link() {
	place=$dir/link
	ln -s "$tree" "$place"
	build PARTS="module bpf" && [ -f "$tree/anyprobe.ko" ] && build clean || return 1
	diff "$dir/before" <(files)
}

# Types for a kernel that carries none; where it does, they must be the same.
makes_types() {
	mkdir -p "$dir/made"
	"$tree/anyprobe" btf make --headers "$kdir" -o "$dir/made/types" >"$dir/log" 2>&1
}

runs_in_a_guest() {
	cp "$tree/anyprobe" "$tree/anyprobe.ko" "$dir/made/"
	cat >"$dir/made/check" <<-'END'
	export ANYPROBE=/made/anyprobe
	$ANYPROBE version | cut -d" " -f1-2
	if [ -e /sys/kernel/btf/vmlinux ]; then
		$ANYPROBE btf check /made/types | grep '^fits this kernel' || exit 2
	else
		mkdir -p /var/lib/anyprobe/btf && cp /made/types /var/lib/anyprobe/btf/$(uname -r).btf
	fi
	for engine in $ENGINES module; do
		[ $engine != module ] || insmod /made/anyprobe.ko || exit 3
		echo "engine $engine"
		ANYPROBE_ENGINE=$engine .output/tests/live-tests "$@" || exit 4
	done
	rmmod anyprobe
	END
	# shellcheck disable=SC2086 # words are what is wanted
	"$TOP/scripts/vm" --timeout 900 ${MODULES:+--modules "$MODULES"} --file "$dir/made:/made" "$GUEST" -- \
		env ENGINES="$ENGINES" sh /made/check $SAMPLES $BARE >"$dir/log" 2>&1 || return 1
	grep -E '^(engine|fits|skip)|passed' "$dir/log" >&3
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
		grep -v '^pass: ' "$dir/log" | tail -n 40
	fi
}

exec 3>&1
files >"$dir/before"
expect 'builds module objects and program'
expect 'builds a program that runs'
expect 'does nothing again'
expect 'rebuilds what depends on it'
expect 'says what is left out and why'
[ -z "$GUEST" ] || expect 'makes types'
[ -z "$GUEST" ] || expect 'runs in a guest'
expect 'cleans all'
expect 'cleans all behind a link'
echo "$passed passed, $failed failed, 0 skipped"
[ $failed -eq 0 ]
