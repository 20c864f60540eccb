// SPDX-License-Identifier: GPL-2.0-only
/*
 * How long tasks wait for a CPU: from when they can run (woken, or preempted) to when they run.
 *
 * A thread's start of waiting is kept under its id until it is switched to. Tasks of other CPUs are
 * seen here too, so every filter is on the task, not on the current one (but see the classic records below).
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

static __always_inline int wait_from_now(__u32 tid)
{
	__u64 now = bpf_ktime_get_ns();

	if (tid) /* 0: a CPU's idle task */
		keep(&waiting, &tid, &now);
	return 0;
}

/* Woken while it ran: it may never come back. */
static __always_inline void forget(__u32 tid)
{
	if (bpf_map_lookup_elem(&waiting, &tid))
		bpf_map_delete_elem(&waiting, &tid);
}

static __always_inline int begin(struct task_struct *task)
{
	return wanted_task(task) ? wait_from_now(BPF_CORE_READ(task, pid)) : 0;
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
int wakeup___raw(struct bpf_raw_tracepoint_args *ctx)
{
	return begin((struct task_struct *)ctx->args[0]);
}

SEC("raw_tracepoint/sched_wakeup_new")
int wakeup_new___raw(struct bpf_raw_tracepoint_args *ctx)
{
	return begin((struct task_struct *)ctx->args[0]);
}

/* Arguments: (preempt, prev, next); since 5.18 one more behind them. */
SEC("raw_tracepoint/sched_switch")
int switch_task___raw(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *prev = (struct task_struct *)ctx->args[1];
	struct task_struct *next = (struct task_struct *)ctx->args[2];
	bool preempted = ctx->args[0];

	/* A task that was preempted on its way to sleep can run all the same. */
	if (preempted || !state_of(prev))
		begin(prev);
	else
		forget(BPF_CORE_READ(prev, pid));
	end(next);
	return 0;
}

/*
 * The same by the tracepoints' records, where their arguments are not to be had. A record knows threads, not
 * their processes; so a wait is counted when its thread leaves the CPU again, as the current one.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 32768);
	__type(key, __u32);   /* thread id */
	__type(value, __u64); /* ns that it waited */
} waited SEC(".maps");

static __always_inline void count_current(__u64 ns)
{
	__u32 pid = per_process ? bpf_get_current_pid_tgid() >> 32 : 0;
	struct hist *hist = wanted() ? hist_of(&latencies, &pid) : 0;

	if (!hist)
		return;
	hist_count(hist, ns / unit_ns);
	if (per_process)
		bpf_get_current_comm(hist->name, sizeof(hist->name));
}

SEC("tracepoint/sched/sched_wakeup")
int wakeup___classic(struct trace_event_raw_sched_wakeup_template *ctx)
{
	return wait_from_now(ctx->pid);
}

SEC("tracepoint/sched/sched_wakeup_new")
int wakeup_new___classic(struct trace_event_raw_sched_wakeup_template *ctx)
{
	return wait_from_now(ctx->pid);
}

SEC("tracepoint/sched/sched_switch")
int switch_task___classic(struct trace_event_raw_sched_switch *ctx)
{
	__u32 prev = ctx->prev_pid, next = ctx->next_pid;
	__u64 *ns = bpf_map_lookup_elem(&waited, &prev), *since, now;

	if (ns) {
		count_current(*ns);
		bpf_map_delete_elem(&waited, &prev);
	}
	/* The low bits say what it sleeps for; a bit above them says, with or without, that it was preempted. */
	if (ctx->prev_state & 0xff)
		forget(prev);
	else
		wait_from_now(prev);
	since = bpf_map_lookup_elem(&waiting, &next);
	if (since) {
		now = bpf_ktime_get_ns() - *since;
		keep(&waited, &next, &now);
		bpf_map_delete_elem(&waiting, &next);
	}
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
