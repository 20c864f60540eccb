// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every open(2), openat(2) and openat2(2), with its result.
 *
 * The arguments are there at the entry, the result at the return: what the entry saw waits in a hash
 * map under the thread's id. The path is read at the return, when the kernel itself has just read it,
 * so its page is in memory (a BPF program cannot wait for one).
 */
#include "emit.h"
#include "filter.h"
#include "opensnoop.h"

const volatile bool failed_only = false;

struct open_call {
	const char *path;
	__u32 flags;
	__u32 mode;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 10240);
	__type(key, __u32); /* thread id */
	__type(value, struct open_call);
} calls SEC(".maps");

/* openat2's third argument, as the user memory has it (linux/openat2.h). */
struct open_how_words {
	__u64 flags;
	__u64 mode;
};

static __always_inline int enter(const char *path, __u32 flags, __u32 mode)
{
	struct open_call call = {path, flags, mode};
	__u32 tid = bpf_get_current_pid_tgid();

	if (wanted())
		keep(&calls, &tid, &call);
	return 0;
}

static __always_inline int leave(struct trace_event_raw_sys_exit *ctx)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct open_event event = {};
	struct open_call *call;
	__u32 tid = id;

	call = bpf_map_lookup_elem(&calls, &tid);
	if (!call)
		return 0;
	event.result = ctx->ret;
	if (failed_only && event.result >= 0)
		goto forget;
	event.time = bpf_ktime_get_ns();
	event.pid = id >> 32;
	event.tid = tid;
	event.uid = bpf_get_current_uid_gid();
	event.flags = call->flags;
	event.mode = call->mode;
	bpf_get_current_comm(event.comm, sizeof(event.comm));
	bpf_probe_read_user_str(event.path, sizeof(event.path), call->path);
	emit(ctx, &event, sizeof(event));
forget:
	bpf_map_delete_elem(&calls, &tid);
	return 0;
}

SEC("?tracepoint/syscalls/sys_enter_open")
int enter_open(struct trace_event_raw_sys_enter *ctx)
{
	return enter((const char *)ctx->args[0], ctx->args[1], ctx->args[2]);
}

SEC("?tracepoint/syscalls/sys_exit_open")
int leave_open(struct trace_event_raw_sys_exit *ctx)
{
	return leave(ctx);
}

SEC("tracepoint/syscalls/sys_enter_openat")
int enter_openat(struct trace_event_raw_sys_enter *ctx)
{
	return enter((const char *)ctx->args[1], ctx->args[2], ctx->args[3]);
}

SEC("tracepoint/syscalls/sys_exit_openat")
int leave_openat(struct trace_event_raw_sys_exit *ctx)
{
	return leave(ctx);
}

SEC("?tracepoint/syscalls/sys_enter_openat2") /* 5.6 */
int enter_openat2(struct trace_event_raw_sys_enter *ctx)
{
	struct open_how_words how = {};

	bpf_probe_read_user(&how, sizeof(how), (const void *)ctx->args[2]);
	return enter((const char *)ctx->args[1], how.flags, how.mode);
}

SEC("?tracepoint/syscalls/sys_exit_openat2")
int leave_openat2(struct trace_event_raw_sys_exit *ctx)
{
	return leave(ctx);
}

char LICENSE[] SEC("license") = "GPL";
