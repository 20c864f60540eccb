// SPDX-License-Identifier: GPL-2.0-only
// A BTF-typed tracepoint.
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

struct parting {
	u32 pid;
	u32 tgid;
	u32 parent;
};

const struct parting *unused __attribute__((unused));

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 64 * 1024);
} parted SEC(".maps");

SEC("tp_btf/sched_process_exit")
int BPF_PROG(task_exits, struct task_struct *task)
{
	struct parting e = {task->pid, task->tgid, task->real_parent->tgid};

	bpf_ringbuf_output(&parted, &e, sizeof(e), 0);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
