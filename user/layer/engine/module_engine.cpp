// SPDX-License-Identifier: GPL-2.0-only
#include "layer/engine/module_engine.h"
#include "kmod/protocol.h"
#include "layer/engine/explain.h"
#include "layer/engine/features.h"
#include "layer/engine/refusal.h"
#include "layer/engine/tracepoints.h"
#include "layer/unique_fd.h"

#include <bpf/btf.h>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/filter.h>
#include <map>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace {

// Where a BTF-typed program belongs, from its load: the kernel is asked for it there, the module here.
struct Typed {
	unsigned btf_id;
	unsigned attach_type;
};

struct Place {
	anyprobe_kind kind;
	std::string name;
	unsigned arguments;
};

// Closing detaches. What went wrong meanwhile is said once, here.
class ModuleLink final : public Link {
	UniqueFd fd_;
	std::string what_;

public:
	ModuleLink(UniqueFd fd, std::string what) : fd_(std::move(fd)), what_(std::move(what)) {}
	~ModuleLink() override
	{
		anyprobe_object counters{};
		if (::ioctl(fd_.get(), ANYPROBE_IOC_OBJECT, &counters) != 0)
			return;
		explain(fmt::format("{}: {} hits, {} missed, {} ended for an error", what_, counters.hits, counters.misses,
				    counters.errors));
		if (counters.errors)
			fprintf(stderr, "module engine: %s: %llu of %llu runs were ended, %llu of them for too many instructions\n",
				what_.c_str(), counters.errors, counters.hits, counters.exhausted);
	}
};

// A socket whose packets go to the program takes none itself.
class SocketLink final : public Link {
	std::unique_ptr<Link> link_;
	int socket_; // the caller's

public:
	SocketLink(std::unique_ptr<Link> link, int socket) : link_(std::move(link)), socket_(socket) {}
	~SocketLink() override
	{
		link_.reset();
		setsockopt(socket_, SOL_SOCKET, SO_DETACH_FILTER, nullptr, 0);
	}
};

unsigned ability_of(HookKind kind)
{
	switch (kind) {
	case HookKind::tracepoint: return ANYPROBE_TRACEPOINT;
	case HookKind::raw_tracepoint:
	case HookKind::typed_tracepoint: return ANYPROBE_RAW_TRACEPOINT;
	case HookKind::kprobe:
	case HookKind::kprobe_multi:
	case HookKind::fentry: return ANYPROBE_KPROBES;
	case HookKind::kretprobe:
	case HookKind::kretprobe_multi: return ANYPROBE_KRETPROBES;
	case HookKind::uprobe:
	case HookKind::uretprobe: return ANYPROBE_UPROBES;
	case HookKind::perf_event: return ANYPROBE_CLOCK;
	case HookKind::socket_filter: return ANYPROBE_PACKETS;
	case HookKind::none: break;
	}
	return 0;
}

const char *config_of(HookKind kind)
{
	switch (kind) {
	case HookKind::tracepoint: return "CONFIG_PERF_EVENTS and CONFIG_EVENT_TRACING";
	case HookKind::raw_tracepoint:
	case HookKind::typed_tracepoint: return "CONFIG_TRACEPOINTS";
	case HookKind::perf_event: return "CONFIG_PERF_EVENTS";
	default: return "CONFIG_KPROBES";
	}
}

Error cannot_attach(const Hook &hook, int code = errno)
{
	if (code == EINVAL && ability_of(hook.kind) & (ANYPROBE_KPROBES | ANYPROBE_KRETPROBES))
		return {fmt::format("module engine: failed to attach to {}: it must not be probed, or is not the start of an "
				    "instruction",
				    describe(hook)),
			code};
	return errno_error(fmt::format("module engine: failed to attach to {}", describe(hook)), code);
}

class ModuleEngine final : public Engine {
	UniqueFd device_;
	unsigned abilities_;
	Tracepoints tracepoints_;
	std::map<unsigned, Typed> typed_; // by the program's id

	void remember_type(int program_fd, const union bpf_attr &attr, unsigned size);
	Result<Place> typed_place(int program_fd) const;
	Result<void> fill(anyprobe_attach &request, std::string &names, const Hook &hook);
	Result<std::unique_ptr<Link>> attach_request(anyprobe_attach &request, const std::string &names, const Hook &hook);

public:
	ModuleEngine(UniqueFd device, unsigned abilities) : device_(std::move(device)), abilities_(abilities) {}

	const char *name() const override { return "module"; }
	std::string reason() const override { return "anyprobe.ko is loaded and runs BPF"; }
	long bpf(int command, union bpf_attr *attr, unsigned size) override;
	long perf_event_open(perf_event_attr *attr, pid_t pid, int cpu, int group, unsigned long flags) override;
	Result<void> supports(const Hook &hook) override;
	Result<std::unique_ptr<Link>> attach(int program_fd, const Hook &hook) override;
	std::optional<bool> has(Feature feature) override;
};

void ModuleEngine::remember_type(int program_fd, const union bpf_attr &attr, unsigned size)
{
	anyprobe_object object{};
	if (attr.prog_type == BPF_PROG_TYPE_TRACING && size > offsetof(union bpf_attr, attach_btf_id) &&
	    ::ioctl(program_fd, ANYPROBE_IOC_OBJECT, &object) == 0)
		typed_[object.id] = {attr.attach_btf_id, attr.expected_attach_type};
}

long ModuleEngine::bpf(int command, union bpf_attr *attr, unsigned size)
{
	anyprobe_bpf call{static_cast<__u32>(command), size, reinterpret_cast<__u64>(attr)};
	int result = ::ioctl(device_.get(), ANYPROBE_IOC_BPF, &call);
	if (result >= 0 && command == BPF_PROG_LOAD)
		remember_type(result, *attr, size);
	if (result < 0 && command == BPF_PROG_LOAD)
		explain_refusal(*attr);
	return result;
}

// A perf buffer's ring: perf would give one that only the kernel's own BPF can write to.
long ModuleEngine::perf_event_open(perf_event_attr *attr, pid_t pid, int cpu, int group, unsigned long flags)
{
	if (attr->type == PERF_TYPE_SOFTWARE && attr->config == PERF_COUNT_SW_BPF_OUTPUT)
		return ::ioctl(device_.get(), ANYPROBE_IOC_PERF_RING);
	return Engine::perf_event_open(attr, pid, cpu, group, flags);
}

std::optional<bool> ModuleEngine::has(Feature feature)
{
	switch (feature) {
	case Feature::kprobes:
	case Feature::kprobe_multi:
	case Feature::attach_cookie:
	case Feature::probe_read_kernel:
		return true;
	case Feature::uprobes:
		return abilities_ & ANYPROBE_UPROBES;
	default:
		return {};
	}
}

Result<void> ModuleEngine::supports(const Hook &hook)
{
	if (hook.kind == HookKind::uprobe || hook.kind == HookKind::uretprobe)
		return features().need(Feature::uprobes);
	if (hook.kind != HookKind::none && !(abilities_ & ability_of(hook.kind)))
		return Error{fmt::format("this kernel has no {} for modules (needs {})", name_of(hook.kind), config_of(hook.kind)),
			     ENOTSUP};
	if (hook.kind == HookKind::fentry)
		return features().need(Feature::typed_program);
	if (hook.kind == HookKind::typed_tracepoint)
		return features().need(Feature::typed_tracepoint);
	return hook.kind == HookKind::tracepoint ? tracepoints_.need(hook.target) : Result<void>();
}

struct FreeTypes {
	void operator()(btf *types) const { btf__free(types); }
};

Result<Place> ModuleEngine::typed_place(int program_fd) const
{
	anyprobe_object object{};
	::ioctl(program_fd, ANYPROBE_IOC_OBJECT, &object);
	auto known = typed_.find(object.id);
	std::unique_ptr<btf, FreeTypes> types(btf__load_vmlinux_btf());
	const btf_type *type = types && known != typed_.end() ? btf__type_by_id(types.get(), known->second.btf_id) : nullptr;
	if (!type)
		return Error{"module engine: failed to find out where this program belongs: the kernel's BTF does not say", ENOENT};
	std::string name = btf__name_by_offset(types.get(), type->name_off);
	if (known->second.attach_type == BPF_TRACE_RAW_TP)
		return Place{ANYPROBE_ON_RAW_TRACEPOINT, name.starts_with("btf_trace_") ? name.substr(10) : name, 0};
	if (known->second.attach_type != BPF_TRACE_FENTRY && known->second.attach_type != BPF_TRACE_FEXIT)
		return Error{"module engine: failed to attach: of the BTF-typed programs it runs fentry, fexit and tp_btf", ENOTSUP};
	const btf_type *shape = btf__type_by_id(types.get(), type->type);
	return Place{known->second.attach_type == BPF_TRACE_FEXIT ? ANYPROBE_ON_KRETPROBE : ANYPROBE_ON_KPROBE, name,
		     shape ? static_cast<unsigned>(btf_vlen(shape)) : 0};
}

// What is particular to a kind of hook.
Result<void> ModuleEngine::fill(anyprobe_attach &request, std::string &names, const Hook &hook)
{
	auto name = [&](const std::string &text) {
		names += text + '\0';
		request.count++;
	};
	switch (hook.kind) {
	case HookKind::kprobe:
	case HookKind::kretprobe:
		request.kind = hook.kind == HookKind::kprobe ? ANYPROBE_ON_KPROBE : ANYPROBE_ON_KRETPROBE;
		name(hook.target);
		return {};
	case HookKind::kprobe_multi:
	case HookKind::kretprobe_multi:
		request.kind = hook.kind == HookKind::kprobe_multi ? ANYPROBE_ON_KPROBE : ANYPROBE_ON_KRETPROBE;
		for (const std::string &function : hook.functions)
			name(function);
		return {};
	case HookKind::raw_tracepoint:
		request.kind = ANYPROBE_ON_RAW_TRACEPOINT;
		name(hook.target);
		return {};
	case HookKind::fentry:
	case HookKind::typed_tracepoint: {
		auto place = typed_place(request.program_fd);
		if (!place)
			return place.error();
		request.kind = place->kind;
		request.flags = ANYPROBE_AS_ARGUMENTS;
		request.arguments = place->arguments;
		name(place->name);
		return {};
	}
	case HookKind::tracepoint: {
		auto id = tracepoints_.id(hook.target);
		if (!id)
			return id.error();
		request.kind = ANYPROBE_ON_TRACEPOINT;
		request.event = static_cast<__u64>(*id);
		request.flags = hook.target.starts_with("syscalls/") ? ANYPROBE_AS_SYSCALL : 0;
		return {};
	}
	case HookKind::uprobe:
	case HookKind::uretprobe:
		request.kind = hook.kind == HookKind::uprobe ? ANYPROBE_ON_UPROBE : ANYPROBE_ON_URETPROBE;
		name(hook.target);
		return {};
	case HookKind::perf_event:
		request.kind = ANYPROBE_ON_CLOCK;
		return {};
	case HookKind::socket_filter:
		request.kind = ANYPROBE_ON_SOCKET;
		return {};
	case HookKind::none:
		break;
	}
	return cannot_attach(hook, EINVAL);
}

Result<std::unique_ptr<Link>> ModuleEngine::attach_request(anyprobe_attach &request, const std::string &names, const Hook &hook)
{
	request.names = reinterpret_cast<__u64>(names.data());
	request.names_size = static_cast<__u32>(names.size());
	UniqueFd link(::ioctl(device_.get(), ANYPROBE_IOC_ATTACH, &request));
	if (!link)
		return cannot_attach(hook);
	if (request.refused)
		fprintf(stderr, "module engine: %u of %u functions must not be probed: left out\n", request.refused, request.count);
	return std::unique_ptr<Link>(std::make_unique<ModuleLink>(std::move(link), describe(hook)));
}

Result<std::unique_ptr<Link>> ModuleEngine::attach(int program_fd, const Hook &hook)
{
	anyprobe_attach request{};
	request.program_fd = program_fd;
	request.offset = hook.offset;
	request.semaphore = hook.semaphore;
	request.cookie = hook.cookie;
	request.frequency = hook.frequency;
	request.pid = hook.pid;
	request.cpu = hook.cpu;
	request.socket_fd = hook.fd;
	std::string names;
	if (auto filled = fill(request, names, hook); !filled)
		return filled.error();
	if (hook.kind != HookKind::socket_filter)
		return attach_request(request, names, hook);

	// Classic BPF that every kernel has: take nothing of any packet.
	sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
	sock_fprog filter{1, &nothing};
	if (setsockopt(hook.fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)) != 0)
		return cannot_attach(hook);
	auto link = attach_request(request, names, hook);
	if (!link)
		return link.error();
	return std::unique_ptr<Link>(std::make_unique<SocketLink>(std::move(*link), hook.fd));
}

} // namespace

Result<std::unique_ptr<Engine>> open_module_engine()
{
	UniqueFd device(open(ANYPROBE_DEVICE, O_RDWR | O_CLOEXEC));
	if (!device && (errno == ENOENT || errno == ENXIO))
		return Error{"module engine: anyprobe.ko is not loaded: `anyprobe module load` does it", ENOENT};
	if (!device && (errno == EPERM || errno == EACCES))
		return Error{"module engine: not permitted to use " ANYPROBE_DEVICE ": run as root (sudo)", EPERM};
	if (!device)
		return errno_error("module engine: failed to open " ANYPROBE_DEVICE);
	anyprobe_hello hello{};
	if (ioctl(device.get(), ANYPROBE_IOC_HELLO, &hello) != 0)
		return errno_error("module engine: failed to talk to " ANYPROBE_DEVICE);
	if (hello.protocol != ANYPROBE_PROTOCOL)
		return Error{fmt::format("module engine: the loaded module speaks version {}, this program {}: `anyprobe module "
					 "unload`, then load the one that was built with it",
					 hello.protocol, ANYPROBE_PROTOCOL),
			     EPROTO};
	return std::unique_ptr<Engine>(std::make_unique<ModuleEngine>(std::move(device), hello.abilities));
}
