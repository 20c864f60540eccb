// SPDX-License-Identifier: GPL-2.0-only
// netcount: TCP connects by network, and the latest peers.
#include "layer/map_reader.h"
#include "layer/output/ip_address.h"
#include "layer/sample.h"
#include "netcount.h"
#include "netcount.skel.h"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>
#include <fmt/format.h>
#include <numeric>

namespace {

constexpr Column network_columns[] = {
	{"NETWORK", -28, "the smallest of the networks that the address is in; other: it is in none"},
	{"CONNECTS", 10, "connections begun, since the last report"},
};
constexpr Column peer_columns[] = {
	{"PEER", -28, "an address (with --peers)"},
	{"CONNECTS", 10, "connections begun to it, since it was first seen (with --peers)"},
	{"AGO", 0, "seconds since the last one (with --peers)"},
};

constexpr const char *usual[] = {"127.0.0.0/8",	   "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",
				 "169.254.0.0/16", "::1/128",	 "fe80::/10",	  "fc00::/7"};

constexpr uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

// "10.0.0.0/8", "fe80::/10"; without a slash, one address.
Result<network_key> parse_network(const std::string &text)
{
	auto wrong = [&text](const char *why) { return Error{fmt::format("--net {}: {}", text, why), EINVAL}; };
	size_t slash = text.find('/');
	std::string address = text.substr(0, slash);
	network_key key{};
	bool is_ip4 = inet_pton(AF_INET, address.c_str(), key.address + sizeof(mapped)) == 1;
	if (is_ip4)
		std::ranges::copy(mapped, key.address);
	else if (inet_pton(AF_INET6, address.c_str(), key.address) != 1)
		return wrong("not an address; write it as 10.0.0.0/8 or fe80::/10");
	unsigned most = is_ip4 ? 32 : 128, bits = most;
	if (slash != text.npos) {
		const char *begin = text.c_str() + slash + 1, *end = text.c_str() + text.size();
		auto [stopped, error] = std::from_chars(begin, end, bits);
		if (error != std::errc() || stopped != end || bits > most)
			return wrong(is_ip4 ? "the prefix is 0 to 32 bits long" : "the prefix is 0 to 128 bits long");
	}
	key.prefix = bits + 128 - most;
	return key;
}

class Netcount final : public ReportSample<netcount_kern> {
	std::vector<std::string> names_;
	std::vector<network_key> networks_; // of slots 1, 2, ...
	uint64_t peers_ = 0;
	std::vector<uint64_t> seen_; // by slot, at the last report

	void options(Options &o) override
	{
		o.value("--net", names_, "PREFIX", "a network, as 10.0.0.0/8; may be given more than once. Else the private ones");
		o.value("--peers", peers_, "ROWS", "the latest peers, too: so many rows a report");
		interval_option(o);
	}

	Result<void> check(const CommonOptions &) override
	{
		if (names_.empty())
			names_.assign(std::begin(usual), std::end(usual));
		if (names_.size() >= NETWORKS)
			return Error{fmt::format("--net: {} networks at most", NETWORKS - 1), EINVAL};
		for (const std::string &name : names_) {
			auto key = parse_network(name);
			if (!key)
				return key.error();
			networks_.push_back(*key);
		}
		seen_.resize(networks_.size() + 1);
		return {};
	}

	Result<void> attach(Trace &trace) override
	{
		for (uint32_t slot = 1; slot <= networks_.size(); slot++)
			if (bpf_map_update_elem(bpf_map__fd(kern().maps.networks), &networks_[slot - 1], &slot, BPF_ANY) != 0)
				return errno_error(fmt::format("netcount: failed to put {} into the trie", names_[slot - 1]));
		return trace.attach_all();
	}

	void report_peers(Trace &trace)
	{
		struct Address {
			uint8_t bytes[16];
		};
		auto peers = map_entries<Address, peer>(kern().maps.peers);
		std::ranges::sort(peers, [](const auto &a, const auto &b) { return a.second.last > b.second.last; });
		if (peers.size() > peers_)
			peers.resize(peers_);
		trace.output().section("");
		for (auto &[address, peer] : peers) {
			bool is_ip4 = std::equal(std::begin(mapped), std::end(mapped), address.bytes);
			if (is_ip4)
				std::copy_n(address.bytes + sizeof(mapped), 4, address.bytes);
			trace.report_row(peer_columns, Row() << ip_address(is_ip4 ? 4 : 6, address.bytes) << peer.connects
							     << static_cast<double>(trace.now() - peer.last) / 1e9);
		}
	}

	Result<void> report(Trace &trace, bool) override
	{
		trace.output().section("");
		for (uint32_t slot = 0; slot <= networks_.size(); slot++) {
			auto cpus = percpu_values<uint64_t>(kern().maps.connects, slot);
			uint64_t now = std::accumulate(cpus.begin(), cpus.end(), uint64_t{0});
			uint64_t connects = now - std::exchange(seen_[slot], now);
			if (connects)
				trace.report_row(network_columns, Row() << (slot ? names_[slot - 1] : "other") << connects);
		}
		if (peers_)
			report_peers(trace);
		return {};
	}
};

constexpr Column columns[] = {network_columns[0], network_columns[1], peer_columns[0], peer_columns[2]};

const Register<Netcount> sample{{
	.name = "netcount",
	.summary = "TCP connects by network, and the latest peers",
	.description = "Counts the TCP connections that this machine begins, by the network that the peer's address is in: of several, the "
		       "one with the longest prefix. --peers shows the latest addresses, too.",
	.columns = columns,
	.example = R"($ anyprobe netcount -q -d 2 --net 127.0.0.0/8 --net 10.0.0.0/8 --net 10.1.0.0/16 --peers 2
NETWORK                        CONNECTS
127.0.0.0/8                           3
10.1.0.0/16                           1

PEER                           CONNECTS AGO
10.1.2.3                              1 1.05
127.0.0.1                             3 1.06
)",
	.instead = "tcpconnect shows each connect",
}};

} // namespace
