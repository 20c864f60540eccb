// SPDX-License-Identifier: GPL-2.0-only
// Counts in maps, and no events.
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

struct stat {
	u64 calls;
	s64 last_flags;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, u32);
	__type(value, struct stat);
} by_process SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, u32);
	__type(value, u32); // fewer than the 8 bytes to which per-CPU values are padded
} by_kind SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} never_used SEC(".maps");

u64 total; // .bss: no map of the reader's

SEC("tp/syscalls/sys_enter_unlinkat")
int count_unlinkat(struct trace_event_raw_sys_enter *ctx)
{
	u32 pid = bpf_get_current_pid_tgid() >> 32, kind = ctx->args[2] ? 1 : 0;
	struct stat *stat, first = {1, ctx->args[2]};
	u32 *count;

	__sync_fetch_and_add(&total, 1);
	stat = bpf_map_lookup_elem(&by_process, &pid);
	if (stat) {
		stat->calls++;
		stat->last_flags = ctx->args[2];
	} else {
		bpf_map_update_elem(&by_process, &pid, &first, BPF_ANY);
	}
	count = bpf_map_lookup_elem(&by_kind, &kind);
	if (count)
		(*count)++;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
