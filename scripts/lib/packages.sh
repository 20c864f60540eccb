# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# What each group of scripts/setup needs. A|B: the first of them that the system has.

DEB_build='make g++ libc6-dev pkg-config clang llvm bpftool|linux-tools-generic libbpf-dev libelf-dev zlib1g-dev
	libfmt-dev libcli11-dev nlohmann-json3-dev'
DEB_test='libcunit1-dev libclang-rt-dev systemtap-sdt-dev qemu-system-x86 busybox-static cpio kmod xz-utils zstd groff-base
	bison flex bc rpm'
DEB_bench='libbpf-tools|bpfcc-tools bpftrace linux-perf trace-cmd'

# The binary is static, so the C and C++ libraries are needed as archives too.
RPM_build='make gcc-c++ pkgconf-pkg-config|pkgconfig clang llvm bpftool libbpf-devel libbpf-static
	elfutils-libelf-devel elfutils-libelf-devel-static zlib-devel zlib-static|zlib-ng-compat-static
	glibc-static libstdc++-static fmt-devel cli11-devel json-devel'
RPM_test='CUnit-devel compiler-rt systemtap-sdt-devel qemu-system-x86-core|qemu-kvm busybox cpio kmod xz zstd groff-base
	bison flex bc rpm-build'
RPM_bench='libbpf-tools|bcc-tools bpftrace perf trace-cmd'
