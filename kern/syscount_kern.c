// SPDX-License-Identifier: GPL-2.0-only
/*
 * System calls, counted by number or by process; with their latency, or those alone that fail.
 *
 * A plain count is taken at the entry, and the program for the return is then not loaded. As a raw
 * tracepoint (4.17) it gets the number as an argument and the kernel need not first write a record.
 * Calls by number go to a per-CPU array: no lock, no hash.
 */
#include "filter.h"
#include "lost.h"
#include "syscount.h"

const volatile bool by_process = false;
const volatile bool at_return = false; /* count there: latency and failures are known then */
const volatile bool failed_only = false;

struct call {
	__u64 start; /* ns */
	__u64 number;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SYSCALL_SLOTS);
	__type(key, __u32);
	__type(value, struct syscall_stat);
} calls_by_number SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 10240);
	__type(key, __u32); /* process id */
	__type(value, struct process_stat);
} calls_by_process SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 10240);
	__type(key, __u32); /* thread id */
	__type(value, struct call);
} under_way SEC(".maps");

static __always_inline void count_for_process(__u64 ns)
{
	__u32 pid = bpf_get_current_pid_tgid() >> 32;
	struct process_stat *process = bpf_map_lookup_elem(&calls_by_process, &pid);
	struct process_stat first = {};

	if (process) {
		process->stat.count++;
		process->stat.total += ns;
		return;
	}
	first.stat.count = 1;
	first.stat.total = ns;
	bpf_get_current_comm(first.comm, sizeof(first.comm));
	keep(&calls_by_process, &pid, &first);
}

static __always_inline int count(__u64 number, __u64 ns)
{
	struct syscall_stat *stat;
	__u32 slot = number;

	if (by_process) {
		count_for_process(ns);
		return 0;
	}
	stat = bpf_map_lookup_elem(&calls_by_number, &slot);
	if (stat) {
		stat->count++;
		stat->total += ns;
	} else {
		count_lost();
	}
	return 0;
}

static __always_inline int enter(__u64 number)
{
	struct call call = {.number = number};
	__u32 tid;

	if (!wanted())
		return 0;
	if (!at_return)
		return count(number, 0);
	call.start = bpf_ktime_get_ns();
	tid = bpf_get_current_pid_tgid();
	keep(&under_way, &tid, &call);
	return 0;
}

static __always_inline int leave(long result)
{
	__u32 tid = bpf_get_current_pid_tgid();
	struct call *call = bpf_map_lookup_elem(&under_way, &tid);

	if (!call) /* it began before the tracing did, or is not wanted */
		return 0;
	if (!failed_only || (result < 0 && result >= -4095))
		count(call->number, bpf_ktime_get_ns() - call->start);
	bpf_map_delete_elem(&under_way, &tid);
	return 0;
}

/* Arguments of the raw tracepoints: (pt_regs *, number) and (pt_regs *, result). */
SEC("raw_tracepoint/sys_enter")
int enter___raw(struct bpf_raw_tracepoint_args *ctx)
{
	return enter(ctx->args[1]);
}

SEC("tracepoint/raw_syscalls/sys_enter")
int enter___classic(struct trace_event_raw_sys_enter *ctx)
{
	return enter(ctx->id);
}

SEC("raw_tracepoint/sys_exit")
int leave___raw(struct bpf_raw_tracepoint_args *ctx)
{
	return leave(ctx->args[1]);
}

SEC("tracepoint/raw_syscalls/sys_exit")
int leave___classic(struct trace_event_raw_sys_exit *ctx)
{
	return leave(ctx->ret);
}

char LICENSE[] SEC("license") = "GPL";
