// SPDX-License-Identifier: GPL-2.0-only
#include "ftrace/detect.h"
#include "ftrace/capture.h"
#include "ftrace/format.h"
#include "layer/engine/explain.h"
#include "layer/engine/seam.h"

#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <memory>
#include <string_view>
#include <sys/ioctl.h>
#include <sys/utsname.h>

namespace {

constexpr const char *known_function = "vfs_read"; // in every kernel, and every read(2) calls it

// Trials are not part of what --explain shows.
class Silence {
	bool before_ = explaining();

public:
	Silence() { set_explaining(false); }
	~Silence() { set_explaining(before_); }
};

class Trial {
	Probes &probes_;
	ProbeFile file_;
	std::string place_;

public:
	Trial(Probes &probes, bool kprobes)
		: probes_(probes), file_(kprobes ? ProbeFile::kprobe_events : ProbeFile::uprobe_events),
		  place_(kprobes ? known_function : "/proc/self/exe:0x40")
	{
	}
	bool takes(const char *arguments) const { return bool(probes_.define(file_, "p", place_, arguments)); }
	bool takes_at_return(const char *arguments) const { return bool(probes_.define(file_, "r", place_, arguments)); }
};

// Nothing tells it without overrunning it: 5.17 made it larger (commit d9f1d1cb4b6e).
unsigned largest_event()
{
	utsname name;
	unsigned major = 0, minor = 0;
	uname(&name);
	sscanf(name.release, "%u.%u", &major, &minor);
	return major > 5 || (major == 5 && minor >= 17) ? 8192 : 2048;
}

// A filter on the current task's name (4.3), tried on an event of our own that never goes off.
bool filters_by_name(const Tracefs &files)
{
	auto id = files.event_id("sched/sched_switch");
	if (!id)
		return false;
	perf_event_attr attr{};
	attr.size = sizeof(attr);
	attr.type = PERF_TYPE_TRACEPOINT;
	attr.config = static_cast<__u64>(*id);
	attr.disabled = 1;
	UniqueFd event(seam_perf_event_open(&attr, 0, -1, PERF_FLAG_FD_CLOEXEC));
	char filter[] = "COMM == \"anyprobe\"";
	return event && seam_ioctl(event.get(), PERF_EVENT_IOC_SET_FILTER, filter) == 0;
}

void detect_arguments(const Trial &trial, Kernel &kernel)
{
	// One definition says it all for a kernel that has all.
	if (trial.takes("a=%di:x64 b=+u0(%di):ustring c=+0(%di):x64[2]")) {
		kernel.hex_types = kernel.user_reads = kernel.arrays = true;
		return;
	}
	kernel.hex_types = trial.takes("a=%di:x64");
	kernel.user_reads = trial.takes("a=+u0(%di):ustring");
	kernel.arrays = trial.takes("a=+0(%di):u64[2]");
}

} // namespace

Kernel detect_kernel(Probes &probes)
{
	Silence silence;
	Kernel kernel;
	kernel.kprobes = probes.files().exists("kprobe_events");
	kernel.uprobes = probes.files().exists("uprobe_events");
	kernel.max_event = largest_event();
	kernel.comm_field = filters_by_name(probes.files()) ? "COMM" : "";
	if (kernel.kprobes || kernel.uprobes)
		detect_arguments(Trial(probes, kernel.kprobes), kernel);
	if (!kernel.kprobes)
		return kernel;
	kernel.return_arguments = Trial(probes, true).takes_at_return("a=$arg1");
	// Not by trying: before, such a probe is made, and has another name.
	auto readme = probes.files().read("README");
	kernel.return_instances = readme && readme->find("r[maxactive]") != readme->npos;
	kernel.current = current_symbol() != 0;
	auto known = std::make_shared<std::map<std::string, bool>>();
	kernel.has_function = [&probes, known](const std::string &function) {
		auto [at, is_new] = known->try_emplace(function);
		if (is_new) {
			Silence silence;
			at->second = bool(probes.define(ProbeFile::kprobe_events, "p", function, ""));
		}
		return at->second;
	};
#if defined(__x86_64__)
	kernel.syscall_registers = kernel.has_function("__x64_sys_read");
#elif defined(__aarch64__)
	kernel.syscall_registers = kernel.has_function("__arm64_sys_read");
#endif
	return kernel;
}

// `current_task`; from 6.2 to 6.14 the first member of `pcpu_hot`.
uint64_t current_symbol()
{
	static const uint64_t address = [] {
		FILE *file = fopen("/proc/kallsyms", "re");
		char line[512], name[256];
		unsigned long long at = 0, found = 0;
		while (file && !found && fgets(line, sizeof(line), file))
			if (sscanf(line, "%llx %*c %255s", &at, name) == 2 && !strchr(line, '[') &&
			    (!strcmp(name, "current_task") || !strcmp(name, "pcpu_hot")))
				found = at;
		if (file)
			fclose(file);
		return static_cast<uint64_t>(found);
	}();
	return address;
}

// The kernel tells each CPU's offset by itself: a probe fetches them, and a read(2) of ours sets it off.
Result<std::map<uint32_t, uint64_t>> find_current(Probes &probes, const std::vector<uint32_t> &cpus)
{
	Silence silence;
	std::map<uint32_t, uint64_t> found;
	uint64_t symbol = current_symbol();
	if (!symbol)
		return Error{"ftrace: /proc/kallsyms does not tell where the running task is kept", ENOENT};
	for (uint32_t cpu : cpus) {
		auto probe = probes.define(ProbeFile::kprobe_events, "p", known_function,
					   fmt::format("a=@__per_cpu_offset+{}:u64", cpu * 8));
		if (!probe)
			return probe.error();
		auto id = probes.files().event_id(probe->event());
		auto text = probes.files().read("events/" + probe->event() + "/format");
		auto format = text ? parse_format(*text) : Result<Format>(text.error());
		if (!id || !format)
			return id ? format.error() : id.error();
		perf_event_attr attr{};
		attr.size = sizeof(attr);
		attr.type = PERF_TYPE_TRACEPOINT;
		attr.config = static_cast<__u64>(*id);
		attr.sample_period = 1;
		attr.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_RAW;
		UniqueFd event(seam_perf_event_open(&attr, 0, -1, PERF_FLAG_FD_CLOEXEC));
		Mapping memory = event ? Mapping::of(event.get(), 2 * page_size()) : Mapping();
		if (!memory)
			return errno_error("ftrace: failed to open a probe of our own");
		UniqueFd zero(open("/dev/zero", O_RDONLY | O_CLOEXEC));
		char byte;
		[[maybe_unused]] ssize_t ignored = read(zero.get(), &byte, 1);
		Ring ring(std::move(event), std::move(memory), RecordKind::event, cpu);
		ring.snapshot();
		uint64_t lost = 0, offset = 0;
		const Record *record = ring.peek(lost, 0);
		const Field *field = format->find("a");
		if (!record || !record->raw || !field || field->offset + 8 > record->raw_size)
			return Error{"ftrace: failed to read a CPU's offset through a probe", EIO};
		memcpy(&offset, record->raw + field->offset, sizeof(offset));
		found[cpu] = symbol + offset;
	}
	return found;
}
