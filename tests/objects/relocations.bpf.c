// SPDX-License-Identifier: GPL-2.0-only
// Every kind of reference that libbpf resolves before a program is loaded.
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

struct moved {
	int first;
	long second;
} __attribute__((preserve_access_index));

struct moved___older {
	long old_second;
} __attribute__((preserve_access_index));

const volatile u64 constant = 0x1234567812345678;
u64 variable = 0x4321;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 7);
	__type(key, u32);
	__type(value, u64);
} table SEC(".maps");

static __attribute__((noinline)) long subprogram(struct moved *moved)
{
	long second = 0;

	if (bpf_core_field_exists(moved->second))
		bpf_core_read(&second, sizeof(second), &moved->second);
	else
		bpf_core_read(&second, sizeof(second), &((struct moved___older *)moved)->old_second);
	return second;
}

SEC("tracepoint/some/event")
int relocated(struct moved *ctx)
{
	u32 key = bpf_core_type_size(struct moved);
	u64 value = subprogram(ctx) + constant;

	variable++;
	bpf_map_update_elem(&table, &key, &value, BPF_ANY);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
