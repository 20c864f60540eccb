// SPDX-License-Identifier: GPL-2.0-only
// opensnoop's events without their paths, which need kprobes where another engine than the kernel's runs it: for scripts/bench.
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

struct open_event {
	u64 time;
	u32 pid;
	u32 flags;
	char comm[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} opens SEC(".maps");

const struct open_event *unused __attribute__((unused));

SEC("tp/syscalls/sys_enter_openat")
int enter_openat(struct trace_event_raw_sys_enter *ctx)
{
	struct open_event *event = bpf_ringbuf_reserve(&opens, sizeof(*event), 0);

	if (!event)
		return 0;
	event->time = bpf_ktime_get_ns();
	event->pid = bpf_get_current_pid_tgid() >> 32;
	event->flags = ctx->args[2];
	bpf_get_current_comm(event->comm, sizeof(event->comm));
	bpf_ringbuf_submit(event, 0);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
