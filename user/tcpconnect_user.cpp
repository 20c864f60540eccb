// SPDX-License-Identifier: GPL-2.0-only
// tcpconnect: TCP connects, with addresses and result.
#include "layer/output/ip_address.h"
#include "layer/sample.h"
#include "tcpconnect.h"
#include "tcpconnect.skel.h"

namespace {

class Tcpconnect final : public EventSample<tcpconnect_kern, connect_event> {
	bool only_v4_ = false, only_v6_ = false;
	int port_ = 0;

	void options(Options &o) override
	{
		o.flag("-4,--ipv4", only_v4_, "only IPv4");
		o.flag("-6,--ipv6", only_v6_, "only IPv6");
		o.value("-P,--port", port_, "PORT", "only to this port");
	}

	Result<void> check(const CommonOptions &) override
	{
		if (only_v4_ && only_v6_)
			return Error{"-4 and -6 together leave nothing to show", EINVAL};
		if (port_ > 65535)
			return Error{"--port: ports go up to 65535", EINVAL};
		return {};
	}

	Result<void> configure(tcpconnect_kern &k, Trace &) override
	{
		k.rodata->only_version = only_v4_ ? 4 : only_v6_ ? 6 : 0;
		k.rodata->only_port = static_cast<uint16_t>(port_);
		return {};
	}

	void print(const connect_event &e, Row &row) override
	{
		row << e.pid << e.comm << e.version << ip_address(e.version, e.source) << e.source_port
		    << ip_address(e.version, e.dest) << e.dest_port << ReturnValue{e.result};
	}
};

constexpr Column columns[] = {
	{"PID", 7, "process id"},
	{"COMM", -16, "name of the thread that connects"},
	{"AF", 2, "4 or 6; 4 too for an IPv6 socket that connects to an IPv4-mapped address"},
	{"SADDR", -22, "own address"},
	{"SPORT", 5, "own port, 0 where it came to none"},
	{"DADDR", -22, "address connected to"},
	{"DPORT", 5, "port connected to"},
	{"RESULT", 0, "0, or the error's name; in JSON a negative errno"},
};

const Register<Tcpconnect> sample{{
	.name = "tcpconnect",
	.summary = "TCP connects, with addresses and result",
	.description = "Shows every attempt to open a TCP connection when its connect(2) returns: with EINPROGRESS "
		       "for a socket that does not block. An attempt made otherwise (io_uring, TCP fast open, MPTCP, "
		       "the kernel itself) is shown when it is decided, or on kernels before 4.16 when it begins.",
	.columns = columns,
	.example = R"($ anyprobe tcpconnect -q -d 3 --comm python3
    PID COMM             AF SADDR                  SPORT DADDR                  DPORT RESULT
  21960 python3           4 127.0.0.1              56460 127.0.0.1               8080 0
  21960 python3           6 ::1                    59216 ::1                     8080 0
  21960 python3           4 127.0.0.1              34040 127.0.0.1                 81 ECONNREFUSED
  21960 python3           4 127.0.0.1              56474 127.0.0.1               8080 EINPROGRESS
)",
	.instead = "syscount -p counts a process's connect(2) calls",
}};

} // namespace
