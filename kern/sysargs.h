/* SPDX-License-Identifier: GPL-2.0-only */
/* What kern/sysargs_kern.c sends for each call; user/sysargs_user.cpp prints it. */
#pragma once

#include <linux/types.h>

#define SYSARGS_TEXT	128
#define SYSARGS_NUMBERS 512 /* system call numbers that can have a program */

struct call_event {
	__u64 time; /* ns of CLOCK_MONOTONIC */
	__u32 pid;
	__u32 number;
	__u64 values[3];
	char comm[16];
	char text[SYSARGS_TEXT]; /* a path, where the call takes one; at the end, for it is sent as far as it goes */
};
