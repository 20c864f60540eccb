/* SPDX-License-Identifier: GPL-2.0-only */
/* What kern/tcpconnect_kern.c sends for each connect; user/tcpconnect_user.cpp prints it. */
#pragma once

#include <linux/types.h>

struct connect_event {
	__u64 time; /* ns of CLOCK_MONOTONIC, when the result was known */
	__u32 pid;
	__s32 result;	   /* 0 or a negative errno */
	__u16 version;	   /* 4 or 6: what goes over the wire */
	__u16 source_port; /* 0: none yet */
	__u16 dest_port;   /* both in the machine's own byte order */
	__u16 padding;
	__u8 source[16]; /* version 4: the first four bytes */
	__u8 dest[16];
	char comm[16];
};
