// SPDX-License-Identifier: GPL-2.0-only
/*
 * System calls with their arguments, by tail calls: what a call's arguments mean differs from call to call, so
 * each kind has a program of its own, and the one at the tracepoint only jumps.
 *
 * A tail call goes to a program in a slot of the map, and never comes back: same context, same stack frame, the
 * caller is gone. Where the slot is empty nothing happens, and the caller goes on. User space fills the slots, while
 * everything runs: that is how programs grow larger than one may be (4096 instructions before 5.2), and how
 * parts of them are exchanged. At most 33 in a row.
 */
#include "emit.h"
#include "filter.h"
#include "sysargs.h"

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, SYSARGS_NUMBERS);
	__uint(key_size, sizeof(__u32)); /* system call number */
	__uint(value_size, sizeof(__u32));
} decoders SEC(".maps");

SEC("tracepoint/raw_syscalls/sys_enter")
int enter(struct trace_event_raw_sys_enter *ctx)
{
	if (wanted())
		bpf_tail_call(ctx, &decoders, ctx->id);
	return 0; /* no program for this one */
}

static __always_inline void start(struct call_event *event, struct trace_event_raw_sys_enter *ctx)
{
	event->time = bpf_ktime_get_ns();
	event->pid = bpf_get_current_pid_tgid() >> 32;
	event->number = ctx->id;
	bpf_get_current_comm(event->comm, sizeof(event->comm));
}

/* The first three as they are: read(2), write(2), lseek(2), kill(2). */
SEC("tracepoint")
int decode_numbers(struct trace_event_raw_sys_enter *ctx)
{
	struct call_event event = {};

	start(&event, ctx);
	event.values[0] = ctx->args[0];
	event.values[1] = ctx->args[1];
	event.values[2] = ctx->args[2];
	emit(ctx, &event, __builtin_offsetof(struct call_event, text) + 1);
	return 0;
}

/* mmap(2): what may be done with how much, and what it is made of. */
SEC("tracepoint")
int decode_mapping(struct trace_event_raw_sys_enter *ctx)
{
	struct call_event event = {};

	start(&event, ctx);
	event.values[0] = ctx->args[1];
	event.values[1] = ctx->args[2];
	event.values[2] = ctx->args[3];
	emit(ctx, &event, __builtin_offsetof(struct call_event, text) + 1);
	return 0;
}

/*
 * The second argument is a path: openat(2), unlinkat(2), newfstatat(2). It may lie on a page that the caller has
 * not touched yet, and a program cannot wait for it; opensnoop, which must see all, reads it when the call returns.
 */
SEC("tracepoint")
int decode_path(struct trace_event_raw_sys_enter *ctx)
{
	struct call_event event = {};
	const char *path = (const char *)ctx->args[1];

	start(&event, ctx);
	event.values[0] = ctx->args[0];
	event.values[1] = ctx->args[2];
	if (bpf_probe_read_user_str(event.text, sizeof(event.text), path) < 0)
		event.text[0] = '?';
	emit(ctx, &event, sizeof(event));
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
