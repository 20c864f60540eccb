// SPDX-License-Identifier: GPL-2.0-only
/*
 * New processes and threads, counted where the kernel makes both: the tracepoint at the end of
 * copy_process(). Its record has the clone flags, which tell one from the other.
 */
#include "filter.h"
#include "forkcount.h"

#define CLONE_THREAD 0x00010000

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, FORK_KINDS);
	__type(key, __u32);
	__type(value, __u64);
} forks SEC(".maps");

SEC("tracepoint/task/task_newtask")
int count_forks(struct trace_event_raw_task_newtask *ctx)
{
	__u32 kind = ctx->clone_flags & CLONE_THREAD ? FORK_THREAD : FORK_PROCESS;
	__u64 *count;

	if (!wanted())
		return 0;
	count = bpf_map_lookup_elem(&forks, &kind);
	if (count)
		(*count)++;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
