#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Makes the ELF files in this folder again (x86-64, gcc, binutils, systemtap-sdt-dev). They are kept in the tree, for
# tests run where no compiler is.
set -e
cd "$(dirname "$0")"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

cat >"$tmp/library.c" <<'C'
int shared_data = 1;
static int (*chosen(void))(int);
__attribute__((noinline)) static int twice(int x) { return x * 2; }
__attribute__((noinline)) static int hidden_helper(int x) { return twice(x) + 7; }
int old_answer(int x) { return hidden_helper(x); }
int new_answer(int x) { return hidden_helper(x) + 1; }
__asm__(".symver old_answer,answer@LIB_1");
__asm__(".symver new_answer,answer@@LIB_2");
static int fast(int x) { return x + shared_data; }
static int (*chosen(void))(int) { return fast; }
int choose(int) __attribute__((ifunc("chosen")));
int plain(int x) { return x; }
extern __typeof__(plain) __plain __attribute__((alias("plain")));
C
cat >"$tmp/library2.c" <<'C'
__attribute__((noinline)) static int twice(int x) { return x + x + 1; }
int other(int x) { return twice(x); }
C
echo 'LIB_1 { global: answer; local: old_answer; new_answer; }; LIB_2 { global: answer; choose; plain; __plain; other; shared_data; } LIB_1;' >"$tmp/map"
flags="-O1 -fPIC -fno-asynchronous-unwind-tables -fcf-protection=none -nostdlib -Wl,-z,noseparate-code -Wl,--build-id=sha1"
gcc $flags -shared -Wl,--version-script="$tmp/map" -o library.so "$tmp/library.c" "$tmp/library2.c"
objcopy --only-keep-debug library.so library.debug
objcopy --strip-all --add-gnu-debuglink=library.debug library.so stripped.so
# the same without a build id, so that the link's checksum decides
objcopy --remove-section .note.gnu.build-id library.so "$tmp/no_id.so"
objcopy --only-keep-debug "$tmp/no_id.so" no_id.debug
objcopy --strip-all --add-gnu-debuglink=no_id.debug "$tmp/no_id.so" no_id.so
rm -f library.so

cat >"$tmp/probes.c" <<'C'
#define _SDT_HAS_SEMAPHORES 1
#include <sys/sdt.h>
__extension__ unsigned short shop_sold_semaphore __attribute__((unused, section(".probes"), visibility("hidden")));
__extension__ unsigned short shop_opened_semaphore __attribute__((unused, section(".probes"), visibility("hidden")));
int stock[8];
struct item { long price; char name[24]; };
__attribute__((noinline)) void sell(struct item *item, int count, unsigned char color, signed char shelf)
{
	STAP_PROBE5(shop, sold, item->price, count, color, shelf, stock[count & 7]);
	STAP_PROBE3(shop, sold, 5, -7, item);
}
void _start(void)
{
	static struct item item;
	STAP_PROBE(shop, opened);
	for (int i = 0; i < 3; i++)
		sell(&item, i, 3, -1);
	for (;;)
		;
}
C
gcc -O2 -fno-asynchronous-unwind-tables -fcf-protection=none -nostdlib -static -Wl,-z,noseparate-code -o probes "$tmp/probes.c"
strip probes
ls -l
