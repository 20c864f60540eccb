// SPDX-License-Identifier: GPL-2.0-only
#include "../suite.h"
#include "anyprobe.h"

#include <arpa/inet.h>
#include <csignal>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

// A network namespace of this test's own, where nobody else sends; its lo is up.
class OwnNetwork {
	int original_ = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

public:
	OwnNetwork()
	{
		if (unshare(CLONE_NEWNET) != 0)
			skip("not permitted to make a network namespace");
		up("lo");
	}
	~OwnNetwork()
	{
		setns(original_, CLONE_NEWNET);
		close(original_);
	}
	OwnNetwork(const OwnNetwork &) = delete;
	OwnNetwork &operator=(const OwnNetwork &) = delete;

	static void up(const char *interface)
	{
		int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		ifreq request{};
		strncpy(request.ifr_name, interface, IFNAMSIZ - 1);
		request.ifr_flags = IFF_UP | IFF_RUNNING;
		CHECK_EQUAL(ioctl(fd, SIOCSIFFLAGS, &request), 0);
		close(fd);
	}
};

// Datagrams to a socket that is there, so that nothing answers them.
void send_datagrams(int family, int count, size_t size)
{
	sockaddr_storage address{};
	address.ss_family = static_cast<sa_family_t>(family);
	if (family == AF_INET)
		reinterpret_cast<sockaddr_in *>(&address)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else
		reinterpret_cast<sockaddr_in6 *>(&address)->sin6_addr = in6addr_loopback;
	auto *to = reinterpret_cast<sockaddr *>(&address);
	socklen_t length = family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
	int receiver = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0),
	    sender = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	CHECK_EQUAL(bind(receiver, to, length), 0);
	getsockname(receiver, to, &length);
	std::string content(size, 'x');
	for (int i = 0; i < count; i++)
		CHECK_EQUAL(sendto(sender, content.data(), size, 0, to, length), size);
	close(receiver);
	close(sender);
}

// Echo requests; the kernel answers each.
void ping(int count, size_t payload)
{
	int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP);
	std::string request(8 + payload, '\0');
	request[0] = 8;
	request[2] = '\xf7'; // the checksum of this header with nothing but zeros behind it
	request[3] = '\xff';
	sockaddr_in to{AF_INET, 0, {htonl(INADDR_LOOPBACK)}, {}};
	for (int i = 0; i < count; i++)
		CHECK_EQUAL(
			sendto(fd, request.data(), request.size(), 0, reinterpret_cast<sockaddr *>(&to), sizeof(to)),
			request.size());
	close(fd);
}

std::string bytes(std::initializer_list<int> values)
{
	return {values.begin(), values.end()};
}

// Sends an Ethernet frame: 12 bytes of addresses, then this.
void send_frame(const std::string &from_type, const char *interface = "lo")
{
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	std::string frame = std::string(12, '\0') + from_type;
	sockaddr_ll to{};
	to.sll_family = AF_PACKET;
	to.sll_ifindex = static_cast<int>(if_nametoindex(interface));
	to.sll_halen = 6;
	memcpy(&to.sll_protocol, from_type.data(), 2);
	CHECK_EQUAL(sendto(fd, frame.data(), frame.size(), 0, reinterpret_cast<sockaddr *>(&to), sizeof(to)),
		    frame.size());
	close(fd);
}

// An IPv4 header and `payload` bytes.
std::string ip_packet(int protocol, size_t payload)
{
	std::string packet = bytes(
		{0x45, 0, 0, static_cast<int>(20 + payload), 0, 0, 0, 0, 64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2});
	return packet + std::string(payload, '\0');
}

std::string ip6_packet(int next, const std::string &payload)
{
	return bytes({0x60, 0, 0, 0, 0, static_cast<int>(payload.size()), next, 64}) + std::string(32, '\1') + payload;
}

struct Count {
	long packets = 0, bytes = 0;
};

Count count_of(const std::vector<Json> &rows, const char *network, const char *protocol)
{
	Count count;
	for (const Json &row : rows)
		if (row["network"] == network && row["protocol"] == protocol) {
			count.packets += row["packets"].get<long>();
			count.bytes += row["bytes"].get<long>();
		}
	return count;
}

void check_count(const std::vector<Json> &rows, const char *network, const char *protocol, long packets, long bytes)
{
	Count got = count_of(rows, network, protocol);
	std::string name = fmt::format("{} {}: ", network, protocol);
	check_equal(name + std::to_string(got.packets), name + std::to_string(packets), "packets", __FILE__, __LINE__);
	check_equal(name + std::to_string(got.bytes), name + std::to_string(bytes), "bytes", __FILE__, __LINE__);
}

void counts_each_packet_once()
{
	need_sample("sockcount");
	OwnNetwork network;
	sleep_seconds(0.5); // ::1 is there a moment after lo
	Anyprobe on_lo({"sockcount", "-I", "lo", "--output", "json"});
	Anyprobe everywhere({"sockcount", "-i", "0.3", "--output", "json"});
	send_datagrams(AF_INET, 40, 100);
	send_datagrams(AF_INET6, 30, 200);
	ping(20, 56);
	sleep_seconds(0.5);
	for (Anyprobe *sockcount : {&on_lo, &everywhere}) {
		Run run = sockcount->finish(SIGINT);
		CHECK_EQUAL(run.status, 0);
		auto rows = run.rows();
		check_count(rows, "ip", "udp", 40, 40 * (20 + 8 + 100));
		check_count(rows, "ip6", "udp", 30, 30 * (40 + 8 + 200));
		check_count(rows, "ip", "icmp", 2 * 20, 2 * 20 * (20 + 8 + 56));
	}
}

void looks_behind_tags_and_extensions()
{
	need_sample("sockcount");
	OwnNetwork network;
	Anyprobe sockcount({"sockcount", "--output", "json"});
	std::string ip = bytes({0x08, 0x00}), ip6 = bytes({0x86, 0xdd}), tag = bytes({0x81, 0x00, 0x00, 0x05});
	send_frame(tag + ip + ip_packet(IPPROTO_UDP, 8));
	send_frame(bytes({0x88, 0xa8, 0x00, 0x07}) + tag + ip6 + ip6_packet(IPPROTO_TCP, std::string(20, '\0')));
	// Hop-by-hop of 8 bytes, routing of 24, destination options of 8, fragment, then UDP.
	send_frame(ip6 + ip6_packet(0, bytes({43, 0, 0, 0, 0, 0, 0, 0}) + bytes({60, 2}) + std::string(22, '\0') +
					       bytes({44, 0, 0, 0, 0, 0, 0, 0}) + bytes({17, 0, 0, 0, 0, 0, 0, 1}) +
					       std::string(8, '\0')));
	// It says that a header follows, and ends.
	send_frame(ip6 + ip6_packet(0, ""));
	send_frame(ip + ip_packet(132, 12)); // SCTP
	send_frame(bytes({0x08, 0x06}) + std::string(28, '\0'));
	send_frame(bytes({0x88, 0xb5}) + std::string(10, '\0')); // for experiments
	sleep_seconds(0.2);
	auto rows = sockcount.finish(SIGINT).rows();
	check_count(rows, "ip", "udp", 1, 28);
	check_count(rows, "ip6", "tcp", 1, 60 + 4); // the second tag is still there
	check_count(rows, "ip6", "udp", 1, 40 + 8 + 24 + 8 + 8 + 8);
	check_count(rows, "ip6", "other", 1, 40);
	check_count(rows, "ip", "other", 1, 32);
	check_count(rows, "arp", "-", 1, 28);
	check_count(rows, "other", "-", 1, 10);
}

// Sends from the interface what stands behind its link header.
void send_from(const char *interface, int type, const std::string &packet)
{
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	sockaddr_ll to{};
	to.sll_family = AF_PACKET;
	to.sll_ifindex = static_cast<int>(if_nametoindex(interface));
	to.sll_protocol = htons(static_cast<uint16_t>(type));
	to.sll_halen = 6;
	memset(to.sll_addr, 0xff, 6);
	CHECK_EQUAL(sendto(fd, packet.data(), packet.size(), 0, reinterpret_cast<sockaddr *>(&to), sizeof(to)),
		    packet.size());
	close(fd);
}

// What leaves one end of a veth pair comes in at the other.
void counts_both_directions()
{
	need_sample("sockcount");
	run_tool({"modprobe", "veth"});
	OwnNetwork network;
	if (!run_tool({"ip", "link", "add", "anyprobe0", "type", "veth"}))
		skip("this kernel has no veth interfaces");
	OwnNetwork::up("anyprobe0");
	OwnNetwork::up("veth0"); // the name that the kernel gives the other end
	Anyprobe sockcount({"sockcount", "-I", "anyprobe0", "--output", "json"});
	for (int i = 0; i < 15; i++)
		send_from("veth0", ETHERTYPE_IP, ip_packet(IPPROTO_TCP, 20));
	for (int i = 0; i < 10; i++)
		send_from("anyprobe0", ETHERTYPE_IP, ip_packet(IPPROTO_TCP, 30));
	for (int i = 0; i < 5; i++)
		send_frame(bytes({0x81, 0x00, 0x00, 0x05, 0x08, 0x00}) + ip_packet(IPPROTO_UDP, 8), "anyprobe0");
	send_datagrams(AF_INET, 7, 100); // on lo
	sleep_seconds(0.2);
	auto rows = sockcount.finish(SIGINT).rows();
	check_count(rows, "ip", "tcp", 25, 15 * 40 + 10 * 50);
	CHECK_EQUAL(count_of(rows, "ip", "udp").packets, 5);
}

void counts_without_ethernet()
{
	need_sample("sockcount");
	OwnNetwork network;
	if (access("/dev/net/tun", F_OK) != 0)
		run_tool({"modprobe", "tun"});
	int tunnel = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	ifreq request{};
	strcpy(request.ifr_name, "anyprobe0");
	request.ifr_flags = IFF_TUN | IFF_NO_PI;
	if (tunnel < 0 || ioctl(tunnel, TUNSETIFF, &request) != 0) {
		close(tunnel);
		skip("this kernel has no tun interfaces");
	}
	OwnNetwork::up("anyprobe0");
	Anyprobe sockcount({"sockcount", "-I", "anyprobe0", "--output", "json"});
	std::string packet = ip_packet(IPPROTO_TCP, 20);
	for (int i = 0; i < 15; i++)
		CHECK_EQUAL(write(tunnel, packet.data(), packet.size()), packet.size());
	for (int i = 0; i < 10; i++)
		send_from("anyprobe0", ETHERTYPE_IP, packet);
	sleep_seconds(0.2);
	check_count(sockcount.finish(SIGINT).rows(), "ip", "tcp", 25, 25 * 40);
	close(tunnel);
}

void refuses_bad_values()
{
	std::vector<std::vector<std::string>> wrong = {
		{"sockcount", "-I", "nosuch0"}, {"sockcount", "-p", "1"}, {"sockcount", "--comm", "x"}};
	for (const auto &arguments : wrong) {
		Run run = run_anyprobe(arguments);
		CHECK_EQUAL(run.status, 2);
		CHECK_EQUAL(std::count(run.err.begin(), run.err.end(), '\n'), 1);
	}
}

const Suite suite{"sockcount",
		  {{"counts each packet on lo once, with its bytes", counts_each_packet_once},
		   {"looks behind VLAN tags and IPv6 extension headers", looks_behind_tags_and_extensions},
		   {"counts both directions of one interface, with -I", counts_both_directions},
		   {"counts on an interface without Ethernet", counts_without_ethernet},
		   {"refuses an interface that is not there, -p and --comm", refuses_bad_values}}};

} // namespace
