// SPDX-License-Identifier: GPL-2.0-only
#include "ftrace/attacher.h"
#include "ftrace/pipe_capture.h"
#include "ftrace/witness.h"
#include "layer/engine/explain.h"
#include "layer/engine/features.h"

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>

namespace {

constexpr uint32_t helper_uid_gid = 15, helper_comm = 16, helper_cgroup = 80; // bpf_get_current_..
constexpr size_t records_at_once = 200'000;		  // so that who waits for a signal or a deadline sees it

// Of a return probe, where a kernel's own number (10, or twice its CPUs) is little for functions that wait.
constexpr unsigned return_instances = 256;

uint64_t clock_ns(clockid_t clock)
{
	timespec now;
	clock_gettime(clock, &now);
	return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

bool calls(const Plan &plan, uint32_t helper)
{
	return std::binary_search(plan.helpers.begin(), plan.helpers.end(), helper);
}

// A kernel without perf, or one that does not let us: not a kernel that lacks some part of it.
bool is_refused(const Error &error)
{
	return error.code == ENOSYS || error.code == EACCES || error.code == EPERM;
}

Error no_feature(const char *what, const char *config)
{
	return Error{fmt::format("this kernel has no {} (needs {})", what, config), ENOTSUP};
}

} // namespace

Attacher::Attacher(Objects &objects, Tracefs files) : objects_(objects), files_(std::move(files)), probes_(files_), tally_(files_)
{
	stage_.boot_offset = clock_ns(CLOCK_BOOTTIME) - clock_ns(CLOCK_MONOTONIC);
}

Attacher::~Attacher() = default;

const Kernel &Attacher::kernel()
{
	if (!kernel_) {
		probes_.sweep();
		kernel_ = detect_kernel(probes_);
	}
	return *kernel_;
}

Result<Capture *> Attacher::capture()
{
	if (!capture_) {
		auto opened = PerfCapture::open();
		if (!opened && is_refused(opened.error()))
			opened = PipeCapture::open(files_, probes_.group() + "_pipes", opened.error());
		if (!opened)
			return opened.error();
		capture_ = std::move(*opened);
	}
	return capture_.get();
}

// "CATEGORY/EVENT" of a tracepoint, or of the classic event at a raw one's place; "": there is none.
std::string Attacher::tracepoint_of(const Hook &hook) const
{
	if (hook.kind == HookKind::tracepoint)
		return files_.exists("events/" + hook.target) ? hook.target : "";
	std::string found;
	DIR *categories = opendir(files_.file_path("events").c_str());
	while (dirent *entry = categories && found.empty() ? readdir(categories) : nullptr)
		if (entry->d_name[0] != '.' && !hook.target.empty() &&
		    files_.exists(fmt::format("events/{}/{}/id", entry->d_name, hook.target)))
			found = fmt::format("{}/{}", entry->d_name, hook.target);
	if (categories)
		closedir(categories);
	return found;
}

Result<void> Attacher::supports(const Hook &hook)
{
	switch (hook.kind) {
	case HookKind::typed_tracepoint: // libbpf looks its types up before we see the program
		if (auto types = features().need(Feature::typed_tracepoint); !types)
			return types;
		[[fallthrough]];
	case HookKind::tracepoint:
	case HookKind::raw_tracepoint:
		if (!tracepoint_of(hook).empty())
			return {};
		if (hook.target.starts_with("syscalls/") && !files_.exists("events/syscalls"))
			return no_feature("syscall tracepoints", "CONFIG_FTRACE_SYSCALLS");
		return Error{fmt::format("this kernel has no tracepoint {}", hook.target), ENOENT};
	case HookKind::kprobe:
	case HookKind::kretprobe:
	case HookKind::fentry:
		return kernel().kprobes ? Result<void>() : no_feature("kprobes", "CONFIG_KPROBE_EVENTS");
	case HookKind::uprobe:
	case HookKind::uretprobe:
		return kernel().uprobes ? Result<void>() : no_feature("uprobes", "CONFIG_UPROBE_EVENTS");
	case HookKind::kprobe_multi:
	case HookKind::kretprobe_multi:
		return Error{"kprobe.multi is not for the ftrace engine: here each function is a probe of its own", ENOTSUP};
	default:
		return {};
	}
}

Result<Format> Attacher::format_of(const std::string &event)
{
	auto text = files_.read("events/" + event + "/format");
	if (!text)
		return text.error();
	return parse_format(*text);
}

Result<void> Attacher::check(const ProgramObject &program, const Hook &hook)
{
	if (auto here = supports(hook); !here || hook.kind == HookKind::socket_filter)
		return here;
	auto plan = this->plan(program, hook);
	return plan ? Result<void>() : Result<void>(plan.error());
}

// No event: the packets themselves come.
Result<std::unique_ptr<Attachment>> Attacher::attach_socket(const ProgramObject &program, const Hook &hook)
{
	if (auto recorder = capture(); !recorder) // its timer says when to look
		return recorder.error();
	auto packets = Packets::open(hook.fd, program);
	if (!packets)
		return packets.error();
	auto attachment = std::make_unique<Attachment>();
	attachment->alive = alive_;
	packets_.push_back(std::move(*packets));
	return attachment;
}

Result<std::unique_ptr<Attachment>> Attacher::attach(const ProgramObject &program, const Hook &hook)
{
	if (hook.kind == HookKind::socket_filter)
		return attach_socket(program, hook);
	auto plan = this->plan(program, hook);
	if (!plan)
		return plan.error();
	for (const std::string &line : plan->explanation)
		explain(line);
	auto recorder = capture();
	if (!recorder)
		return recorder.error();
	bool asks_ids = calls(*plan, helper_uid_gid) || calls(*plan, helper_cgroup);
	if (calls(*plan, helper_comm) || asks_ids)
		stage_.tasks.read_all(asks_ids);

	auto attachment = std::make_unique<Attachment>();
	attachment->tally = &tally_;
	if (auto opened = open(&program, hook, *plan, *attachment); !opened)
		return opened.error();
	if (plan->may_overflow && !plan->uses_current && plan->filter.empty() && !plan->process && hook.pid < 0)
		attachment->count_hits();
	attachment->witness = open_witness(hook, *plan);
	attachment->alive = alive_;
	was_attached_ = true;
	return attachment;
}

Result<void> Attacher::open(const ProgramObject *program, const Hook &hook, const Plan &plan, Attachment &attachment)
{
	if (plan.source == PlanSource::clock)
		return open_clock(program, hook, plan, attachment);
	if (!plan.listener.empty()) {
		Hook raw;
		raw.kind = HookKind::raw_tracepoint;
		raw.target = plan.listener;
		auto listener = probes_.listen(tracepoint_of(raw));
		if (!listener)
			return listener.error();
		attachment.listeners.push_back(std::move(*listener));
	}
	if (plan.source == PlanSource::uprobe || plan.source == PlanSource::uretprobe)
		return open_uprobe(program, hook, plan, attachment);
	if (plan.source == PlanSource::tracepoint)
		return open_event(program, hook, plan, plan.place, capture_->cpus(), attachment);
	std::string place = hook.offset ? fmt::format("{}+{}", plan.place, hook.offset) : plan.place;
	return open_probe(program, hook, plan, place, attachment);
}

// For all attachments one. Without it some paths are empty, no more.
std::shared_ptr<Attachment> Attacher::open_witness(const Hook &hook, const Plan &plan)
{
	std::shared_ptr<Attachment> witness = witness_.lock();
	std::optional<Plan> wanted = witness ? std::nullopt : witness_of(plan);
	if (!wanted)
		return witness;
	for (const std::string &line : wanted->explanation)
		explain(line);
	witness = std::make_shared<Attachment>();
	Hook here = hook;
	here.offset = 0;
	if (!open_probe(nullptr, here, *wanted, wanted->place, *witness))
		return nullptr;
	witness_ = witness;
	return witness;
}

// FILE:OFFSET(COUNTER): the kernel raises the counter in every process that has the file mapped (4.20).
Result<void> Attacher::open_uprobe(const ProgramObject *program, const Hook &hook, const Plan &plan, Attachment &attachment)
{
	std::string file = hook.target;
	UniqueFd opened;
	if (file.find_first_of(" \t") != file.npos) { // a definition's words are parted by blanks
		opened.reset(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
		file = fmt::format("/proc/self/fd/{}", opened.get());
	}
	std::string place = fmt::format("{}:{:#x}", file, hook.offset);
	if (!hook.semaphore)
		return open_probe(program, hook, plan, place, attachment);
	auto counted = open_probe(program, hook, plan, fmt::format("{}({:#x})", place, hook.semaphore), attachment);
	if (counted || counted.error().code != EINVAL)
		return counted;
	if (auto plain = open_probe(program, hook, plan, place, attachment); !plain)
		return plain;
	attachment.semaphores.push_back(Semaphores::raise(hook.target, hook.semaphore, hook.pid));
	return {};
}

// A probe that follows `current` differs from CPU to CPU: there is one for each.
Result<void> Attacher::open_probe(const ProgramObject *program, const Hook &hook, const Plan &plan, const std::string &place,
				  Attachment &attachment)
{
	bool user = plan.source == PlanSource::uprobe || plan.source == PlanSource::uretprobe;
	bool at_return = plan.source == PlanSource::kretprobe || plan.source == PlanSource::uretprobe;
	ProbeFile file = user ? ProbeFile::uprobe_events : ProbeFile::kprobe_events;
	std::string kind = !at_return ? "p" : user || !kernel().return_instances ? "r" : fmt::format("r{}", return_instances);
	auto define = [&](const std::vector<uint32_t> &cpus, uint64_t current) -> Result<void> {
		auto probe = probes_.define(file, kind.c_str(), place, plan.arguments(current));
		if (!probe)
			return probe.error();
		attachment.probes.push_back(std::move(*probe));
		return open_event(program, hook, plan, attachment.probes.back().event(), cpus, attachment);
	};
	if (!plan.uses_current)
		return define(capture_->cpus(), 0);
	if (current_.empty()) {
		auto found = find_current(probes_, capture_->cpus());
		if (!found)
			return found.error();
		current_ = std::move(*found);
	}
	for (const auto &[cpu, address] : current_)
		if (auto defined = define({cpu}, address); !defined)
			return defined;
	return {};
}

Result<void> Attacher::open_event(const ProgramObject *program, const Hook &hook, const Plan &plan, const std::string &event,
				  std::vector<uint32_t> cpus, Attachment &attachment)
{
	auto format = format_of(event);
	if (!format)
		return format.error();
	auto id = files_.event_id(event);
	if (!id)
		return id.error();
	Selection selection;
	selection.event = event;
	selection.filter = plan.filter;
	selection.kind = plan.kernel_stack || plan.user_stack ? RecordKind::event_chain : RecordKind::event;
	selection.pid = hook.pid >= 0 ? hook.pid : plan.process ? static_cast<int>(*plan.process) : -1;
	selection.cpus = std::move(cpus);
	auto replay = std::make_shared<Replay>(stage_, program, plan, &*format, hook);
	EventSource &source = dispatch_.source(*capture_, *id, selection);
	if (auto added = source.add(*id, selection, std::move(replay)); !added)
		return added;
	attachment.sources.push_back(&source);
	return {};
}

Result<void> Attacher::open_clock(const ProgramObject *program, const Hook &hook, const Plan &plan, Attachment &attachment)
{
	perf_event_attr attr{};
	attr.type = PERF_TYPE_SOFTWARE;
	attr.config = PERF_COUNT_SW_CPU_CLOCK;
	attr.freq = 1;
	attr.sample_freq = hook.frequency;
	attr.exclude_callchain_kernel = !plan.kernel_stack;
	attr.exclude_callchain_user = !plan.user_stack;
	uint32_t cpu = static_cast<uint32_t>(hook.cpu);
	auto event = capture_->open_clock(
		attr, plan.kernel_stack || plan.user_stack ? RecordKind::clock_chain : RecordKind::clock, hook.pid, cpu);
	if (!event)
		return event.error();
	attachment.clocks.push_back(std::move(*event));
	dispatch_.set_clock(cpu, std::make_shared<Replay>(stage_, program, plan, nullptr, hook));
	return {};
}

uint64_t Attacher::lost() const
{
	uint64_t in_rings = capture_ ? capture_->lost() : 0;
	return in_rings + tally_.lost(in_rings) + stage_.faults + packets_lost_;
}

bool Attacher::process()
{
	if (!capture_)
		return false;
	size_t count = 0;
	auto deliver = [&](const Record &record) {
		if (record.type == PERF_RECORD_SAMPLE)
			dispatch_.run(record);
		else
			stage_.tasks.record(record);
		if (record.type == PERF_RECORD_EXIT)
			stage_.kept.forget(record.tid);
		return ++count % 64 || (!objects_.is_filling() && count < records_at_once);
	};
	bool all = !is_attached();
	for (Packets &packets : packets_) {
		packets.run(stage_.machine);
		packets_lost_ += packets.take_lost();
	}
	if (all) // their sockets are the caller's to close
		packets_.clear();
	bool more = capture_->read(all, deliver);
	if (all && !more && was_attached_ && !asked_lost_) {
		asked_lost_ = true;
		capture_->ask_lost();
		capture_->read(true, deliver);
	}
	return more;
}
