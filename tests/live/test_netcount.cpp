// SPDX-License-Identifier: GPL-2.0-only
#include "../suite.h"
#include "anyprobe.h"

#include <arpa/inet.h>
#include <csignal>
#include <map>
#include <sys/socket.h>
#include <unistd.h>

namespace {

// Nobody listens, or answers: that a connect begins is all that is counted.
void connect_to(const char *text, int times)
{
	sockaddr_in6 v6{};
	sockaddr_in v4{};
	bool is_v6 = inet_pton(AF_INET6, text, &v6.sin6_addr) == 1;
	v6.sin6_family = AF_INET6;
	v4.sin_family = AF_INET;
	inet_pton(AF_INET, text, &v4.sin_addr);
	v4.sin_port = v6.sin6_port = htons(1);
	for (int i = 0; i < times; i++) {
		int fd = socket(is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		is_v6 ? connect(fd, reinterpret_cast<sockaddr *>(&v6), sizeof(v6))
		      : connect(fd, reinterpret_cast<sockaddr *>(&v4), sizeof(v4));
		close(fd);
	}
}

std::map<std::string, long> counts(const Run &run, const char *key)
{
	std::map<std::string, long> counts;
	for (const Json &row : run.rows())
		if (row.contains(key))
			counts[row[key].get<std::string>()] += row["connects"].get<long>();
	return counts;
}

std::vector<std::string> of_this_process(std::vector<std::string> more)
{
	more.insert(more.begin(), {"netcount", "-p", std::to_string(getpid()), "--output", "json"});
	return more;
}

// All of 127.0.0.0/8 is this machine.
void counts_by_the_longest_prefix()
{
	need_sample("netcount");
	Anyprobe netcount(of_this_process({"--net", "127.0.0.0/8", "--net", "127.1.0.0/16", "--net", "127.1.2.3", "--net",
					   "::1/128"}));
	connect_to("127.0.0.1", 2);
	connect_to("127.1.9.9", 3);
	connect_to("127.1.2.3", 5);
	connect_to("::ffff:127.1.2.3", 7);
	Run run = netcount.finish(SIGINT);
	CHECK_EQUAL(run.status, 0);
	auto all = counts(run, "network");
	CHECK_EQUAL(all["127.0.0.0/8"], 2);
	CHECK_EQUAL(all["127.1.0.0/16"], 3);
	CHECK_EQUAL(all["127.1.2.3"], 5 + 7);
	CHECK_EQUAL(all.count("other"), 0);
}

void counts_what_is_in_none()
{
	need_sample("netcount");
	Anyprobe netcount(of_this_process({"--net", "10.0.0.0/8"}));
	connect_to("127.0.0.1", 4);
	CHECK_EQUAL(counts(netcount.finish(SIGINT), "network")["other"], 4);
}

// More addresses than the map has room for: the latest stay.
void keeps_the_latest_peers()
{
	need_sample("netcount");
	constexpr int others = 1500, often = 6;
	Anyprobe netcount(of_this_process({"--peers", "3"}));
	for (int i = 0; i < others; i++)
		connect_to(fmt::format("127.2.{}.{}", i / 250, i % 250 + 1).c_str(), 1);
	connect_to("127.3.3.3", often);
	Run run = netcount.finish(SIGINT);
	auto peers = counts(run, "peer");
	CHECK_EQUAL(peers.size(), 3);
	CHECK_EQUAL(peers["127.3.3.3"], often);
	CHECK_EQUAL(counts(run, "network")["127.0.0.0/8"], others + often);
	CHECK(run.err.find(" lost") == run.err.npos);
}

void says_what_is_no_network()
{
	Run run = run_anyprobe({"netcount", "--net", "10.0.0.0/33"});
	CHECK_EQUAL(run.status, 2);
	CHECK_EQUAL(run.err, "netcount: --net 10.0.0.0/33: the prefix is 0 to 32 bits long\n");
	CHECK_EQUAL(run_anyprobe({"netcount", "--net", "ten"}).status, 2);
}

const Suite suite{"netcount",
		  {{"counts connects by the longest prefix", counts_by_the_longest_prefix},
		   {"counts what is in no network", counts_what_is_in_none},
		   {"keeps the latest peers", keeps_the_latest_peers},
		   {"says what is no network", says_what_is_no_network}}};

} // namespace
