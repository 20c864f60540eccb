#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Builds a copy of the sources as a kernel tree does: tests/kernel-tree.sh KDIR [GUEST=KERNEL] [VARIABLE=VALUE...]
# GUEST: what was built is run in that kernel of scripts/vm, which KDIR is for. The other variables are make's:
# SAMPLES="hello execsnoop" and HOSTCXXFLAGS=-O0 make it shorter. Where the tree's compiler is not here, it is gcc.
set -euo pipefail

TOP=$(cd "$(dirname "$0")/.." && pwd)
kdir=$1
shift
given=()
passed=0 failed=0

SAMPLES=hello GUEST=''
for word; do
	case $word in
	SAMPLES=*) SAMPLES=${word#SAMPLES=} ;;
	GUEST=*) GUEST=${word#GUEST=} ;;
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
	env -u MAKEFLAGS -u MAKELEVEL make -C "$kdir" M="$place" SAMPLES="$SAMPLES" BARE_SAMPLES= "${given[@]}" "$@" >"$dir/log" 2>&1 </dev/null
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

# In samples/ the folder may be a link, into which kbuild's own search does not go.
cleans_all_behind_a_link() {
	place=$dir/link
	ln -s "$tree" "$place"
	build PARTS="module bpf" && [ -f "$tree/anyprobe.ko" ] && build clean || return 1
	diff "$dir/before" <(files)
}

runs_in_a_guest() {
	local made=$dir/made
	mkdir "$made"
	cp "$tree/anyprobe" "$tree/anyprobe.ko" "$made/"
	# By itself first; then by the module, which auto would take only where there is nothing better.
	cat >"$made/check" <<-'END'
	cd /made
	./anyprobe version | cut -d" " -f1-2
	for engine in kernel module; do
		[ $engine = kernel ] || insmod anyprobe.ko || exit 2
		for sample; do
			./anyprobe $sample -n 1 -d 60 --engine $engine >said 2>err &
			while kill -0 $! 2>/dev/null; do sh -c 'exec /bin/busybox true'; done
			wait $! && [ "$(wc -l <said)" -ge 1 ] || { cat said err; exit 3; }
			echo "$engine: $sample: $(tail -n 1 said)"
		done
	done
	rmmod anyprobe
	END
	"$TOP/scripts/vm" --timeout 300 --file "$made:/made" "$GUEST" -- sh /made/check $SAMPLES >"$dir/log" 2>&1 || return 1
	[ "$(grep -cE '^(kernel|module): ' "$dir/log")" -eq "$((2 * $(wc -w <<<"$SAMPLES")))" ]
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
[ -z "$GUEST" ] || expect 'runs in a guest'
expect 'cleans all'
expect 'cleans all behind a link'
echo "$passed passed, $failed failed, 0 skipped"
[ $failed -eq 0 ]
