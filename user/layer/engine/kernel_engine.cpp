// SPDX-License-Identifier: GPL-2.0-only
#include "layer/engine/kernel_engine.h"
#include "layer/engine/features.h"
#include "layer/engine/old_kernel.h"
#include "layer/engine/seam.h"
#include "layer/engine/tracepoints.h"
#include "layer/unique_fd.h"

#include <cstdlib>
#include <fcntl.h>
#include <fmt/format.h>
#include <optional>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SO_DETACH_BPF
#define SO_DETACH_BPF SO_DETACH_FILTER
#endif

namespace {

// Closing the fd detaches: a perf event, a raw tracepoint, a BPF link.
class FdLink final : public Link {
	UniqueFd fd_;

public:
	explicit FdLink(UniqueFd fd) : fd_(std::move(fd)) {}
};

class SocketLink final : public Link {
	int socket_; // the caller's

public:
	explicit SocketLink(int socket) : socket_(socket) {}
	~SocketLink() override { setsockopt(socket_, SOL_SOCKET, SO_DETACH_BPF, nullptr, 0); }
};

Result<std::string> read_line(const std::string &path)
{
	UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
	char text[256];
	ssize_t got = fd ? read(fd.get(), text, sizeof(text)) : -1;
	if (got < 0)
		return errno_error("failed to read " + path);
	std::string line(text, static_cast<size_t>(got));
	return line.substr(0, line.find('\n'));
}

// A dynamic PMU ("kprobe", "uprobe"; both 4.17): its number, and the bit of `config` that means "at return".
struct Pmu {
	unsigned type;
	unsigned return_bit;
};

std::optional<Pmu> find_pmu(const std::string &name)
{
	std::string directory = "/sys/bus/event_source/devices/" + name;
	auto type = read_line(directory + "/type");
	auto format = read_line(directory + "/format/retprobe"); // "config:0"
	if (!type)
		return {};
	unsigned bit = format && format->starts_with("config:") ? static_cast<unsigned>(atoi(format->c_str() + 7)) : 0;
	return Pmu{static_cast<unsigned>(atoi(type->c_str())), bit};
}

class KernelEngine final : public Engine {
	Tracepoints tracepoints_;
	OldKernel old_;

	Result<std::unique_ptr<Link>> attach_perf(int program_fd, perf_event_attr attr, const Hook &hook);
	Result<std::unique_ptr<Link>> attach_tracepoint(int program_fd, const Hook &hook);
	Result<std::unique_ptr<Link>> attach_raw_tracepoint(int program_fd, const Hook &hook);
	Result<std::unique_ptr<Link>> attach_probe(int program_fd, const Hook &hook);
	Result<std::unique_ptr<Link>> attach_multi(int program_fd, const Hook &hook);
	Result<std::unique_ptr<Link>> attach_socket(int program_fd, const Hook &hook);

public:
	const char *name() const override { return "kernel"; }
	std::string reason() const override { return "this kernel runs BPF itself"; }
	long bpf(int command, union bpf_attr *attr, unsigned size) override
	{
		long result = syscall(__NR_bpf, command, attr, size);
		if (result < 0)
			result = old_.answer(command, *attr, size);
		else if (command == BPF_MAP_CREATE)
			old_.forget(static_cast<int>(result));
		return result;
	}
	void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset) override
	{
		if ((flags & MAP_FIXED) && old_.is_plain(fd))
			return mprotect(address, length, protection) == 0 ? address : MAP_FAILED;
		return Engine::mmap(address, length, protection, flags, fd, offset);
	}
	Result<void> supports(const Hook &hook) override;
	Result<std::unique_ptr<Link>> attach(int program_fd, const Hook &hook) override;
};

Error cannot_attach(const Hook &hook, int code = errno)
{
	return errno_error(fmt::format("kernel engine: failed to attach to {}", describe(hook)), code);
}

// The feature that a kind of hook hangs on, besides bpf(2).
std::optional<Feature> feature_of(HookKind kind)
{
	switch (kind) {
	case HookKind::tracepoint: return Feature::tracepoint_program;
	case HookKind::raw_tracepoint: return Feature::raw_tracepoint_program;
	case HookKind::kprobe:
	case HookKind::kretprobe: return Feature::kprobes;
	case HookKind::kprobe_multi:
	case HookKind::kretprobe_multi: return Feature::kprobe_multi;
	case HookKind::uprobe:
	case HookKind::uretprobe: return Feature::uprobes;
	case HookKind::fentry: return Feature::typed_program;
	case HookKind::typed_tracepoint: return Feature::typed_tracepoint;
	case HookKind::perf_event: return Feature::software_clock;
	case HookKind::socket_filter: return Feature::socket_filter;
	case HookKind::none: break;
	}
	return {};
}

Result<void> KernelEngine::supports(const Hook &hook)
{
	if (auto feature = feature_of(hook.kind))
		if (auto has = features().need(*feature); !has)
			return has;
	return hook.kind == HookKind::tracepoint ? tracepoints_.need(hook.target) : Result<void>();
}

// Give the program to a perf event and start it. (A BPF link, 5.15, is what carries a cookie.)
Result<std::unique_ptr<Link>> KernelEngine::attach_perf(int program_fd, perf_event_attr attr, const Hook &hook)
{
	attr.size = sizeof(attr);
	int cpu = hook.cpu >= 0 ? hook.cpu : hook.pid >= 0 ? -1 : 0;
	UniqueFd event(seam_perf_event_open(&attr, hook.pid, cpu, PERF_FLAG_FD_CLOEXEC));
	if (!event)
		return cannot_attach(hook);
	if (hook.cookie) {
		union bpf_attr create{};
		create.link_create.prog_fd = static_cast<__u32>(program_fd);
		create.link_create.target_fd = static_cast<__u32>(event.get());
		create.link_create.attach_type = BPF_PERF_EVENT;
		create.link_create.perf_event.bpf_cookie = hook.cookie;
		UniqueFd link(static_cast<int>(seam_bpf(BPF_LINK_CREATE, &create, sizeof(create))));
		if (!link)
			return cannot_attach(hook);
		if (seam_ioctl(event.get(), PERF_EVENT_IOC_ENABLE, nullptr) != 0)
			return cannot_attach(hook);
		return std::unique_ptr<Link>(std::make_unique<FdLink>(std::move(link)));
	}
	if (seam_ioctl(event.get(), PERF_EVENT_IOC_SET_BPF, reinterpret_cast<void *>(static_cast<long>(program_fd))) != 0 ||
	    seam_ioctl(event.get(), PERF_EVENT_IOC_ENABLE, nullptr) != 0)
		return cannot_attach(hook);
	return std::unique_ptr<Link>(std::make_unique<FdLink>(std::move(event)));
}

Result<std::unique_ptr<Link>> KernelEngine::attach_tracepoint(int program_fd, const Hook &hook)
{
	auto id = tracepoints_.id(hook.target);
	if (!id)
		return id.error();
	perf_event_attr attr{};
	attr.type = PERF_TYPE_TRACEPOINT;
	attr.config = static_cast<__u64>(*id);
	attr.sample_period = 1;
	attr.wakeup_events = 1;
	return attach_perf(program_fd, attr, hook);
}

Result<std::unique_ptr<Link>> KernelEngine::attach_raw_tracepoint(int program_fd, const Hook &hook)
{
	union bpf_attr attr{};
	// A BTF-typed program (fentry, tp_btf, lsm) knows its place from its load.
	if (hook.kind == HookKind::raw_tracepoint)
		attr.raw_tracepoint.name = reinterpret_cast<__u64>(hook.target.c_str());
	attr.raw_tracepoint.prog_fd = static_cast<__u32>(program_fd);
	UniqueFd link(static_cast<int>(seam_bpf(BPF_RAW_TRACEPOINT_OPEN, &attr, sizeof(attr.raw_tracepoint))));
	if (!link)
		return cannot_attach(hook);
	return std::unique_ptr<Link>(std::make_unique<FdLink>(std::move(link)));
}

Result<std::unique_ptr<Link>> KernelEngine::attach_probe(int program_fd, const Hook &hook)
{
	bool user = hook.kind == HookKind::uprobe || hook.kind == HookKind::uretprobe;
	bool at_return = hook.kind == HookKind::kretprobe || hook.kind == HookKind::uretprobe;
	auto pmu = find_pmu(user ? "uprobe" : "kprobe");
	if (!pmu)
		return features().need(user ? Feature::uprobes : Feature::kprobes).error();

	perf_event_attr attr{};
	attr.type = pmu->type;
	attr.config = at_return ? 1ULL << pmu->return_bit : 0;
	attr.config |= hook.semaphore << 32; // the reference counter's place in the file (4.20)
	attr.config1 = reinterpret_cast<__u64>(hook.target.c_str());
	attr.config2 = hook.offset;
	return attach_perf(program_fd, attr, hook);
}

Result<std::unique_ptr<Link>> KernelEngine::attach_multi(int program_fd, const Hook &hook)
{
	std::vector<const char *> names;
	for (const std::string &function : hook.functions)
		names.push_back(function.c_str());
	union bpf_attr attr{};
	attr.link_create.prog_fd = static_cast<__u32>(program_fd);
	attr.link_create.attach_type = BPF_TRACE_KPROBE_MULTI;
	attr.link_create.kprobe_multi.flags = hook.kind == HookKind::kretprobe_multi ? BPF_F_KPROBE_MULTI_RETURN : 0;
	attr.link_create.kprobe_multi.cnt = static_cast<__u32>(names.size());
	attr.link_create.kprobe_multi.syms = reinterpret_cast<__u64>(names.data());
	UniqueFd link(static_cast<int>(seam_bpf(BPF_LINK_CREATE, &attr, sizeof(attr))));
	if (!link)
		return cannot_attach(hook);
	return std::unique_ptr<Link>(std::make_unique<FdLink>(std::move(link)));
}

Result<std::unique_ptr<Link>> KernelEngine::attach_socket(int program_fd, const Hook &hook)
{
	if (setsockopt(hook.fd, SOL_SOCKET, SO_ATTACH_BPF, &program_fd, sizeof(program_fd)) != 0)
		return cannot_attach(hook);
	return std::unique_ptr<Link>(std::make_unique<SocketLink>(hook.fd));
}

Result<std::unique_ptr<Link>> KernelEngine::attach(int program_fd, const Hook &hook)
{
	switch (hook.kind) {
	case HookKind::tracepoint:
		return attach_tracepoint(program_fd, hook);
	case HookKind::raw_tracepoint:
	case HookKind::fentry:
	case HookKind::typed_tracepoint:
		return attach_raw_tracepoint(program_fd, hook);
	case HookKind::kprobe:
	case HookKind::kretprobe:
	case HookKind::uprobe:
	case HookKind::uretprobe:
		return attach_probe(program_fd, hook);
	case HookKind::kprobe_multi:
	case HookKind::kretprobe_multi:
		return attach_multi(program_fd, hook);
	case HookKind::perf_event: {
		perf_event_attr attr{};
		attr.type = PERF_TYPE_SOFTWARE;
		attr.config = PERF_COUNT_SW_CPU_CLOCK;
		attr.freq = 1;
		attr.sample_freq = hook.frequency;
		return attach_perf(program_fd, attr, hook);
	}
	case HookKind::socket_filter:
		return attach_socket(program_fd, hook);
	case HookKind::none:
		break;
	}
	return cannot_attach(hook, EINVAL);
}

} // namespace

// Before 5.11 maps count as locked memory of the user, those of a program that has just ended too: bpf(2)
// says EPERM when it is used up. libbpf raises the limit at its first map, which is after the first one here.
static void raise_locked_memory()
{
	rlimit unlimited{RLIM_INFINITY, RLIM_INFINITY};
	setrlimit(RLIMIT_MEMLOCK, &unlimited);
}

// Where kernel.unprivileged_bpf_disabled is 0, everybody may make maps and load socket filters, but nothing that
// traces. Any other errno than EPERM says that this kernel lacks the program type, which is another matter.
static bool may_load_tracing()
{
	constexpr bpf_insn return_zero[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0},
		{.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0},
	};
	union bpf_attr attr{};
	attr.prog_type = BPF_PROG_TYPE_TRACEPOINT;
	attr.insns = reinterpret_cast<__u64>(return_zero);
	attr.insn_cnt = 2;
	attr.license = reinterpret_cast<__u64>("GPL");
	UniqueFd program(static_cast<int>(syscall(__NR_bpf, BPF_PROG_LOAD, &attr, sizeof(attr))));
	return program || (errno != EPERM && errno != EACCES);
}

Result<std::unique_ptr<Engine>> open_kernel_engine()
{
	raise_locked_memory();
	// Ask for the smallest thing there is; errno tells a kernel without bpf(2) from a user without privilege.
	union bpf_attr attr{};
	attr.map_type = BPF_MAP_TYPE_ARRAY;
	attr.key_size = attr.value_size = 4;
	attr.max_entries = 1;
	UniqueFd map(static_cast<int>(syscall(__NR_bpf, BPF_MAP_CREATE, &attr, sizeof(attr))));
	if (map && may_load_tracing())
		return std::unique_ptr<Engine>(std::make_unique<KernelEngine>());
	if (errno == ENOSYS)
		return Error{"kernel engine: this kernel has no bpf(2) (needs Linux 3.18, CONFIG_BPF_SYSCALL)", ENOSYS};
	if (errno == EPERM || errno == EACCES)
		return Error{"kernel engine: not permitted to use bpf(2): run as root (sudo)", EPERM};
	return errno_error("kernel engine: failed to use bpf(2)");
}
