// SPDX-License-Identifier: GPL-2.0-only
/*
 * Time from a function's entry to its return, as histograms.
 *
 * A call is known by its thread and by where its return address stands on the stack: that is the same
 * at the entry and at the return, and different for every call that is under way, so recursion and
 * functions that call one another are timed right without any newer helper.
 */
#include "filter.h"
#include "funclatency.h"
#include "histogram.h"
#include "registers.h"

const volatile __u64 unit_ns = 1;
const volatile bool by_function = false;
const volatile bool in_programs = false; /* uprobes */

#if defined(__TARGET_ARCH_x86)
#define RETURN_POPS 8 /* `ret` has taken the return address off the stack */
#else
#define RETURN_POPS 0 /* it is in a register */
#endif

struct call_key {
	__u64 stack;
	__u64 thread; /* process and thread id */
};

struct call {
	__u64 start; /* ns */
	__u64 address;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, struct call_key);
	__type(value, struct call);
} under_way SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct latency_key);
	__type(value, struct hist);
} latencies SEC(".maps");

static __always_inline int enter(struct pt_regs *ctx)
{
	struct call_key key = {PT_REGS_SP(ctx), bpf_get_current_pid_tgid()};
	struct call call = {.address = PT_REGS_IP(ctx)};

	if (!wanted())
		return 0;
	call.start = bpf_ktime_get_ns();
	keep(&under_way, &key, &call);
	return 0;
}

static __always_inline int leave(struct pt_regs *ctx)
{
	__u64 now = bpf_ktime_get_ns();
	struct call_key key = {PT_REGS_SP(ctx) - RETURN_POPS, bpf_get_current_pid_tgid()};
	struct latency_key function = {};
	struct call *call;
	__u64 ns;

	call = bpf_map_lookup_elem(&under_way, &key);
	if (!call) /* it began before the tracing did, or is not wanted */
		return 0;
	ns = now - call->start;
	if (by_function) {
		function.address = call->address;
		function.pid = in_programs ? key.thread >> 32 : 0;
	}
	bpf_map_delete_elem(&under_way, &key);
	hist_add(&latencies, &function, ns / unit_ns);
	return 0;
}

SEC("?kprobe")
int enter_kernel(struct pt_regs *ctx)
{
	return enter(ctx);
}

SEC("?kretprobe")
int leave_kernel(struct pt_regs *ctx)
{
	return leave(ctx);
}

SEC("?uprobe")
int enter_program(struct pt_regs *ctx)
{
	return enter(ctx);
}

SEC("?uretprobe")
int leave_program(struct pt_regs *ctx)
{
	return leave(ctx);
}

char LICENSE[] SEC("license") = "GPL";
