/* SPDX-License-Identifier: GPL-2.0-only */
/* Key of the histograms that kern/funclatency_kern.c fills; user/funclatency_user.cpp reads them. */
#pragma once

#include <linux/types.h>

struct latency_key {
	__u64 address; /* where the function was entered; 0: all functions together */
	__u32 pid;     /* in whose memory the address is; 0: the kernel's, or all together */
	__u32 reserved;
};
