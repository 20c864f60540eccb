/* SPDX-License-Identifier: GPL-2.0-only */
/* What kern/execsnoop_kern.c sends for each execve; user/execsnoop_user.cpp prints it. */
#pragma once

#include <linux/types.h>

#define EXEC_ARG_LEN 256 /* bytes of one argument, its NUL counted */
#define EXEC_MAX_ARGS 32

struct exec_event {
	__u64 time; /* ns of CLOCK_MONOTONIC, at the return */
	__u32 pid;
	__u32 parent_pid;
	__u32 uid;
	__s32 result; /* 0, or a negative errno */
	__u32 count;  /* arguments that are here */
	__u32 more;   /* 1: there were more of them */
	char comm[16]; /* after the call: the new program's name, if it succeeded */
	char args[EXEC_MAX_ARGS][EXEC_ARG_LEN]; /* `count` of them are sent */
};
