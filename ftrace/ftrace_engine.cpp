// SPDX-License-Identifier: GPL-2.0-only
#include "ftrace/ftrace_engine.h"
#include "ftrace/attacher.h"
#include "layer/engine/explain.h"
#include "layer/engine/features.h"

#include <cerrno>
#include <fmt/format.h>
#include <unistd.h>

namespace {

class FtraceLink final : public Link {
	std::unique_ptr<Attachment> attachment_;

public:
	explicit FtraceLink(std::unique_ptr<Attachment> attachment) : attachment_(std::move(attachment)) {}
};

class FtraceEngine final : public Engine {
	Objects objects_;
	Attacher attacher_;

public:
	explicit FtraceEngine(Tracefs files) : attacher_(objects_, std::move(files)) {}

	const char *name() const override { return "ftrace"; }
	std::string reason() const override
	{
		return "the kernel records events, the programs run in this process";
	}
	long bpf(int command, union bpf_attr *attr, unsigned size) override { return objects_.bpf(command, attr, size); }
	long perf_event_open(perf_event_attr *attr, pid_t pid, int cpu, int group, unsigned long flags) override;
	void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset) override
	{
		return objects_.mmap(address, length, protection, flags, fd, offset);
	}
	int ioctl(int fd, unsigned long request, void *argument) override
	{
		return objects_.perf_buffer(fd) ? 0 : Engine::ioctl(fd, request, argument);
	}
	// Our own files have nothing to wait for: records come while process() runs.
	int epoll_ctl(int epoll, int operation, int fd, epoll_event *event) override
	{
		return objects_.owns(fd) ? 0 : Engine::epoll_ctl(epoll, operation, fd, event);
	}

	Result<void> supports(const Hook &hook) override { return attacher_.supports(hook); }
	bool checks_programs() const override { return true; }
	Result<void> check(int program_fd, const Hook &hook) override;
	std::optional<bool> has(Feature feature) override;
	Result<std::unique_ptr<Link>> attach(int program_fd, const Hook &hook) override;

	int fd() const override { return attacher_.fd(); }
	bool process() override { return attacher_.process(); }
	uint64_t lost() const override { return attacher_.lost(); }
	int printed() override { return attacher_.printed(); }
};

long FtraceEngine::perf_event_open(perf_event_attr *attr, pid_t pid, int cpu, int group, unsigned long flags)
{
	if (attr->type == PERF_TYPE_SOFTWARE && attr->config == PERF_COUNT_SW_BPF_OUTPUT)
		return objects_.open_perf_buffer();
	return Engine::perf_event_open(attr, pid, cpu, group, flags);
}

std::optional<bool> FtraceEngine::has(Feature feature)
{
	switch (feature) {
	case Feature::kprobes:
		return attacher_.kernel().kprobes;
	case Feature::uprobes:
		return attacher_.kernel().uprobes;
	case Feature::kprobe_multi: // every function is a probe of its own here
		return false;
	case Feature::attach_cookie:
	case Feature::probe_read_kernel:
		return true;
	default:
		return {};
	}
}

Result<void> FtraceEngine::check(int program_fd, const Hook &hook)
{
	ProgramObject *program = objects_.program(program_fd);
	if (!program)
		return errno_error("ftrace: failed to look at a program that is none", EBADF);
	return attacher_.check(*program, hook);
}

Result<std::unique_ptr<Link>> FtraceEngine::attach(int program_fd, const Hook &hook)
{
	ProgramObject *program = objects_.program(program_fd);
	if (!program)
		return errno_error("ftrace: failed to attach a program that is none", EBADF);
	auto attachment = attacher_.attach(*program, hook);
	if (!attachment)
		return attachment.error();
	return std::unique_ptr<Link>(std::make_unique<FtraceLink>(std::move(*attachment)));
}

} // namespace

Result<std::unique_ptr<Engine>> open_ftrace_engine()
{
	if (geteuid() != 0)
		return Error{"ftrace engine: not permitted to trace: run as root (sudo)", EPERM};
	auto files = Tracefs::open();
	if (!files)
		return Error{"ftrace engine: " + files.error().message, files.error().code};
	return std::unique_ptr<Engine>(std::make_unique<FtraceEngine>(std::move(*files)));
}
