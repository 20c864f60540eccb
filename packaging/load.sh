#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Builds anyprobe.ko with what this machine has, and loads it. For machines without a package manager: wants
# nothing but a shell of any age (busybox will do) and, if the module is to be built, make, a compiler and headers.
set -u
here=$(cd "$(dirname "$0")" && pwd)

usage() {
	cat <<-'END'
	usage: ./load.sh [load]     builds the module if need be, and loads it (as root)
	       ./load.sh build      builds it only, into module/RELEASE/
	       ./load.sh unload     takes it out of the kernel
	       ./load.sh status     is it loaded?

	KDIR=FOLDER  the kernel's headers, if not /lib/modules/RELEASE/build
	CC=COMPILER  the compiler, if not gcc
	END
}

die() {
	echo "load.sh: $*" >&2
	exit 1
}

# What the system calls the package with its kernel's headers.
headers_package() {
	if [ -f /etc/debian_version ]; then
		echo "linux-headers-$release"
	elif [ -f /etc/redhat-release ]; then
		echo "kernel-devel-$release"
	else
		echo "the headers or source of Linux $release"
	fi
}

# release_of KDIR: the name that the kernel of these headers has. Old kernels keep it in include/linux.
release_of() {
	cat "$1/include/generated/utsrelease.h" "$1/include/linux/utsrelease.h" 2>/dev/null |
		sed -n 's/.*UTS_RELEASE "\(.*\)".*/\1/p'
}

# In one line: what is in the way of building the module.
need_build_tools() {
	command -v make >/dev/null 2>&1 || die "failed to build the module: there is no make: install make and gcc, or copy" \
		"module/$release/anyprobe.ko from a machine with the same kernel"
	command -v "$compiler" >/dev/null 2>&1 || die "failed to build the module: there is no $compiler: install gcc, or give CC="
	[ -f "$headers/Makefile" ] || die "failed to build the module: there are no kernel headers in $headers: install" \
		"$(headers_package), or give KDIR="
}

build() {
	release=$(uname -r)
	compiler=${CC:-gcc}
	headers=${KDIR:-/lib/modules/$release/build}
	need_build_tools
	found=$(release_of "$headers")
	[ -n "$found" ] || die "failed to build the module: $headers is not configured (no utsrelease.h): run make modules_prepare there"
	[ -n "${KDIR:-}" ] || [ "$found" = "$release" ] ||
		die "failed to build the module: $headers is for Linux $found, this is $release: install $(headers_package)"
	release=$found
	work=$here/module/$release
	mkdir -p "$work" 2>/dev/null || die "failed to build the module: cannot write $work"
	cp -R "$here/module/kmod" "$here/module/vm" "$here/module/Kbuild" "$here/module/Makefile" "$work/" || exit 1
	echo "load.sh: building the module for Linux $release" >&2
	make -C "$work" KDIR="$headers" CC="$compiler" >"$work/log" 2>&1 </dev/null ||
		die "failed to build the module: $(grep -i -m 1 'error' "$work/log"); all of it in $work/log"
	[ -f "$work/anyprobe.ko" ] || die "failed to build the module: make made no anyprobe.ko; see $work/log"
	rm -rf "$work/kmod" "$work/vm"
	echo "load.sh: built $work/anyprobe.ko" >&2
}

load() {
	if [ -d /sys/module/anyprobe ]; then
		echo "load.sh: loaded already" >&2
		exit 0
	fi
	[ -e /proc/modules ] || die "failed to load the module: this kernel loads no modules (CONFIG_MODULES); ./anyprobe doctor" \
		"says what runs without"
	[ "$(id -u)" = 0 ] || die "failed to load the module: not root; run: sudo $0"
	module=$here/module/$(uname -r)/anyprobe.ko
	[ -f "$module" ] || build
	"$here/anyprobe" module load "$module" || exit 1
	echo "load.sh: loaded; now: ./anyprobe execsnoop --engine module" >&2
}

case ${1:-load} in
load) load ;;
build) build ;;
unload) exec "$here/anyprobe" module unload ;;
status) exec "$here/anyprobe" module status ;;
-h | --help) usage ;;
*)
	usage >&2
	exit 2
	;;
esac
