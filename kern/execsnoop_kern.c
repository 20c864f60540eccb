// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every execve(2) and execveat(2): arguments, parent, result.
 *
 * The arguments are read at the entry, for a call that succeeds leaves nothing of the old program's
 * memory. What the entry saw waits in a hash map under the process's id, not the thread's: a thread
 * that succeeds takes its leader's id.
 */
#include "emit.h"
#include "filter.h"
#include "execsnoop.h"

const volatile bool failed_too = false;
const volatile __u32 filter_uid = -1; /* -1: every user */

/* An exec_event is larger than a program's stack. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct exec_event);
} scratch SEC(".maps");

/* Not preallocated: few processes are between entry and return at a time. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1024);
	__type(key, __u32); /* process id */
	__type(value, struct exec_event);
} calls SEC(".maps");

/*
 * Each argument has a place of its own: with places that depend on what came before, the verifier would
 * have to follow every combination of lengths, which takes longer than everything else at the start.
 */
static __always_inline void read_args(struct exec_event *event, const char *const *argv)
{
	const char *arg;
	int count = 0;

	event->more = 0;
#pragma unroll
	for (int i = 0; i < EXEC_MAX_ARGS; i++) {
		arg = NULL;
		bpf_probe_read_user(&arg, sizeof(arg), &argv[i]);
		if (!arg)
			goto done;
		event->args[i][0] = 0; /* what stands for an argument whose page is not in memory */
		bpf_probe_read_user_str(event->args[i], EXEC_ARG_LEN, arg);
		count++;
	}
	arg = NULL;
	bpf_probe_read_user(&arg, sizeof(arg), &argv[EXEC_MAX_ARGS]);
	event->more = arg != NULL;
done:
	event->count = count;
}

static __always_inline int enter(const char *const *argv)
{
	__u32 zero = 0, pid = bpf_get_current_pid_tgid() >> 32;
	struct exec_event *event;

	if (!wanted_tgid(pid))
		return 0;
	event = bpf_map_lookup_elem(&scratch, &zero);
	if (!event)
		return 0;
	read_args(event, argv);
	keep(&calls, &pid, event);
	return 0;
}

static __always_inline int leave(struct trace_event_raw_sys_exit *ctx)
{
	__u32 pid = bpf_get_current_pid_tgid() >> 32;
	struct exec_event *event;
	struct task_struct *task;
	__u64 size;

	event = bpf_map_lookup_elem(&calls, &pid);
	if (!event)
		return 0;
	event->result = ctx->ret;
	event->uid = bpf_get_current_uid_gid();
	if (event->result < 0 && !failed_too)
		goto forget;
	if (!wanted() || (filter_uid != (__u32)-1 && event->uid != filter_uid))
		goto forget;
	task = (struct task_struct *)bpf_get_current_task();
	event->time = bpf_ktime_get_ns();
	event->pid = pid;
	event->parent_pid = BPF_CORE_READ(task, real_parent, tgid);
	bpf_get_current_comm(event->comm, sizeof(event->comm));
	size = __builtin_offsetof(struct exec_event, args) + event->count * EXEC_ARG_LEN;
	barrier_var(size); /* the verifier is to see the check on the very register that the call gets */
	if (size <= sizeof(*event))
		emit(ctx, event, size);
forget:
	bpf_map_delete_elem(&calls, &pid);
	return 0;
}

SEC("tracepoint/syscalls/sys_enter_execve")
int enter_execve(struct trace_event_raw_sys_enter *ctx)
{
	return enter((const char *const *)ctx->args[1]);
}

SEC("tracepoint/syscalls/sys_exit_execve")
int leave_execve(struct trace_event_raw_sys_exit *ctx)
{
	return leave(ctx);
}

SEC("?tracepoint/syscalls/sys_enter_execveat") /* 3.19 */
int enter_execveat(struct trace_event_raw_sys_enter *ctx)
{
	return enter((const char *const *)ctx->args[2]);
}

SEC("?tracepoint/syscalls/sys_exit_execveat")
int leave_execveat(struct trace_event_raw_sys_exit *ctx)
{
	return leave(ctx);
}

char LICENSE[] SEC("license") = "GPL";
