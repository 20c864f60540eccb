// SPDX-License-Identifier: GPL-2.0-only
/*
 * How long tasks wait for a CPU: from when they can run (woken, or preempted) to when they run.
 *
 * A thread's start of waiting is kept under its id until it is switched to. Tasks of other CPUs are
 * seen here too, so every filter is on the task, not on the current one.
 */
#include "filter.h"
#include "histogram.h"

const volatile bool per_process = false;
const volatile __u32 unit_ns = 1000;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 32768);
	__type(key, __u32);   /* thread id */
	__type(value, __u64); /* ns, since when it waits */
} waiting SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 10240);
	__type(key, __u32); /* process id; 0: all */
	__type(value, struct hist);
} latencies SEC(".maps");

static __always_inline long state_of(struct task_struct *task)
{
	struct task_struct___before_5_14 *old = (void *)task;

	if (bpf_core_field_exists(task->__state))
		return BPF_CORE_READ(task, __state);
	return BPF_CORE_READ(old, state);
}

static __always_inline int begin(struct task_struct *task)
{
	__u32 tid = BPF_CORE_READ(task, pid);
	__u64 now;

	if (!tid || !wanted_task(task)) /* 0: a CPU's idle task */
		return 0;
	now = bpf_ktime_get_ns();
	keep(&waiting, &tid, &now);
	return 0;
}

static __always_inline void count(struct task_struct *task, __u64 ns)
{
	__u32 pid = per_process ? BPF_CORE_READ(task, tgid) : 0;
	struct hist *hist = hist_of(&latencies, &pid);

	if (!hist)
		return;
	hist_count(hist, ns / unit_ns);
	if (per_process) /* each time, for an exec changes it */
		BPF_CORE_READ_INTO(&hist->name, task, group_leader, comm);
}

static __always_inline void end(struct task_struct *task)
{
	__u32 tid = BPF_CORE_READ(task, pid);
	__u64 *since = bpf_map_lookup_elem(&waiting, &tid);

	if (!since)
		return;
	count(task, bpf_ktime_get_ns() - *since);
	bpf_map_delete_elem(&waiting, &tid);
}

/* Arguments: (task), since 4.4; one more before, behind it. */
SEC("raw_tracepoint/sched_wakeup")
int wakeup(struct bpf_raw_tracepoint_args *ctx)
{
	return begin((struct task_struct *)ctx->args[0]);
}

SEC("raw_tracepoint/sched_wakeup_new")
int wakeup_new(struct bpf_raw_tracepoint_args *ctx)
{
	return begin((struct task_struct *)ctx->args[0]);
}

/* Arguments: (preempt, prev, next); since 5.18 one more behind them. */
SEC("raw_tracepoint/sched_switch")
int switch_task(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *prev = (struct task_struct *)ctx->args[1];
	struct task_struct *next = (struct task_struct *)ctx->args[2];
	bool preempted = ctx->args[0];
	__u32 tid = BPF_CORE_READ(prev, pid);

	/* A task that was preempted on its way to sleep can run all the same. */
	if (preempted || !state_of(prev))
		begin(prev);
	else if (bpf_map_lookup_elem(&waiting, &tid)) /* woken while it ran; it may never come back */
		bpf_map_delete_elem(&waiting, &tid);
	end(next);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
