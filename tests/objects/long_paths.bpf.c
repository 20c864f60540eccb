// SPDX-License-Identifier: GPL-2.0-only
// Three strings of one event: long ones are together more than perf carries.
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

struct three_paths {
	u32 pid;
	char whole[16];
	char without_first[20];
	char without_second[24];
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} paths SEC(".maps");

const struct three_paths *unused __attribute__((unused));

SEC("tp/syscalls/sys_enter_openat")
int enter_openat(struct trace_event_raw_sys_enter *ctx)
{
	const char *path = (const char *)ctx->args[1];
	struct three_paths *event = bpf_ringbuf_reserve(&paths, sizeof(*event), 0);

	if (!event)
		return 0;
	__builtin_memset(event, 0, sizeof(*event));
	event->pid = bpf_get_current_pid_tgid() >> 32;
	bpf_probe_read_user_str(event->whole, sizeof(event->whole), path);
	bpf_probe_read_user_str(event->without_first, sizeof(event->without_first), path + 1);
	bpf_probe_read_user_str(event->without_second, sizeof(event->without_second), path + 2);
	bpf_ringbuf_submit(event, 0);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
