/* SPDX-License-Identifier: GPL-2.0-only */
/* What kern/syscount_kern.c counts; user/syscount_user.cpp reads it. */
#pragma once

#include <linux/types.h>

#define SYSCALL_SLOTS 1024 /* numbers from 0; Linux 6.18 is at 470 */

struct syscall_stat {
	__u64 count;
	__u64 total; /* ns from entry to return, where latency is asked for */
};

struct process_stat {
	struct syscall_stat stat;
	char comm[16];
};
