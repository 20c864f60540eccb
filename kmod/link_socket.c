// SPDX-License-Identifier: GPL-2.0-only
/*
 * Socket filters on packet sockets. The kernel's own filters cannot be ours without its BPF, so the program
 * gets the packets that the socket is bound to from a handler beside it, and its verdict counts for
 * nothing: who attaches also tells the socket to take no packets (the user side does).
 */
#include <linux/if_packet.h>
#include <linux/net.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <net/net_namespace.h>
#include <net/sock.h>
#include "anyprobe.h"

struct tap {
	struct packet_type type;
	struct ap_link *link;
	struct socket *socket; /* with a reference to its file */
};

/* struct __sk_buff, as far as it can be filled in here. */
struct buffer_context {
	u32 len, pkt_type, mark, queue_mapping, protocol;
	u32 vlan_present, vlan_tci, vlan_proto;
	u32 priority, ingress_ifindex, ifindex, tc_index;
	u32 cb[5];
	u32 hash;
	u32 rest[34];
};

/* Is the socket bound to what this came through? Bound to protocol 0, it gets nothing. */
static int wants(struct tap *tap, const struct sk_buff *skb, struct net_device *device)
{
	struct sockaddr_storage address = {0};
	const struct sockaddr_ll *place = (const struct sockaddr_ll *)&address;

	if (skb->pkt_type == PACKET_LOOPBACK || dev_net(device) != sock_net(tap->socket->sk))
		return 0;
	if (ap_socket_name(tap->socket, &address) < 0 || !place->sll_protocol)
		return 0;
	if (place->sll_protocol != htons(ETH_P_ALL) && place->sll_protocol != skb->protocol)
		return 0;
	return !place->sll_ifindex || place->sll_ifindex == device->ifindex;
}

static int hit_packet(struct sk_buff *skb, struct net_device *device, struct packet_type *type,
		      struct net_device *original)
{
	struct tap *tap = container_of(type, struct tap, type);
	struct ap_hit hit PORT_UNINITIALIZED;
	struct buffer_context context = {0};
	int raw = tap->socket->sk->sk_type == SOCK_RAW, from = 0;

	if (!wants(tap, skb, device))
		goto out;
	/* Incoming packets stand at the network header, outgoing ones at the link's. */
	if (raw && skb_mac_header_was_set(skb))
		from = skb_mac_header(skb) - skb->data;
	else if (!raw && skb->pkt_type == PACKET_OUTGOING)
		from = skb_network_offset(skb);
	context.len = skb->len - from;
	context.pkt_type = skb->pkt_type;
	context.mark = skb->mark;
	context.protocol = (__force u16)skb->protocol;
	context.priority = skb->priority;
	context.ifindex = device->ifindex;
	context.ingress_ifindex = skb->skb_iif;
	ap_hit_init(&hit, tap->link, NULL, 0);
	hit.packet = skb->data + from;
	hit.packet_size = skb_headlen(skb) - from;
	ap_run(&hit, &context, sizeof(context));
out:
	kfree_skb(skb);
	return 0;
}

static int attach(struct ap_link *link, struct anyprobe_attach *attach, char *names)
{
	struct tap *tap = link->own;
	int err = 0;
	struct socket *socket = sockfd_lookup(attach->socket_fd, &err);

	if (!socket)
		return err;
	if (socket->sk->sk_family != AF_PACKET) {
		sockfd_put(socket);
		return -EOPNOTSUPP;
	}
	tap->socket = socket;
	tap->link = link;
	tap->type.type = htons(ETH_P_ALL);
	tap->type.func = hit_packet;
	ap_packet_set_net(&tap->type, sock_net(socket->sk));
	dev_add_pack(&tap->type);
	return 0;
}

static void detach(struct ap_link *link)
{
	struct tap *tap = link->own;

	if (!tap->socket)
		return;
	dev_remove_pack(&tap->type); /* waits for those who are in it */
	sockfd_put(tap->socket);
}

const struct ap_link_ops ap_socket_ops = {sizeof(struct tap), 0, attach, detach};
