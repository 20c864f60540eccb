// SPDX-License-Identifier: GPL-2.0-only
// Folders made, through a perf buffer, as before Linux 5.8. perf pads its records.
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

struct mkdir_event {
	u32 pid;
	u32 mode;
	char path[16];
};

// A struct that only a function's own variables have is not in the BTF.
const struct mkdir_event *unused __attribute__((unused));

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, sizeof(int));
	__uint(value_size, sizeof(int));
} pb SEC(".maps");

SEC("tracepoint/syscalls/sys_enter_mkdirat")
int trace_mkdirat(struct trace_event_raw_sys_enter *ctx)
{
	struct mkdir_event e = {};

	e.pid = bpf_get_current_pid_tgid() >> 32;
	e.mode = ctx->args[2];
	bpf_probe_read_user_str(e.path, sizeof(e.path), (void *)ctx->args[1]);
	bpf_perf_event_output(ctx, &pb, BPF_F_CURRENT_CPU, &e, sizeof(e));
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
