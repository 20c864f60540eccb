/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The integer names of the kernel, for the headers that consumers include. The kernel has them
 * already; user space gets exactly the same types, so that one format string serves both.
 */
#ifndef VM_TYPES_H
#define VM_TYPES_H

#ifdef __KERNEL__
#include "port_kernel.h"
#else
typedef unsigned char u8;
typedef signed char s8;
typedef unsigned short u16;
typedef short s16;
typedef unsigned int u32;
typedef int s32;
typedef unsigned long long u64;
typedef long long s64;
#endif

#endif
