/* SPDX-License-Identifier: GPL-2.0-only */
/* What kern/sockcount_kern.c counts packets by; user/sockcount_user.cpp prints it. */
#pragma once

#include <linux/types.h>

enum packet_network { NETWORK_IP, NETWORK_IP6, NETWORK_ARP, NETWORK_OTHER, PACKET_NETWORKS };
enum packet_protocol { PROTOCOL_TCP, PROTOCOL_UDP, PROTOCOL_ICMP, PROTOCOL_ICMP6, PROTOCOL_OTHER, PACKET_PROTOCOLS };

/* The map's slot of both. */
#define PACKET_SLOT(network, protocol) ((__u32)(network) * PACKET_PROTOCOLS + (__u32)(protocol))
#define PACKET_SLOTS		       ((__u32)PACKET_NETWORKS * PACKET_PROTOCOLS)

struct packet_count {
	__u64 packets;
	__u64 bytes; /* from the network header on */
};
