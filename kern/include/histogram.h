/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Histograms with slots by powers of two, in a hash map from any key to struct hist:
 *
 *	hist_add(&latencies, &key, usecs);
 */
#pragma once

#include "hist.h"
#include "lost.h"

/*
 * The slot of a value. Without a branch: the verifier then follows one path, not sixty-four.
 * (__builtin_clzll would say it in a word, but clang 14 crashes on it.)
 */
static __always_inline __u32 hist_slot(__u64 value)
{
	__u32 slot;

	value |= value >> 1;
	value |= value >> 2;
	value |= value >> 4;
	value |= value >> 8;
	value |= value >> 16;
	value |= value >> 32; /* now all bits below the highest are set */
	slot = __builtin_popcountll(value | 1) - 1;
	return slot < HIST_SLOTS ? slot : HIST_SLOTS - 1;
}

/* The histogram under this key, made if it is new; NULL, and counted as lost, when the map is full. */
static __always_inline struct hist *hist_of(void *map, const void *key)
{
	struct hist *hist = bpf_map_lookup_elem(map, key);
	struct hist empty = {};

	if (hist)
		return hist;
	/* Another CPU may be first; then this update fails and the look-up finds the other's. */
	bpf_map_update_elem(map, key, &empty, BPF_NOEXIST);
	hist = bpf_map_lookup_elem(map, key);
	if (!hist)
		count_lost();
	return hist;
}

static __always_inline void hist_count(struct hist *hist, __u64 value)
{
	__sync_fetch_and_add(&hist->slots[hist_slot(value)], 1);
}

static __always_inline void hist_add(void *map, const void *key, __u64 value)
{
	struct hist *hist = hist_of(map, key);

	if (hist)
		hist_count(hist, value);
}
