# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# What a guest of scripts/vm holds. Its initramfs is two archives, one after the other:
# busybox and modules (made once per kernel), then what changes with every call.

# Modules that a test may want; modprobe and the kernel's own request_module find them inside.
GUEST_MODULES='null_blk brd loop af_packet dummy veth tun sch_netem sch_ingress cls_bpf act_bpf
	tcp_diag udp_diag inet_diag unix_diag virtio_pci virtio_blk virtio_net virtio_console'

cpio_pack() {
	(cd "$1" && find . -mindepth 1 | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0) >"$2"
}

# modules_copy ROOT RELEASE DEST: the modules above with all that they depend on.
modules_copy() {
	local root=$1 release=$2 dest=$3 module verb path rest
	mkdir -p "$dest/lib/modules/$release"
	for module in $GUEST_MODULES; do
		# Unknown ones are fine: kernels differ, and a custom one may have none.
		modprobe -d "$root" -S "$release" --show-depends "$module" 2>/dev/null || true
	done | while read -r verb path rest; do
		if [ "$verb" = insmod ]; then echo "$path"; fi # else it is built in
	done | LC_ALL=C sort -u | while read -r path; do
		module_unpack "$path" "$dest/lib/modules/$release"
	done
	cp "$root/lib/modules/$release"/modules.{builtin,order} "$dest/lib/modules/$release/" 2>/dev/null || true
	cp "$root/lib/modules/$release/modules.builtin.modinfo" "$dest/lib/modules/$release/" 2>/dev/null || true
	depmod -b "$dest" "$release"
}

# Unpacked here, for the guest's modprobe may know no compression.
module_unpack() {
	local name=${1##*/}
	case $name in
	*.xz) xz -dc "$1" >"$2/${name%.xz}" ;;
	*.zst) zstd -qdc "$1" >"$2/${name%.zst}" ;;
	*.gz) gzip -dc "$1" >"$2/${name%.gz}" ;;
	*) cp "$1" "$2/$name" ;;
	esac
}

# guest_base ROOT RELEASE ARCHIVE TMP: busybox, folders, modules. ROOT '' means no modules.
guest_base() {
	local root=$1 release=$2 archive=$3 dir=$4/base busybox
	busybox=$(command -v busybox) || die 1 vm 'failed to find busybox: run scripts/setup test'
	mkdir -p "$dir"/{bin,dev,etc,proc,root,run,sys,tmp,usr,vm,lib/modules}
	chmod 1777 "$dir/tmp"
	cp "$busybox" "$dir/bin/busybox"
	ln -s bin "$dir/sbin" # the kernel calls /sbin/modprobe
	ln -s ../bin "$dir/usr/bin"
	ln -s ../bin "$dir/usr/sbin"
	printf '%s\n' 'root:x:0:0:root:/root:/bin/sh' 'nobody:x:65534:65534:nobody:/:/bin/sh' >"$dir/etc/passwd"
	printf '%s\n' 'root:x:0:' 'nogroup:x:65534:' >"$dir/etc/group"
	printf '%s\n' '127.0.0.1 localhost anyprobe' '::1 localhost' >"$dir/etc/hosts"
	[ -z "$root" ] || modules_copy "$root" "$release" "$dir"
	# Types of a kernel that has none itself, where anyprobe looks for them.
	if [ -n "$root" ] && [ -f "$root/boot/btf" ]; then
		install -d -m 755 "$dir/var/lib/anyprobe/btf"
		install -m 644 "$root/boot/btf" "$dir/var/lib/anyprobe/btf/$release.btf"
	fi
	cpio_pack "$dir" "$4/base.cpio"
	mv "$4/base.cpio" "$archive"
}

# guest_base_cached NAME TMP: prints the archive for a kernel of the cache.
guest_base_cached() {
	local name=$1 root=$KERNELS/$1/root archive key
	key=$({ cat "$TOP/scripts/lib/guest.sh"; stat -Lc '%s %Y' "$(command -v busybox)"; } | cksum | cut -d' ' -f1)
	archive=$KERNELS/$name/base-$key.cpio
	if [ ! -f "$archive" ]; then
		rm -f "$KERNELS/$name"/base-*.cpio
		guest_base "$root" "$(kernel_release "$root")" "$archive" "$2"
	fi
	echo "$archive"
}

# The command as a line of shell that gives every argument back byte by byte.
shell_quote() {
	local arg
	for arg; do
		printf "'%s' " "${arg//\'/\'\\\'\'}"
	done
}

# guest_files DIR: our own programs, at the same relative places as on this machine, and on PATH.
guest_files() {
	local dir=$1 binary=$TOP/.output/anyprobe test sample module to
	mkdir -p "$dir/.output/tests" "$dir/bin"
	for test in "$TOP"/.output/tests/*; do
		case $test in
		*.bpf.o) cp "$test" "$dir/.output/tests/" ;; # what the live tests give to `anyprobe run`
		*) if [ -f "$test" ] && [ -x "$test" ]; then cp "$test" "$dir/.output/tests/"; fi ;;
		esac
	done
	for module in "$TOP"/.output/module/*/*.ko; do
		[ -f "$module" ] || continue
		to=$dir/.output/${module#"$TOP"/.output/}
		mkdir -p "${to%/*}"
		strip -g -o "$to" "$module"
	done
	[ -x "$binary" ] || return 0
	cp "$binary" "$dir/.output/anyprobe"
	ln -s ../.output/anyprobe "$dir/bin/anyprobe"
	for sample in $("$binary" list 2>/dev/null | awk '$1 ~ /^[a-z][a-z0-9_]*$/ { print $1 }'); do
		[ -e "$dir/bin/$sample" ] || ln -s ../.output/anyprobe "$dir/bin/$sample"
	done
}

# guest_extra DIR PATH[:DEST]
guest_extra() {
	local from=${2%%:*} to=${2#*:}
	[ -e "$from" ] || die 2 vm "failed to find --file $from: no such file"
	mkdir -p "$1/$(dirname "$to")"
	cp -a "$from" "$1/$to"
}
