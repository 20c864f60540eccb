// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packets and bytes by protocol, on one interface or all.
 *
 * A filter on a packet socket of type SOCK_DGRAM: on every kind of interface the data then begins at
 * the network header, with or without Ethernet. The filter keeps no packet, so none is ever queued.
 */
#include "lost.h"
#include "sockcount.h"

#include <bpf/bpf_endian.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/in.h>
#include <linux/in6.h>

#define LOOPBACK_IFINDEX 1 /* in every network namespace */
#define MAX_VLAN_TAGS	 2
#define MAX_EXTENSIONS	 8

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, PACKET_SLOTS);
	__type(key, __u32);
	__type(value, struct packet_count);
} counts SEC(".maps");

/* As linux/ipv6.h has it: next header, and the length in units of 8 bytes (AH: 4) beyond the first. */
struct extension {
	__u8 next;
	__u8 length;
};

static __always_inline __u32 protocol_of(__u8 number)
{
	switch (number) {
	case IPPROTO_TCP:
		return PROTOCOL_TCP;
	case IPPROTO_UDP:
		return PROTOCOL_UDP;
	case IPPROTO_ICMP:
		return PROTOCOL_ICMP;
	case IPPROTO_ICMPV6:
		return PROTOCOL_ICMP6;
	}
	return PROTOCOL_OTHER;
}

/* Bytes of the extension header `kind`; 0 if it is none. */
static __always_inline __u32 extension_size(__u8 kind, const struct extension *header)
{
	switch (kind) {
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_DSTOPTS:
		return (header->length + 1) * 8;
	case IPPROTO_FRAGMENT:
		return 8;
	case IPPROTO_AH:
		return (header->length + 2) * 4;
	}
	return 0;
}

static __always_inline __u32 ip6_protocol(struct __sk_buff *skb, __u32 at)
{
	struct extension header = {};
	__u32 size;
	__u8 next;

	if (bpf_skb_load_bytes(skb, at + 6, &next, 1))
		return PROTOCOL_OTHER;
	at += 40;
#pragma unroll
	for (int i = 0; i < MAX_EXTENSIONS; i++) {
		if (!extension_size(next, &header))
			break;
		if (bpf_skb_load_bytes(skb, at, &header, sizeof(header)))
			return PROTOCOL_OTHER;
		size = extension_size(next, &header);
		next = header.next;
		at += size;
	}
	return protocol_of(next);
}

/* Of an outgoing packet whose tags stand before the data, which begins at the network header all the same. */
static __always_inline __u16 type_by_version(struct __sk_buff *skb)
{
	__u8 version = 0;

	if (skb->pkt_type != PACKET_OUTGOING)
		return 0;
	bpf_skb_load_bytes(skb, 0, &version, 1);
	return version >> 4 == 4 ? ETH_P_IP : version >> 4 == 6 ? ETH_P_IPV6 : 0;
}

/* The EtherType behind tags that nobody has taken off yet; `at` moves to the network header. */
static __always_inline __u16 ether_type(struct __sk_buff *skb, __u32 *at)
{
	__u16 type = bpf_ntohs(skb->protocol), inner;

#pragma unroll
	for (int i = 0; i < MAX_VLAN_TAGS; i++) {
		if (type != ETH_P_8021Q && type != ETH_P_8021AD)
			break;
		inner = type_by_version(skb);
		if (inner)
			return inner;
		/* An incoming packet has lost its first tag; the data begins with the second one's number. */
		if (bpf_skb_load_bytes(skb, *at + 2, &inner, sizeof(inner)))
			return 0;
		type = bpf_ntohs(inner);
		*at += 4;
	}
	return type;
}

static __always_inline __u32 slot_of(struct __sk_buff *skb)
{
	__u32 at = 0;
	__u8 number = 0;

	switch (ether_type(skb, &at)) {
	case ETH_P_IP:
		bpf_skb_load_bytes(skb, at + 9, &number, 1);
		return PACKET_SLOT(NETWORK_IP, protocol_of(number));
	case ETH_P_IPV6:
		return PACKET_SLOT(NETWORK_IP6, ip6_protocol(skb, at));
	case ETH_P_ARP:
		return PACKET_SLOT(NETWORK_ARP, PROTOCOL_OTHER);
	}
	return PACKET_SLOT(NETWORK_OTHER, PROTOCOL_OTHER);
}

SEC("socket")
int count_packet(struct __sk_buff *skb)
{
	struct packet_count *count;
	__u32 slot;

	/* The loopback interface shows each packet twice, as it goes out and as it comes in again. */
	if (skb->ifindex == LOOPBACK_IFINDEX && skb->pkt_type == PACKET_OUTGOING)
		return 0;
	slot = slot_of(skb);
	count = bpf_map_lookup_elem(&counts, &slot);
	if (count) {
		count->packets++;
		count->bytes += skb->len;
	}
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
