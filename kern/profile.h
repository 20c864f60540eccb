/* SPDX-License-Identifier: GPL-2.0-only */
/* What kern/profile_kern.c counts; user/profile_user.cpp reads it. */
#pragma once

#include <linux/types.h>

#define PROFILE_DEPTH 127 /* frames of a stack; the kernel's own limit unless somebody raised it */

struct profile_key {
	__u32 pid;
	__s32 kernel_stack; /* number in `stacks`; negative: none */
	__s32 user_stack;
	__u32 reserved;
	char comm[16];
};

/* Sent when a process is first seen, for its memory map must be read while it lives. */
struct profile_process {
	__u32 pid;
	__u32 reserved;
	char comm[16]; /* another name is another program: its map is another one too */
};
