/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * emit(ctx, event, size): hand one record to user space.
 *
 * Through a ring buffer where the kernel has them (5.8), else through a perf buffer: before it loads
 * the program, the user side turns `events` into a perf event array and clears events_in_ring, and
 * the verifier then drops the branch that cannot be taken. A record that found no room is counted as
 * lost.
 */
#pragma once

#include "lost.h"

const volatile bool events_in_ring = true;

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1024 * 1024);
} events SEC(".maps");

static __always_inline void emit(void *ctx, void *event, __u64 size)
{
	long err;

	if (events_in_ring)
		err = bpf_ringbuf_output(&events, event, size, 0);
	else
		err = bpf_perf_event_output(ctx, &events, BPF_F_CURRENT_CPU, event, size);
	if (err)
		count_lost();
}
