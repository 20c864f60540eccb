// SPDX-License-Identifier: GPL-2.0-only
/*
 * System calls by control group, all or a random sample of them.
 *
 * A task is in one cgroup of the v2 hierarchy, and the kernel tells its number (4.18): what a file handle of
 * the folder below /sys/fs/cgroup holds. A name would take a walk through the kernel's structs for each call.
 *
 * One call in N, chosen by chance, says nearly as much as all of them, and costs less. By chance and not every
 * Nth: what comes at regular intervals would be seen always or never.
 */
#include "cgroupcount.h"
#include "filter.h"
#include "lost.h"

const volatile __u32 one_in = 1;
const volatile __u64 only_cgroup = 0; /* 0: every one */

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, CGROUPS);
	__type(key, __u64); /* cgroup id */
	__type(value, __u64);
} calls SEC(".maps");

static __always_inline int count(void)
{
	__u64 id, one = 1, *number;

	if (one_in > 1 && bpf_get_prandom_u32() % one_in)
		return 0;
	if (!wanted())
		return 0;
	id = bpf_get_current_cgroup_id();
	if (only_cgroup && id != only_cgroup)
		return 0;
	number = bpf_map_lookup_elem(&calls, &id);
	if (number)
		(*number)++;
	else
		keep(&calls, &id, &one);
	return 0;
}

SEC("raw_tracepoint/sys_enter")
int enter___raw(struct bpf_raw_tracepoint_args *ctx)
{
	return count();
}

SEC("tracepoint/raw_syscalls/sys_enter")
int enter___classic(struct trace_event_raw_sys_enter *ctx)
{
	return count();
}

char LICENSE[] SEC("license") = "GPL";
