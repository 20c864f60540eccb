/* SPDX-License-Identifier: GPL-2.0-only */
/* A histogram as a map's value: kern/include/histogram.h counts, user/layer/histogram_map.h reads. */
#pragma once

#include <linux/types.h>

#define HIST_SLOTS 48 /* the last one counts from 2^47 on: 39 hours in ns */

struct hist {
	__u32 slots[HIST_SLOTS]; /* slot 0: values 0 and 1; slot i: 2^i to 2^(i+1)-1 */
	char name[16];		 /* what the key stands for, if a sample wants it kept (a comm); else empty */
};
