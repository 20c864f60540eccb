// SPDX-License-Identifier: GPL-2.0-only
#include "../suite.h"
#include "anyprobe.h"

#include <arpa/inet.h>
#include <csignal>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

namespace {

// A row as this process knows that it must be.
struct Connect {
	int version;
	std::string source, dest;
	int source_port, dest_port;
	int result; // 0 or a negative errno
};

class Socket {
	int fd_;

public:
	explicit Socket(int family, int type = SOCK_STREAM) : fd_(socket(family, type | SOCK_CLOEXEC, 0)) {}
	~Socket() { close(fd_); }
	Socket(const Socket &) = delete;
	Socket &operator=(const Socket &) = delete;
	int fd() const { return fd_; }
};

class Address {
	sockaddr_storage storage_{};

public:
	Address() = default;
	Address(const char *text, int port)
	{
		auto *v4 = reinterpret_cast<sockaddr_in *>(&storage_);
		auto *v6 = reinterpret_cast<sockaddr_in6 *>(&storage_);
		bool is_v6 = inet_pton(AF_INET6, text, &v6->sin6_addr) == 1;
		if (!is_v6)
			inet_pton(AF_INET, text, &v4->sin_addr);
		storage_.ss_family = is_v6 ? AF_INET6 : AF_INET;
		v4->sin_port = htons(static_cast<uint16_t>(port)); // in both at the same place
	}
	static Address of(int fd)
	{
		Address own;
		socklen_t size = sizeof(own.storage_);
		getsockname(fd, own.get(), &size);
		return own;
	}
	sockaddr *get() { return reinterpret_cast<sockaddr *>(&storage_); }
	socklen_t size() const { return storage_.ss_family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6); }
	int port() const { return ntohs(reinterpret_cast<const sockaddr_in *>(&storage_)->sin_port); }
	std::string text() const
	{
		char text[INET6_ADDRSTRLEN];
		const void *bytes = &reinterpret_cast<const sockaddr_in *>(&storage_)->sin_addr;
		if (storage_.ss_family == AF_INET6)
			bytes = &reinterpret_cast<const sockaddr_in6 *>(&storage_)->sin6_addr;
		return inet_ntop(storage_.ss_family, bytes, text, sizeof(text));
	}
};

// Accepts connections on a port of its own.
struct Listener {
	Socket socket;
	int port = 0;

	explicit Listener(const char *text)
	    : socket(std::string_view(text).find(':') == std::string::npos ? AF_INET : AF_INET6)
	{
		Address any(text, 0);
		if (bind(socket.fd(), any.get(), any.size()) != 0 || listen(socket.fd(), 64) != 0)
			skip(fmt::format("no {} here", text));
		port = Address::of(socket.fd()).port();
	}
};

int connect_to(const Socket &socket, Address to)
{
	return connect(socket.fd(), to.get(), to.size()) == 0 ? 0 : -errno;
}

Connect blocking(const char *text, int port)
{
	Socket socket(std::string_view(text).find(':') == std::string::npos ? AF_INET : AF_INET6);
	Address to(text, port);
	int result = connect_to(socket, to);
	Address own = Address::of(socket.fd());
	return {to.get()->sa_family == AF_INET ? 4 : 6, own.text(), to.text(), own.port(), port, result};
}

Connect mapped(int port)
{
	Connect made = blocking("::ffff:127.0.0.1", port);
	CHECK_EQUAL(made.source, "::ffff:127.0.0.1");
	return {4, "127.0.0.1", "127.0.0.1", made.source_port, port, made.result};
}

// A port that was free a moment ago.
int closed_port()
{
	Listener gone("127.0.0.1");
	return gone.port;
}

// Bound first, so that the port is known for sure.
Connect refused()
{
	Socket socket(AF_INET);
	Address any("127.0.0.1", 0);
	bind(socket.fd(), any.get(), any.size());
	int port = closed_port(), own = Address::of(socket.fd()).port();
	return {4, "127.0.0.1", "127.0.0.1", own, port, connect_to(socket, Address("127.0.0.1", port))};
}

Connect not_blocking(int port)
{
	Socket socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK);
	int result = connect_to(socket, Address("127.0.0.1", port));
	connect_to(socket, Address("127.0.0.1", port)); // asks how it goes; no row
	return {4, "127.0.0.1", "127.0.0.1", Address::of(socket.fd()).port(), port, result};
}

// TCP knows no multicast, so this fails without a packet whatever the routes are.
Connect unreachable()
{
	Socket socket(AF_INET);
	return {4, "0.0.0.0", "224.0.0.1", 0, 9, connect_to(socket, Address("224.0.0.1", 9))};
}

void connect_without_tcp()
{
	Socket udp(AF_INET, SOCK_DGRAM), local(AF_UNIX);
	connect_to(udp, Address("127.0.0.1", 9));
	sockaddr_un name{AF_UNIX, "/nonexistent/socket"};
	connect(local.fd(), reinterpret_cast<sockaddr *>(&name), sizeof(name));
	Address to("127.0.0.1", 9);
	connect(0, to.get(), to.size());
	connect(-1, to.get(), to.size());
}

void check_row(const Json &row, const Connect &want)
{
	CHECK_EQUAL(row["af"].get<int>(), want.version);
	CHECK_EQUAL(row["saddr"].get<std::string>(), want.source);
	CHECK_EQUAL(row["sport"].get<int>(), want.source_port);
	CHECK_EQUAL(row["daddr"].get<std::string>(), want.dest);
	CHECK_EQUAL(row["dport"].get<int>(), want.dest_port);
	CHECK_EQUAL(row["result"].get<int>(), want.result);
	CHECK_EQUAL(row["pid"].get<int>(), getpid());
}

void sees_each_attempt()
{
	Listener v4("127.0.0.1"), v6("::1");
	Anyprobe tcpconnect({"tcpconnect", "-p", std::to_string(getpid()), "--output", "json"});
	std::vector<Connect> made = {blocking("127.0.0.1", v4.port), blocking("::1", v6.port), mapped(v4.port),
				     refused(), not_blocking(v4.port)};
	connect_without_tcp();
	made.push_back(unreachable());
	CHECK_EQUAL(made[0].result, 0);
	CHECK_EQUAL(made[1].result, 0);
	CHECK_EQUAL(made[2].result, 0);
	CHECK_EQUAL(made[3].result, -ECONNREFUSED);
	CHECK_EQUAL(made[4].result, -EINPROGRESS);
	CHECK_EQUAL(made[5].result, -ENETUNREACH);
	tcpconnect.wait_for_lines(made.size());
	sleep_seconds(0.2);
	Run run = tcpconnect.finish(SIGINT);
	CHECK_EQUAL(run.status, 0);
	auto rows = run.rows();
	CHECK_EQUAL(rows.size(), made.size());
	for (size_t i = 0; i < std::min(rows.size(), made.size()); i++)
		check_row(rows[i], made[i]);
}

void sees_each_kind_of_connect()
{
	need_sample("tcpconnect");
	sees_each_attempt();
}

// Hides the stable hooks from those started meanwhile, as if this kernel did not have them.
class WithoutTracepoints {
	int original_ = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);

public:
	WithoutTracepoints()
	{
		if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
			skip("not permitted to hide tracepoints");
		for (const char *name : {"sock", "syscalls"})
			if (mount("none", fmt::format("/sys/kernel/tracing/events/{}", name).c_str(), "tmpfs", 0,
				  nullptr) != 0)
				skip("tracefs is not mounted");
	}
	~WithoutTracepoints()
	{
		setns(original_, CLONE_NEWNS);
		close(original_);
	}
};

void works_with_kprobes()
{
	need_sample("tcpconnect");
	if (access("/sys/bus/event_source/devices/kprobe/type", F_OK) != 0)
		skip("this kernel has no kprobes");
	WithoutTracepoints hidden;
	sees_each_attempt();
}

void keeps_to_version_and_port()
{
	need_sample("tcpconnect");
	Listener v4("127.0.0.1"), v6("::1"), other("127.0.0.1");
	std::string pid = std::to_string(getpid());
	Anyprobe only_v4({"tcpconnect", "-4", "-p", pid, "--output", "json"});
	Anyprobe only_v6({"tcpconnect", "-6", "-p", pid, "--output", "json"});
	Anyprobe only_port({"tcpconnect", "--port", std::to_string(other.port), "--output", "json"});
	blocking("127.0.0.1", v4.port);
	blocking("::1", v6.port);
	blocking("127.0.0.1", other.port);
	only_v4.wait_for_lines(2);
	only_v6.wait_for_lines(1);
	only_port.wait_for_lines(1);
	sleep_seconds(0.2);
	CHECK_EQUAL(only_v4.finish(SIGINT).rows().size(), 2);
	auto rows = only_v6.finish(SIGINT).rows();
	REQUIRE(rows.size() == 1);
	CHECK_EQUAL(rows[0]["dport"].get<int>(), v6.port);
	rows = only_port.finish(SIGINT).rows();
	REQUIRE(rows.size() == 1);
	CHECK_EQUAL(rows[0]["dport"].get<int>(), other.port);
}

// The one submission and its completion, without liburing. Returns the result.
int connect_by_io_uring(const Socket &socket, Address to)
{
	io_uring_params params{};
	int ring = static_cast<int>(syscall(SYS_io_uring_setup, 1, &params));
	if (ring < 0)
		skip("this kernel has no io_uring");
	size_t size =
		std::max(params.sq_off.array + 4UL, params.cq_off.cqes + params.cq_entries * sizeof(io_uring_cqe));
	auto *rings =
		static_cast<char *>(mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING));
	auto *entry = static_cast<io_uring_sqe *>(mmap(nullptr, sizeof(io_uring_sqe), PROT_READ | PROT_WRITE,
						       MAP_SHARED, ring, static_cast<off_t>(IORING_OFF_SQES)));
	entry->opcode = IORING_OP_CONNECT;
	entry->fd = socket.fd();
	entry->addr = reinterpret_cast<uint64_t>(to.get());
	entry->off = to.size();
	*reinterpret_cast<uint32_t *>(rings + params.sq_off.array) = 0;
	__atomic_store_n(reinterpret_cast<uint32_t *>(rings + params.sq_off.tail), 1, __ATOMIC_RELEASE);
	long submitted = syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, nullptr, 0);
	int result = submitted == 1 ? reinterpret_cast<io_uring_cqe *>(rings + params.cq_off.cqes)->res : -errno;
	close(ring);
	return result;
}

void sees_io_uring()
{
	need_sample("tcpconnect");
	skip_with_engine("ftrace", "what becomes of a connect outside of connect(2), only the socket behind the pointer in "
				   "inet_sock_set_state's record tells, and a tracepoint cannot follow it");
	Listener v4("127.0.0.1");
	Anyprobe tcpconnect({"tcpconnect", "-p", std::to_string(getpid()), "--output", "json"});
	Socket good(AF_INET), bad(AF_INET);
	int port = closed_port();
	CHECK_EQUAL(connect_by_io_uring(good, Address("127.0.0.1", v4.port)), 0);
	CHECK_EQUAL(connect_by_io_uring(bad, Address("127.0.0.1", port)), -ECONNREFUSED);
	tcpconnect.wait_for_lines(2);
	auto rows = tcpconnect.finish(SIGINT).rows();
	REQUIRE(rows.size() == 2);
	check_row(rows[0], {4, "127.0.0.1", "127.0.0.1", Address::of(good.fd()).port(), v4.port, 0});
	CHECK_EQUAL(rows[1]["result"].get<int>(), -ECONNREFUSED);
	CHECK_EQUAL(rows[1]["dport"].get<int>(), port);
	CHECK(rows[1]["sport"] > 0);
}

void refuses_bad_values()
{
	std::vector<std::vector<std::string>> wrong = {
		{"tcpconnect", "-4", "-6"}, {"tcpconnect", "--port", "65536"}, {"tcpconnect", "--port", "http"}};
	for (const auto &arguments : wrong) {
		Run run = run_anyprobe(arguments);
		CHECK_EQUAL(run.status, 2);
		CHECK_EQUAL(std::count(run.err.begin(), run.err.end(), '\n'), 1);
	}
}

const Suite suite{"tcpconnect",
		  {{"sees each attempt with its addresses, ports and result", sees_each_kind_of_connect},
		   {"sees the same by kprobes where the tracepoints are missing", works_with_kprobes},
		   {"keeps to -4, -6 and --port", keeps_to_version_and_port},
		   {"sees connects by io_uring, with their result", sees_io_uring},
		   {"refuses what cannot be a port, and -4 with -6", refuses_bad_values}}};

} // namespace
