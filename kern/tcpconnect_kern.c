// SPDX-License-Identifier: GPL-2.0-only
/*
 * TCP connects, with their addresses and result.
 *
 * Three places make one row:
 * - enter: a task begins a connect on a TCP socket that is free for one. (A second connect(2) on the
 *   same socket only asks how the first is doing.)
 * - state: the socket goes into SYN_SENT; both addresses and the other side's port are known.
 * - leave: the result, and the own port, which the kernel picks after SYN_SENT. A connect that ends
 *   without SYN_SENT found no route, or was not allowed; its address is then the caller's argument.
 *
 * Each has a stable hook, and for kernels without it a kprobe.
 *
 * A socket that goes into SYN_SENT outside of connect(2) (io_uring, TCP fast open, an MPTCP subflow, the
 * kernel itself) gives its row when it leaves that state, which tells the result.
 */
#include "emit.h"
#include "filter.h"
#include "registers.h"
#include "sockets.h"
#include "tcpconnect.h"

#include <asm-generic/errno.h>
#include <bpf/bpf_endian.h>

#define TCP_SYN_SENT 2 /* include/net/tcp_states.h; fixed, for they are a stable tracepoint's */
#define TCP_CLOSE    7

const volatile __u16 only_version = 0; /* 4, 6; 0: both */
const volatile __u16 only_port = 0;    /* 0: any */

struct call {
	struct connect_event event;
	struct sock *sk;
	const void *address; /* the caller's struct sockaddr */
	__u64 sent;	     /* it has been in SYN_SENT */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 10240);
	__type(key, __u32); /* thread id */
	__type(value, struct call);
} calls SEC(".maps");

/* Sockets in SYN_SENT that no connect(2) waits for. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 10240);
	__type(key, __u64); /* struct sock * */
	__type(value, struct connect_event);
} others SEC(".maps");

static __always_inline void show(void *ctx, struct connect_event *event)
{
	if ((only_version && event->version != only_version) || (only_port && event->dest_port != only_port))
		return;
	event->time = bpf_ktime_get_ns();
	emit(ctx, event, sizeof(*event));
}

static __always_inline void set_task(struct connect_event *event)
{
	event->pid = bpf_get_current_pid_tgid() >> 32;
	bpf_get_current_comm(event->comm, sizeof(event->comm));
}

/* ::ffff:a.b.c.d on an IPv6 socket means IPv4. */
static __always_inline bool is_mapped(const __u8 *address)
{
	const __u32 *words = (const __u32 *)address;

	return !words[0] && !words[1] && words[2] == bpf_htonl(0xffff);
}

/* From the IPv6 form to what goes over the wire, with the own IPv4 address known already. */
static __always_inline void unmap(struct connect_event *event, __u32 source)
{
	__u32 *from = (__u32 *)event->source, *to = (__u32 *)event->dest;

	event->version = 6;
	if (!is_mapped(event->dest))
		return;
	event->version = 4;
	from[0] = source;
	to[0] = to[3];
}

/* --- enter -------------------------------------------------------------------------------------- */

static __always_inline int enter(struct socket *socket, const void *address)
{
	struct call call = {.address = address};
	__u32 tid = bpf_get_current_pid_tgid();

	if (!wanted() || !socket || BPF_CORE_READ(socket, state) != SS_UNCONNECTED)
		return 0;
	call.sk = BPF_CORE_READ(socket, sk);
	if (!is_tcp(call.sk))
		return 0;
	set_task(&call.event);
	keep(&calls, &tid, &call);
	return 0;
}

SEC("tracepoint/syscalls/sys_enter_connect")
int enter___syscall(struct trace_event_raw_sys_enter *ctx)
{
	__u32 fd = ctx->args[0];
	const void *address = (const void *)ctx->args[1];

	return enter(socket_of(fd), address);
}

SEC("kprobe/inet_stream_connect")
int enter___kprobe(struct pt_regs *ctx)
{
	return enter((struct socket *)PT_REGS_PARM1(ctx), (const void *)PT_REGS_PARM2(ctx));
}

/* --- state -------------------------------------------------------------------------------------- */

/* The call that the current task is in, if it is one on this socket. */
static __always_inline struct call *call_of(const void *sk)
{
	__u32 tid = bpf_get_current_pid_tgid();
	struct call *call = bpf_map_lookup_elem(&calls, &tid);

	return call && call->sk == sk ? call : NULL;
}

static __always_inline void read_record(struct trace_event_raw_inet_sock_set_state *ctx, struct connect_event *event)
{
	__u32 source = 0;

	event->dest_port = ctx->dport;
	bpf_core_read(&source, sizeof(source), &ctx->saddr);
	if (ctx->family == AF_INET6) {
		bpf_core_read(event->source, sizeof(event->source), &ctx->saddr_v6);
		bpf_core_read(event->dest, sizeof(event->dest), &ctx->daddr_v6);
		unmap(event, source);
		return;
	}
	event->version = 4;
	*(__u32 *)event->source = source;
	bpf_core_read(event->dest, 4, &ctx->daddr);
}

static __always_inline int sent(struct trace_event_raw_inet_sock_set_state *ctx)
{
	struct connect_event event = {};
	__u64 sk = (__u64)ctx->skaddr;
	struct call *call = call_of((const void *)sk);

	if (call) {
		read_record(ctx, &call->event);
		call->sent = 1;
	} else if (wanted()) {
		set_task(&event);
		read_record(ctx, &event);
		keep(&others, &sk, &event);
	}
	return 0;
}

static __always_inline int decided(struct trace_event_raw_inet_sock_set_state *ctx)
{
	__u64 sk = (__u64)ctx->skaddr;
	struct connect_event *other = bpf_map_lookup_elem(&others, &sk);
	struct connect_event event;

	if (!other)
		return 0;
	event = *other;
	bpf_map_delete_elem(&others, &sk);
	event.source_port = ctx->sport;
	if (ctx->newstate == TCP_CLOSE) {
		event.result = -BPF_CORE_READ((struct sock *)sk, sk_err);
		if (!event.result) /* closed by its owner */
			event.result = -ECONNABORTED;
	}
	show(ctx, &event);
	return 0;
}

SEC("tracepoint/sock/inet_sock_set_state") /* 4.16 */
int state___tracepoint(struct trace_event_raw_inet_sock_set_state *ctx)
{
	if (ctx->protocol != IPPROTO_TCP)
		return 0;
	if (ctx->newstate == TCP_SYN_SENT)
		return sent(ctx);
	if (ctx->oldstate == TCP_SYN_SENT)
		return decided(ctx);
	return 0;
}

static __always_inline void read_addresses(struct sock *sk, struct connect_event *event)
{
	__u32 source = BPF_CORE_READ((struct inet_sock *)sk, inet_saddr);

	event->dest_port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
	if (BPF_CORE_READ(sk, __sk_common.skc_family) == AF_INET6) {
		BPF_CORE_READ_INTO(&event->source, sk, __sk_common.skc_v6_rcv_saddr);
		BPF_CORE_READ_INTO(&event->dest, sk, __sk_common.skc_v6_daddr);
		unmap(event, source);
		return;
	}
	event->version = 4;
	*(__u32 *)event->source = source;
	*(__u32 *)event->dest = BPF_CORE_READ(sk, __sk_common.skc_daddr);
}

/* Called right after SYN_SENT. What comes of a socket without a call cannot be seen from here. */
SEC("kprobe/tcp_connect")
int state___kprobe(struct pt_regs *ctx)
{
	struct sock *sk = (struct sock *)PT_REGS_PARM1(ctx);
	struct connect_event event = {.result = -EINPROGRESS};
	struct call *call = call_of(sk);

	if (call) {
		read_addresses(sk, &call->event);
		call->sent = 1;
	} else if (wanted()) {
		set_task(&event);
		read_addresses(sk, &event);
		event.source_port = bpf_ntohs(BPF_CORE_READ((struct inet_sock *)sk, inet_sport));
		show(ctx, &event);
	}
	return 0;
}

/* --- leave -------------------------------------------------------------------------------------- */

struct any_address {
	__u16 family;
	__be16 port;
	__u32 v4; /* IPv6: flow information */
	__u8 v6[16];
};

/* Of a connect that never got to SYN_SENT. False where the caller gave no address that could be read. */
static __always_inline bool read_argument(struct call *call, struct connect_event *event, bool user)
{
	struct inet_sock *inet = (struct inet_sock *)call->sk;
	struct sock *sk = call->sk;
	struct any_address any = {};
	long err;

	err = user ? bpf_probe_read_user(&any, 8, call->address) : bpf_probe_read_kernel(&any, 8, call->address);
	if (err)
		return false;
	event->dest_port = bpf_ntohs(any.port);
	if (any.family == AF_INET) {
		event->version = 4;
		*(__u32 *)event->dest = any.v4;
		*(__u32 *)event->source = BPF_CORE_READ(inet, inet_saddr);
		return true;
	}
	if (any.family != AF_INET6)
		return false;
	err = user ? bpf_probe_read_user(&any, sizeof(any), call->address)
		   : bpf_probe_read_kernel(&any, sizeof(any), call->address);
	__builtin_memcpy(event->dest, any.v6, sizeof(any.v6));
	BPF_CORE_READ_INTO(&event->source, sk, __sk_common.skc_v6_rcv_saddr);
	unmap(event, BPF_CORE_READ(inet, inet_saddr));
	return !err;
}

static __always_inline int leave(void *ctx, int result, bool user)
{
	__u32 tid = bpf_get_current_pid_tgid();
	struct call *call = bpf_map_lookup_elem(&calls, &tid);
	struct connect_event event;
	struct inet_sock *inet;

	if (!call)
		return 0;
	inet = (struct inet_sock *)call->sk;
	event = call->event;
	event.result = result;
	event.source_port = bpf_ntohs(BPF_CORE_READ(inet, inet_sport));
	/* 0 without SYN_SENT: fast open puts the connect off until there is something to send. */
	if (call->sent || (result < 0 && read_argument(call, &event, user)))
		show(ctx, &event);
	bpf_map_delete_elem(&calls, &tid);
	return 0;
}

SEC("tracepoint/syscalls/sys_exit_connect")
int leave___syscall(struct trace_event_raw_sys_exit *ctx)
{
	return leave(ctx, ctx->ret, true);
}

SEC("kretprobe/inet_stream_connect")
int leave___kprobe(struct pt_regs *ctx)
{
	return leave(ctx, PT_REGS_RC(ctx), false);
}

char LICENSE[] SEC("license") = "GPL";
