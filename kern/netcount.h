/* SPDX-License-Identifier: GPL-2.0-only */
/* What kern/netcount_kern.c counts; user/netcount_user.cpp reads it. */
#pragma once

#include <linux/types.h>

#define NETWORKS 256 /* slot 0: every address that is in none */

/* IPv4 stands in IPv6's room for it, ::ffff:a.b.c.d, so that one trie serves both. */
struct network_key {
	__u32 prefix; /* bits that count; first, as every LPM trie wants it */
	__u8 address[16];
};

struct peer {
	__u64 connects;
	__u64 last; /* ns of CLOCK_MONOTONIC */
};
