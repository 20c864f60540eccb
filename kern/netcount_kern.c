// SPDX-License-Identifier: GPL-2.0-only
/*
 * TCP connects by network: three maps, each for what it is good at.
 *
 * - LPM trie: of the networks that an address lies in, the longest prefix (10.1.0.0/16 before 10.0.0.0/8), as a
 *   router looks up a route. User space fills it.
 * - Per-CPU array: counts. Each CPU has a value of its own, so adding needs no lock; who reads adds them up.
 * - LRU hash: the latest peers. It never is full: a new one takes the place of one that was not used for long.
 */
#include "filter.h"
#include "lost.h"
#include "netcount.h"
#include "registers.h"
#include "sockets.h"

#include <bpf/bpf_endian.h>

#define TCP_SYN_SENT 2 /* include/net/tcp_states.h; fixed, for they are a stable tracepoint's */

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, NETWORKS);
	__uint(map_flags, BPF_F_NO_PREALLOC); /* a trie's nodes come and go, or it is refused */
	__type(key, struct network_key);
	__type(value, __u32); /* slot in `connects` */
} networks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, NETWORKS);
	__type(key, __u32);
	__type(value, __u64);
} connects SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u8[16]);
	__type(value, struct peer);
} peers SEC(".maps");

static __always_inline void set_ip4(struct network_key *key, __be32 address)
{
	__u32 *words = (__u32 *)key->address;

	words[2] = bpf_htonl(0xffff);
	words[3] = address;
}

/* Two CPUs may get here at once: the first one puts the entry in, and both add to it. */
static __always_inline void note_peer(const __u8 *address)
{
	struct peer *peer = bpf_map_lookup_elem(&peers, address), none = {};

	if (!peer) {
		bpf_map_update_elem(&peers, address, &none, BPF_NOEXIST);
		peer = bpf_map_lookup_elem(&peers, address);
	}
	if (!peer) {
		count_lost();
		return;
	}
	__sync_fetch_and_add(&peer->connects, 1);
	peer->last = bpf_ktime_get_ns();
}

static __always_inline int count(struct network_key *key)
{
	__u32 other = 0, *slot;
	__u64 *number;

	note_peer(key->address);
	key->prefix = 128; /* a whole address */
	slot = bpf_map_lookup_elem(&networks, key);
	number = bpf_map_lookup_elem(&connects, slot ? slot : &other);
	if (number)
		(*number)++;
	return 0;
}

SEC("tracepoint/sock/inet_sock_set_state") /* 4.16 */
int count___tracepoint(struct trace_event_raw_inet_sock_set_state *ctx)
{
	struct network_key key = {};
	__be32 address = 0;

	if (ctx->newstate != TCP_SYN_SENT || ctx->protocol != IPPROTO_TCP || !wanted())
		return 0;
	if (ctx->family == AF_INET6) { /* IPv4 by an IPv6 socket is ::ffff:a.b.c.d there already */
		bpf_core_read(key.address, sizeof(key.address), &ctx->daddr_v6);
	} else {
		bpf_core_read(&address, sizeof(address), &ctx->daddr);
		set_ip4(&key, address);
	}
	return count(&key);
}

SEC("kprobe/tcp_connect")
int count___kprobe(struct pt_regs *ctx)
{
	struct sock *sk = (struct sock *)PT_REGS_PARM1(ctx);
	struct network_key key = {};

	if (!wanted())
		return 0;
	if (BPF_CORE_READ(sk, __sk_common.skc_family) == AF_INET6)
		BPF_CORE_READ_INTO(&key.address, sk, __sk_common.skc_v6_daddr);
	else
		set_ip4(&key, BPF_CORE_READ(sk, __sk_common.skc_daddr));
	return count(&key);
}

char LICENSE[] SEC("license") = "GPL";
