# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# Kernels that nobody ships: built once into the cache from Debian's linux-source package, with
# tinyconfig, lib/kernels/small.config and lib/kernels/NAME.config. Sourced by kernels.sh.

KERNEL_CONFIGS=$TOP/scripts/lib/kernels

# kernel_is_built NAME: do we build it ourselves?
kernel_is_built() {
	[ -f "$KERNEL_CONFIGS/$1.config" ]
}

# build_from NAME SUITE DIR: as fetch_from, but the kernel comes out of a compiler.
build_from() {
	local name=$1 suite=$2 dir=$3 package=linux-source-${1%%-*} program
	for program in bison flex bc make gcc; do
		command -v $program >/dev/null || { echo "there is no $program: run sudo scripts/setup test" >"$dir/log"; return 1; }
	done
	apt-get -o APT::Update::Error-Mode=any update >"$dir/log" 2>&1 || return 1
	apt-cache show --no-all-versions "$package" >/dev/null 2>&1 || { echo "$suite has no $package" >"$dir/log"; return 1; }
	say vm "building kernel $name from $package of $suite: this takes minutes, once"
	(cd "$dir/apt" && apt-get download "$package") >"$dir/log" 2>&1 || return 1
	dpkg -x "$dir"/apt/*.deb "$dir/apt/unpacked" 2>>"$dir/log" || return 1
	mkdir -p "$dir/headers/build"
	tar -xf "$dir/apt/unpacked/usr/src/$package.tar.xz" -C "$dir/headers/build" --strip-components 1 2>>"$dir/log" || return 1
	if ! build_kernel "$name" "$dir" >"$dir/log" 2>&1; then
		grep -E -m 1 'error|Error|not kept' "$dir/log" >"$dir/why" || true
		mv "$dir/log" "$KERNELS/$name.build.log"
		echo "the build failed, see $KERNELS/$name.build.log: $(cat "$dir/why")" >"$dir/log"
		return 1
	fi
	echo "$package $(apt-cache show --no-all-versions "$package" | awk '/^Version:/ { print $2 }') $suite" >"$dir/package"
}

# build_kernel NAME DIR: DIR/headers/build is the source; DIR/root gets the image and its modules.
build_kernel() {
	local name=$1 dir=$2 source=$2/headers/build
	local make=(nice make -s -C "$source" -j "$(nproc)" KBUILD_BUILD_USER=anyprobe KBUILD_BUILD_HOST=anyprobe)
	# tinyconfig asks for a localversion by its git state otherwise; warnings of a newer compiler are not ours.
	"${make[@]}" tinyconfig || return 1
	(cd "$source" && scripts/kconfig/merge_config.sh -m .config "$KERNEL_CONFIGS/small.config" \
		"$KERNEL_CONFIGS/$name.config") || return 1
	echo "CONFIG_LOCALVERSION=\"-anyprobe-${name#*-}\"" >>"$source/.config"
	"${make[@]}" olddefconfig || return 1
	config_kept "$source/.config" "$KERNEL_CONFIGS/small.config" "$KERNEL_CONFIGS/$name.config" || return 1
	"${make[@]}" KCFLAGS=-Wno-error bzImage modules || return 1
	"${make[@]}" INSTALL_MOD_PATH="$dir/root" modules_install || return 1
	mkdir -p "$dir/root/boot"
	cp "$source/arch/x86/boot/bzImage" "$dir/root/boot/vmlinuz-$(kernel_release "$dir/root")"
	cp "$source/System.map" "$dir/root/boot/System.map-$(kernel_release "$dir/root")"
	rm -f "$dir"/root/lib/modules/*/{build,source}
	source_prune "$source" && make -s -C "$TOP" .output/anyprobe &&
		"$TOP/.output/anyprobe" btf make --headers "$source" -o "$dir/root/boot/btf"
}

# config_kept CONFIG FRAGMENT...: kconfig drops silently what it cannot have.
config_kept() {
	local config=$1 line name
	shift
	# Later fragments overrule earlier ones.
	cat "$@" | awk -F= '/^CONFIG_/ { want[$1] = $0 } END { for (name in want) print want[name] }' | {
		local lost=0
		while read -r line; do
			name=${line%%=*}
			if [[ $line == *=n ]]; then
				! grep -q "^$name=" "$config" && continue
			else
				grep -qx "$line" "$config" && continue
			fi
			echo "not kept by kconfig: $line"
			lost=1
		done
		return $lost
	}
}

# source_prune SOURCE: what stays is what a module's build reads.
source_prune() {
	local source=$1
	find "$source" -type f ! -name '*.h' ! -name 'Makefile*' ! -name 'Kbuild*' ! -name 'Kconfig*' ! -name .config \
		! -name Module.symvers ! -name '*.lds' ! -path "$source/scripts/*" ! -path "$source/tools/objtool/objtool" \
		! -path "$source/include/*" ! -path "$source/arch/x86/include/*" -delete
	find "$source" -type f -name '*.o' ! -path "$source/scripts/*" -delete
	find "$source" -type d -empty -delete
}
