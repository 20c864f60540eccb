// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls of kernel functions, counted by the address where the probe hit. One program serves all
 * functions: with kprobe.multi (5.18) one call attaches it to all of them, else there is a kprobe each.
 */
#include "filter.h"
#include "lost.h"
#include "registers.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64); /* an address inside of the function, near its start */
	__type(value, __u64);
} calls SEC(".maps");

static __always_inline int count(struct pt_regs *ctx)
{
	__u64 ip = PT_REGS_IP(ctx), one = 1;
	__u64 *calls_here;

	if (!wanted())
		return 0;
	calls_here = bpf_map_lookup_elem(&calls, &ip);
	if (calls_here)
		(*calls_here)++;
	else
		keep(&calls, &ip, &one);
	return 0;
}

SEC("kprobe.multi")
int count___multi(struct pt_regs *ctx)
{
	return count(ctx);
}

SEC("kprobe")
int count___single(struct pt_regs *ctx)
{
	return count(ctx);
}

char LICENSE[] SEC("license") = "GPL";
