// SPDX-License-Identifier: GPL-2.0-only
#include "ftrace/packets.h"

#include <cstring>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/socket.h>

namespace {

constexpr int socket_bytes = 64 << 20;
constexpr unsigned packets_at_once = 65536;

#ifndef TP_STATUS_VLAN_VALID
#define TP_STATUS_VLAN_VALID (1 << 4)
#endif
#ifndef TP_STATUS_VLAN_TPID_VALID
#define TP_STATUS_VLAN_TPID_VALID (1 << 6)
#endif

// A VLAN tag that the card or the kernel has taken off the packet comes beside it.
void read_tag(msghdr &message, __sk_buff &context)
{
	for (cmsghdr *part = CMSG_FIRSTHDR(&message); part; part = CMSG_NXTHDR(&message, part)) {
		tpacket_auxdata extra;
		if (part->cmsg_level != SOL_PACKET || part->cmsg_type != PACKET_AUXDATA || part->cmsg_len < CMSG_LEN(sizeof(extra)))
			continue;
		memcpy(&extra, CMSG_DATA(part), sizeof(extra));
		context.vlan_present = (extra.tp_status & TP_STATUS_VLAN_VALID) != 0;
		context.vlan_tci = extra.tp_vlan_tci;
		if (extra.tp_status & TP_STATUS_VLAN_TPID_VALID)
			context.vlan_proto = static_cast<__u32>(__builtin_bswap16(extra.tp_vlan_tpid));
	}
}

bool begins_with(const char *header, __u32 protocol)
{
	int version = static_cast<unsigned char>(*header) >> 4;
	return protocol == __builtin_bswap16(ETH_P_IP) ? version == 4 : protocol != __builtin_bswap16(ETH_P_IPV6) || version == 6;
}

// Newer kernels (6.10, and stable ones before) hand out the type behind a tag that still stands before the data; a filter
// sees the tag's own. Beside the data comes this tag, or another one that stood before it.
void undo_tag(__sk_buff &context, const char *data, size_t length)
{
	uint16_t words[2];
	if (!context.vlan_present || length <= sizeof(words))
		return;
	memcpy(words, data, sizeof(words));
	if (words[1] != context.protocol || !begins_with(data + sizeof(words), context.protocol))
		return;
	if (words[0] == __builtin_bswap16(static_cast<uint16_t>(context.vlan_tci))) {
		context.protocol = context.vlan_proto;
		context.vlan_present = context.vlan_tci = context.vlan_proto = 0;
	} else {
		context.protocol = __builtin_bswap16(ETH_P_8021Q);
	}
}

} // namespace

Result<Packets> Packets::open(int socket, const ProgramObject &program)
{
	int family = 0, one = 1;
	socklen_t length = sizeof(family);
	if (getsockopt(socket, SOL_SOCKET, SO_DOMAIN, &family, &length) != 0 || family != AF_PACKET)
		return Error{"ftrace: failed to attach a socket filter: only packet sockets can be read here", ENOTSUP};
	setsockopt(socket, SOL_PACKET, PACKET_AUXDATA, &one, sizeof(one));
	setsockopt(socket, SOL_SOCKET, SO_RCVBUFFORCE, &socket_bytes, sizeof(socket_bytes));
	return Packets(socket, program);
}

void Packets::run(vm_machine &machine)
{
	for (unsigned i = 0; i < packets_at_once; i++) {
		sockaddr_ll from{};
		alignas(cmsghdr) char control[256];
		iovec part{bytes_.data(), bytes_.size()};
		msghdr message{};
		message.msg_name = &from;
		message.msg_namelen = sizeof(from);
		message.msg_iov = &part;
		message.msg_iovlen = 1;
		message.msg_control = control;
		message.msg_controllen = sizeof(control);
		ssize_t length = recvmsg(socket_, &message, MSG_DONTWAIT | MSG_TRUNC);
		if (length < 0)
			return;
		__sk_buff context{};
		context.len = static_cast<__u32>(length);
		context.pkt_type = from.sll_pkttype;
		context.protocol = from.sll_protocol;
		context.ifindex = static_cast<__u32>(from.sll_ifindex);
		read_tag(message, context);
		undo_tag(context, bytes_.data(), static_cast<size_t>(length));
		u64 result;
		machine.env = nullptr;
		machine.context = &context;
		machine.context_size = sizeof(context);
		machine.packet = bytes_.data();
		machine.packet_size = static_cast<u32>(std::min<size_t>(static_cast<size_t>(length), bytes_.size()));
		vm_program_run(program_.program, &machine, &result);
		machine.packet = nullptr;
		machine.packet_size = 0;
	}
}

uint64_t Packets::take_lost()
{
	tpacket_stats statistics{}; // reading sets them to zero
	socklen_t length = sizeof(statistics);
	if (getsockopt(socket_, SOL_PACKET, PACKET_STATISTICS, &statistics, &length) == 0)
		lost_ += statistics.tp_drops;
	return std::exchange(lost_, 0);
}
