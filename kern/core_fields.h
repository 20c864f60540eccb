/* SPDX-License-Identifier: GPL-2.0-only */
/* What kern/core_fields_kern.c finds out about the running kernel; user/core_fields_user.cpp prints it. */
#pragma once

#include <linux/types.h>

enum core_subject {
	CORE_TASK,	  /* struct task_struct itself */
	CORE_COMM,	  /* .comm */
	CORE_STATE,	  /* .__state (5.14) */
	CORE_OLD_STATE,	  /* .state, before 5.14 */
	CORE_RESET,	  /* .sched_reset_on_fork, a bit */
	CORE_START,	  /* .start_boottime (5.5), ns */
	CORE_OLD_START,	  /* .real_start_time, before 5.5, ns */
	CORE_SESSION,	  /* .signal->pids[PIDTYPE_SID]->numbers[0].nr */
	CORE_PIDTYPE_SID, /* the enumerator: 2 before 4.19, then 3 */
	CORE_SUBJECTS
};

struct core_fact {
	__u32 exists;
	__u32 offset; /* bytes */
	__u32 size;   /* bytes */
	__u32 padding;
	__u64 value; /* of the task that asked */
};

struct core_facts {
	__u64 time;
	struct core_fact facts[CORE_SUBJECTS];
	__u64 hz; /* CONFIG_HZ; 0: the kernel does not tell its configuration */
	__u32 version; /* as KERNEL_VERSION() makes it */
	__u32 padding;
	char comm[16];
};
