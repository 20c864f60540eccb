// SPDX-License-Identifier: GPL-2.0-only
// A function of the test program itself, named as libbpf names it: uprobe/PATH:FUNCTION. The path is a
// link that the test makes.
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, u64);
	__type(value, u64);
} by_argument SEC(".maps");

SEC("uprobe//tmp/anyprobe-test-uprobe:anyprobe_probed_function")
int BPF_KPROBE(probed, long argument)
{
	u64 key = argument, one = 1, *count = bpf_map_lookup_elem(&by_argument, &key);

	if (count)
		__sync_fetch_and_add(count, 1);
	else
		bpf_map_update_elem(&by_argument, &key, &one, BPF_ANY);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
