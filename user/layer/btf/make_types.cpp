// SPDX-License-Identifier: GPL-2.0-only
#include "layer/btf/make_types.h"
#include "layer/btf/external_program.h"
#include "layer/btf/types_source.h"
#include "layer/output/output_file.h"
#include "layer/unique_fd.h"

#include <cstdlib>
#include <fcntl.h>
#include <fmt/format.h>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

namespace {

// Headers that come and go between kernels are asked for first. __has_include: gcc 5; an older one takes the first list
// alone. Source of what is in which: the headers themselves, 2.6.32 to 7.2.
constexpr const char *source = R"(
#include <linux/version.h>
#include <linux/sched.h>
#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/file.h>
#include <linux/mm_types.h>
#include <linux/nsproxy.h>
#include <linux/ptrace.h>
#include <linux/blkdev.h>
#include <linux/net.h>
#include <net/sock.h>
#include <net/inet_sock.h>
#include <linux/tcp.h>
#ifdef __has_include
#if __has_include(<linux/fdtable.h>)
#include <linux/fdtable.h>
#endif
#if __has_include(<linux/sched/signal.h>)
#include <linux/sched/signal.h>
#endif
#if __has_include(<linux/sched/task.h>)
#include <linux/sched/task.h>
#endif
#if __has_include(<linux/blk-mq.h>)
#include <linux/blk-mq.h>
#endif
#endif

/* The records of tracepoints: struct trace_event_raw_NAME (before 4.0: ftrace_raw_NAME). */
#define CREATE_TRACE_POINTS
#include <trace/events/sched.h>
#include <trace/events/block.h>
#ifdef __has_include
#if __has_include(<trace/events/task.h>)
#include <trace/events/task.h>
#endif
#if __has_include(<trace/events/sock.h>)
#include <trace/events/sock.h>
#endif
#endif
#include <trace/events/syscalls.h> /* last: it leaves TRACE_INCLUDE_FILE behind */
)";

// obj-y, not obj-m: what a module's flags forbid in trace headers (early_initcall) is not forbidden.
constexpr const char *makefile = "obj-y := types.o\nccflags-y := {} -fno-eliminate-unused-debug-types -w\n";

// A folder that is gone when this is.
class TemporaryFolder {
	std::string path_;

public:
	TemporaryFolder()
	{
		const char *above = getenv("TMPDIR");
		path_ = fmt::format("{}/anyprobe-btf-XXXXXX", above && *above ? above : "/tmp");
		if (!mkdtemp(path_.data()))
			path_.clear();
	}
	~TemporaryFolder()
	{
		if (!path_.empty())
			(void)run_external({"rm", "-rf", path_});
	}
	TemporaryFolder(const TemporaryFolder &) = delete;
	TemporaryFolder &operator=(const TemporaryFolder &) = delete;
	const std::string &path() const { return path_; }
};

const char *compiler()
{
	const char *given = getenv("CC");
	return given && *given ? given : "gcc";
}

bool makes_btf(const std::string &folder)
{
	return static_cast<bool>(run_external({"sh", "-c", "echo | $1 -gbtf -S -xc - -o \"$2/probe.s\" ", "sh", compiler(), folder}));
}

// ": " and what the compiler or make said first.
std::string first_error(const std::string &log)
{
	std::ifstream lines(log);
	std::string last;
	for (std::string line; std::getline(lines, line);) {
		if (line.find("error: ") != line.npos || line.find("*** ") != line.npos)
			return ": " + line;
		last = line.empty() ? last : ": " + line;
	}
	return last;
}

Result<void> write_sources(const std::string &folder, bool btf)
{
	std::string kbuild = fmt::format(fmt::runtime(makefile), btf ? "-gbtf" : "-g");
	for (auto [name, content] : {std::pair<const char *, std::string_view>{"types.c", source}, {"Makefile", kbuild}})
		if (auto written = write_output_file(folder + "/" + name, content); !written)
			return written;
	return {};
}

} // namespace

Result<std::string> make_types(const std::string &headers)
{
	struct stat status;
	if (stat((headers + "/Makefile").c_str(), &status) != 0)
		return errno_error(fmt::format("btf: failed to find kernel headers in {} (install linux-headers-RELEASE or "
					       "kernel-devel-RELEASE, then name /lib/modules/RELEASE/build)",
					       headers));
	TemporaryFolder folder;
	if (folder.path().empty())
		return errno_error("btf: failed to create a folder to compile in");
	bool btf = makes_btf(folder.path());
	if (auto written = write_sources(folder.path(), btf); !written)
		return written.error();
	std::string log = folder.path() + "/log";
	UniqueFd err(open(log.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
	auto built = run_external({"make", "-s", "-C", headers, "M=" + folder.path(), std::string("CC=") + compiler(), "types.o"},
				  {.out = err.get(), .err = err.get()});
	if (!built)
		return Error{fmt::format("btf: failed to compile against {}: {}{} (CC=... names another compiler)", headers,
					 built.error().message, first_error(log)),
			     built.error().code};
	std::string object = folder.path() + "/types.o";
	if (!btf)
		if (auto encoded = run_external({"pahole", "-J", object}); !encoded)
			return Error{fmt::format("btf: failed to make types: {} is older than gcc 12, and without its -gbtf this needs "
						 "pahole (package dwarves): {}",
						 compiler(), encoded.error().message),
				     encoded.error().code};
	return read_types(object);
}
