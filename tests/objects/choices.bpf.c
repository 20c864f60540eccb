// SPDX-License-Identifier: GPL-2.0-only
// Programs that a kernel may lack the place for, in all the ways that the loader knows.
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

SEC("kprobe/first_name|second_name|third_name+0x10")
int renamed(void *ctx)
{
	return 0;
}

SEC("?tracepoint/some/optional")
int optional(void *ctx)
{
	return 0;
}

SEC("raw_tracepoint/event")
int either___raw(void *ctx)
{
	return 0;
}

SEC("kprobe.multi/function")
int either___many(void *ctx)
{
	return 0;
}

SEC("tracepoint/some/event")
int either___old(void *ctx)
{
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
