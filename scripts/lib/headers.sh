# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# The headers of Debian's kernels, unpacked beside the kernel and made to work from there, with this
# machine's compiler and C library. Sourced by kernels.sh.

# headers_fetch NAME: $KERNELS/NAME/headers/build is then a KDIR. The kernel must be in the cache.
headers_fetch() {
	local name=$1 package version suite dir lock status=0
	[ ! -d "$KERNELS/$name/headers/build" ] || return 0
	read -r package version suite <"$KERNELS/$name/package"
	kernel_lock "$name"
	dir=$KERNELS/.headers-$name
	rm -rf "$dir" && mkdir "$dir"
	(headers_from "linux-headers-${package#linux-image-}" "$suite" "$dir" "$KERNELS/$name/headers") || status=1
	if [ $status -eq 0 ]; then
		rm -rf "$dir/apt" "$dir/log"
		mv -T "$dir" "$KERNELS/$name/headers"
	else
		say vm "failed to fetch the headers of $name from $suite: $(log_reason "$dir/log")"
		rm -rf "$dir"
	fi
	exec {lock}>&-
	return $status
}

# headers_from PACKAGE SUITE DIR FINAL: the packages name each other by absolute paths below /usr; DIR will be FINAL.
headers_from() {
	local package=$1 suite=$2 dir=$3 final=$4 deb
	apt_state "$dir/apt" "$suite" || { echo 'no main archive in this machine'"'"'s apt sources' >"$dir/log"; return 1; }
	export APT_CONFIG=$dir/apt/apt.conf
	apt-get -o APT::Update::Error-Mode=any update >"$dir/log" 2>&1 || return 1
	say vm "fetching $package from $suite"
	# shellcheck disable=SC2046 # one word per package
	(cd "$dir/apt" && apt-get download "$package" $(apt-cache show --no-all-versions "$package" |
		sed -n 's/^Depends: //p' | tr ',|' '\n\n' | sed 's/^ *//; s/ .*//' | grep -E '^linux-(headers|kbuild)-')) \
		>"$dir/log" 2>&1 || return 1
	for deb in "$dir"/apt/*.deb; do
		dpkg -x "$deb" "$dir" 2>>"$dir/log" || return 1
	done
	find "$dir/usr/src" -maxdepth 2 \( -name Makefile -o -name .kernelvariables \) \
		-exec sed -i "s,/usr/\(src\|lib\)/linux-,$final/usr/\1/linux-,g" {} +
	ln -s "usr/src/$package" "$dir/build"
	headers_suit_compiler "$dir/build" && headers_suit_libc "$dir" "$final"
}

# The configuration says what the compiler of that suite knows; an option or attribute too many stops ours.
headers_suit_compiler() {
	local feature
	echo 'int f(void); int f(void) { return 0; }' >"$1/probe.c"
	gcc -Werror -fmin-function-alignment=16 -c -o /dev/null "$1/probe.c" 2>/dev/null || set -- "$@" MIN_FUNCTION_ALIGNMENT
	echo 'struct s { int n; char a[] __attribute__((counted_by(n))); };' >"$1/probe.c"
	gcc -Werror -c -o /dev/null "$1/probe.c" 2>/dev/null || set -- "$@" COUNTED_BY
	rm "$1/probe.c"
	for feature in "${@:2}"; do # and COUNTED_BY_PTR
		sed -i "/^CONFIG_CC_HAS_$feature\(_PTR\)\?=/d" "$1/include/config/auto.conf"
		sed -i "/^#define CONFIG_CC_HAS_$feature\(_PTR\)\? /d" "$1/include/generated/autoconf.h"
	done
}

# headers_suit_libc DIR FINAL: host tools that want a newer C library than ours get their suite's own.
headers_suit_libc() {
	local dir=$1 final=$2 tool deb
	# Since 6.12 objtool and modpost are shells around one per architecture: NAME.real-x86, NAME.real-lsb-64.
	for tool in "$dir"/usr/lib/linux-kbuild-*/tools/{objtool/objtool,bpf/resolve_btfids/resolve_btfids}{,.real-*} \
		"$dir"/usr/lib/linux-kbuild-*/scripts/{mod/modpost,basic/fixdep}{,.real-*}; do
		if [ ! -f "$tool" ] || [[ $tool == *.own-libc ]] || [[ $(ldd "$tool" 2>&1) != *'not found'* ]]; then continue; fi
		if [ ! -d "$dir/libc" ]; then
			(cd "$dir/apt" && apt-get download libc6 libelf1t64 zlib1g libzstd1) >"$dir/log" 2>&1 || return 1
			for deb in "$dir"/apt/{libc6,libelf1t64,zlib1g,libzstd1}_*.deb; do
				dpkg -x "$deb" "$dir/libc" 2>>"$dir/log" || return 1
			done
		fi
		mv "$tool" "$tool.own-libc"
		cat >"$tool" <<-END
		#!/bin/sh
		lib=$final/libc/usr/lib/x86_64-linux-gnu
		exec "\$lib/ld-linux-x86-64.so.2" --library-path "\$lib" "$final${tool#"$dir"}.own-libc" "\$@"
		END
		chmod +x "$tool"
	done
}
