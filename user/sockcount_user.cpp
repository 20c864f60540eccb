// SPDX-License-Identifier: GPL-2.0-only
// sockcount: packets and bytes by protocol.
#include "layer/map_reader.h"
#include "layer/sample.h"
#include "layer/unique_fd.h"
#include "sockcount.h"
#include "sockcount.skel.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sys/socket.h>

namespace {

constexpr const char *networks[PACKET_NETWORKS] = {"ip", "ip6", "arp", "other"};
constexpr const char *protocols[PACKET_PROTOCOLS] = {"tcp", "udp", "icmp", "icmp6", "other"};

constexpr Column columns[] = {
	{"NETWORK", -8, "ip, ip6, arp or other"},
	{"PROTOCOL", -9, "inside of IP: tcp, udp, icmp, icmp6 or other; else -"},
	{"PACKETS", 12, "packets; those that the card or the kernel joined count as one"},
	{"BYTES", 15, "bytes, from the network header on"},
};

class Sockcount final : public ReportSample<sockcount_kern> {
	std::string interface_;
	UniqueFd socket_;
	packet_count seen_[PACKET_SLOTS] = {}; // at the last report

	void options(Options &o) override
	{
		o.value("-I,--interface", interface_, "NAME", "only this interface");
		interval_option(o);
	}

	Result<void> check(const CommonOptions &common) override
	{
		if (common.pid || !common.comm.empty())
			return Error{"-p and --comm: a packet belongs to no process; -I takes one interface", EINVAL};
		if (!interface_.empty() && !if_nametoindex(interface_.c_str()))
			return Error{fmt::format("-I {}: no such interface", interface_), ENODEV};
		return {};
	}

	// The filter first: only a bound socket gets packets, and none shall be queued.
	Result<void> attach(Trace &trace) override
	{
		socket_ = UniqueFd(socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
		if (!socket_)
			return errno_error("socket: failed to open a packet socket");
		Hook hook;
		hook.kind = HookKind::socket_filter;
		hook.fd = socket_.get();
		if (auto attached = trace.attach(kern().progs.count_packet, hook); !attached)
			return attached;
		sockaddr_ll place{};
		place.sll_family = AF_PACKET;
		place.sll_protocol = htons(ETH_P_ALL);
		place.sll_ifindex = interface_.empty() ? 0 : static_cast<int>(if_nametoindex(interface_.c_str()));
		if (bind(socket_.get(), reinterpret_cast<sockaddr *>(&place), sizeof(place)) != 0)
			return errno_error("socket: failed to bind to interface " + interface_);
		return {};
	}

	Result<void> report(Trace &trace, bool) override
	{
		trace.output().section("");
		for (uint32_t slot = 0; slot < PACKET_SLOTS; slot++) {
			packet_count total{};
			for (const auto &cpu : percpu_values<packet_count>(kern().maps.counts, slot))
				total = {total.packets + cpu.packets, total.bytes + cpu.bytes};
			packet_count before = std::exchange(seen_[slot], total);
			uint32_t network = slot / PACKET_PROTOCOLS;
			bool is_ip = network == NETWORK_IP || network == NETWORK_IP6;
			if (total.packets != before.packets)
				trace.report_row(columns, Row() << networks[network]
								<< (is_ip ? protocols[slot % PACKET_PROTOCOLS] : "-")
								<< total.packets - before.packets
								<< total.bytes - before.bytes);
		}
		return {};
	}
};

const Register<Sockcount> sample{{
	.name = "sockcount",
	.summary = "packets and bytes by protocol, on one interface or all",
	.description = "Counts what goes through the network interfaces, in both directions; on the loopback interface "
		       "each packet once. A packet that passes several interfaces (a bridge, a VLAN, a tunnel) counts "
		       "on each of them; -I takes one.",
	.columns = columns,
	.example = R"($ anyprobe sockcount -q -d 3 -I lo
NETWORK  PROTOCOL       PACKETS           BYTES
ip       tcp                 12            7223
ip       udp                  1              38
ip       icmp                 1              66
)",
	.instead = "tcpconnect shows TCP connections as they are made",
}};

} // namespace
