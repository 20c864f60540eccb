/* SPDX-License-Identifier: GPL-2.0-only */
/* What kern/opensnoop_kern.c sends for each open; user/opensnoop_user.cpp prints it. */
#pragma once

#include <linux/types.h>

struct open_event {
	__u64 time; /* ns of CLOCK_MONOTONIC, at the return */
	__u32 pid;
	__u32 tid;
	__u32 uid;
	__s32 result; /* the file descriptor, or a negative errno */
	__u32 flags;  /* O_* */
	__u32 mode;   /* permission bits when the call can create */
	char comm[16];
	char path[256];
};
