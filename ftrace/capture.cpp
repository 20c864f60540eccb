// SPDX-License-Identifier: GPL-2.0-only
#include "ftrace/capture.h"
#include "layer/engine/seam.h"

#include <algorithm>
#include <cstring>
#include <ctime>
#include <fmt/format.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/timerfd.h>

namespace {

constexpr size_t ring_bytes = 8 << 20, all_rings_bytes = 128 << 20, least_ring_bytes = 256 << 10;
// How long a record may wait where few come: a reader woken for each costs the traced tasks ten times as much.
constexpr long wait_ns = 50'000'000;
constexpr uint64_t settle_ns = 1'000'000;

uint64_t now_ns()
{
	timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

uint64_t sample_type(RecordKind kind)
{
	uint64_t type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME;
	if (kind == RecordKind::event_chain || kind == RecordKind::clock_chain)
		type |= PERF_SAMPLE_CALLCHAIN;
	if (kind == RecordKind::clock || kind == RecordKind::clock_chain)
		return type | PERF_SAMPLE_IP;
	return type | PERF_SAMPLE_RAW;
}

int open_perf(perf_event_attr &attr, int pid, int cpu)
{
	return seam_perf_event_open(&attr, pid, cpu, PERF_FLAG_FD_CLOEXEC);
}

Error perf_error(const char *what)
{
	std::string message = fmt::format("perf: failed to open {}", what);
	if (errno == EACCES || errno == EPERM)
		message += ": run as root (sudo)";
	return errno_error(message);
}

class PerfEvent final : public OpenEvent {
	UniqueFd fd_;

public:
	explicit PerfEvent(UniqueFd fd) : fd_(std::move(fd)) {}
};

} // namespace

// "0-3,5": /sys/devices/system/cpu/online.
std::vector<uint32_t> online_cpus()
{
	std::vector<uint32_t> cpus;
	FILE *file = fopen("/sys/devices/system/cpu/online", "re");
	unsigned first, last;
	while (file && fscanf(file, "%u", &first) == 1) {
		last = first;
		int next = fgetc(file);
		if (next == '-' && fscanf(file, "%u", &last) == 1)
			next = fgetc(file);
		for (unsigned cpu = first; cpu <= last; cpu++)
			cpus.push_back(cpu);
		if (next != ',')
			break;
	}
	if (file)
		fclose(file);
	return cpus;
}

UniqueFd reading_timer()
{
	UniqueFd timer(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
	itimerspec period{};
	period.it_interval.tv_nsec = period.it_value.tv_nsec = wait_ns;
	timerfd_settime(timer.get(), 0, &period, nullptr);
	return timer;
}

uint64_t settled_until()
{
	return now_ns() - settle_ns;
}

void PerfCapture::set_clock(perf_event_attr &attr) const
{
	attr.use_clockid = !own_clock_;
	attr.clockid = own_clock_ ? 0 : CLOCK_MONOTONIC;
}

Result<std::unique_ptr<Ring>> PerfCapture::open_ring(RecordKind kind, uint32_t cpu)
{
	perf_event_attr attr{};
	attr.size = sizeof(attr);
	attr.type = PERF_TYPE_SOFTWARE;
	attr.config = PERF_COUNT_SW_DUMMY; // 3.12; before, something that is only counted, and never happens
	attr.sample_type = sample_type(kind);
	attr.watermark = 1;
	attr.wakeup_watermark = static_cast<__u32>(ring_size_ / 4);
	attr.comm = attr.sample_id_all = attr.comm_exec = 1;
	attr.task = kind == RecordKind::event;
	set_clock(attr);
	UniqueFd counter(open_perf(attr, -1, static_cast<int>(cpu)));
	if (!counter && errno == EINVAL) {
		attr.config = PERF_COUNT_SW_ALIGNMENT_FAULTS;
		attr.comm_exec = 0;
		counter.reset(open_perf(attr, -1, static_cast<int>(cpu)));
	}
	if (!counter)
		return perf_error("a ring");
	Mapping memory = Mapping::of(counter.get(), page_size() + ring_size_);
	if (!memory)
		return errno_error(fmt::format("perf: failed to map a ring of {} KiB", ring_size_ / 1024));
	epoll_event event{};
	event.events = EPOLLIN;
	epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, counter.get(), &event);
	return std::make_unique<Ring>(std::move(counter), std::move(memory), kind, cpu);
}

Result<PerfCapture::Stream *> PerfCapture::stream(RecordKind kind)
{
	Stream &stream = streams_[static_cast<size_t>(kind)];
	if (stream.rings.size())
		return &stream;
	for (uint32_t cpu : cpus_) {
		auto ring = open_ring(kind, cpu);
		if (!ring && ring.error().code == ENODEV) // gone offline meanwhile
			continue;
		if (!ring)
			return ring.error();
		stream.rings.push_back(std::move(*ring));
	}
	return &stream;
}

// Our own name, set to what it is, makes a record; its time and ours are of one moment.
Result<void> PerfCapture::calibrate()
{
	char name[16] = "";
	own_clock_ = true;
	auto opened = stream(RecordKind::event);
	if (!opened)
		return opened.error();
	uint64_t before = now_ns();
	prctl(PR_GET_NAME, name);
	prctl(PR_SET_NAME, name);
	uint64_t middle = before + (now_ns() - before) / 2;
	read(true, [&](const Record &record) {
		if (record.type == PERF_RECORD_COMM && static_cast<pid_t>(record.tid) == getpid())
			clock_offset_ = static_cast<int64_t>(middle - record.time);
		return true;
	});
	return {};
}

Result<std::unique_ptr<Capture>> PerfCapture::open()
{
	std::unique_ptr<PerfCapture> capture(new PerfCapture());
	capture->cpus_ = online_cpus();
	capture->epoll_.reset(epoll_create1(EPOLL_CLOEXEC));
	capture->timer_ = reading_timer();
	capture->ring_size_ = ring_bytes;
	while (capture->ring_size_ > least_ring_bytes && capture->ring_size_ * capture->cpus_.size() > all_rings_bytes)
		capture->ring_size_ /= 2;
	epoll_event event{};
	event.events = EPOLLIN;
	epoll_ctl(capture->epoll_.get(), EPOLL_CTL_ADD, capture->timer_.get(), &event);
	auto opened = capture->stream(RecordKind::event);
	if (opened)
		return std::unique_ptr<Capture>(std::move(capture));
	if (opened.error().code != EINVAL)
		return opened.error();
	if (auto calibrated = capture->calibrate(); !calibrated)
		return calibrated.error();
	return std::unique_ptr<Capture>(std::move(capture));
}

Result<UniqueFd> PerfCapture::open_perf_event(perf_event_attr attr, RecordKind kind, int pid, uint32_t cpu)
{
	auto into = stream(kind);
	if (!into)
		return into.error();
	Ring *ring = nullptr;
	for (const auto &each : (*into)->rings)
		if (each->cpu() == cpu)
			ring = each.get();
	if (!ring)
		return Error{fmt::format("perf: CPU {} is offline", cpu), ENODEV};
	attr.size = sizeof(attr);
	attr.sample_type = sample_type(kind);
	attr.watermark = 1;
	attr.wakeup_watermark = static_cast<__u32>(ring_size_ / 4);
	attr.inherit = pid >= 0;
	set_clock(attr);
	UniqueFd event(open_perf(attr, pid, static_cast<int>(cpu)));
	if (!event)
		return perf_error("the event");
	if (seam_ioctl(event.get(), PERF_EVENT_IOC_SET_OUTPUT, reinterpret_cast<void *>(static_cast<long>(ring->fd()))) != 0)
		return errno_error("perf: failed to send an event into its CPU's ring");
	return event;
}

Result<std::unique_ptr<OpenEvent>> PerfCapture::open_event(const EventRequest &request)
{
	perf_event_attr attr{};
	attr.type = PERF_TYPE_TRACEPOINT;
	attr.config = static_cast<__u64>(request.id);
	attr.sample_period = 1;
	auto event = open_perf_event(attr, request.kind, request.pid, request.cpu);
	if (!event)
		return event.error();
	std::string filter = request.filter;
	if (!filter.empty())
		seam_ioctl(event->get(), PERF_EVENT_IOC_SET_FILTER, filter.data());
	return std::unique_ptr<OpenEvent>(std::make_unique<PerfEvent>(std::move(*event)));
}

Result<std::unique_ptr<OpenEvent>> PerfCapture::open_clock(perf_event_attr attr, RecordKind kind, int pid, uint32_t cpu)
{
	auto event = open_perf_event(attr, kind, pid, cpu);
	if (!event)
		return event.error();
	return std::unique_ptr<OpenEvent>(std::make_unique<PerfEvent>(std::move(*event)));
}

bool PerfCapture::read(bool all, const Deliver &deliver)
{
	uint64_t expired, until = all ? UINT64_MAX : settled_until();
	[[maybe_unused]] ssize_t ignored = ::read(timer_.get(), &expired, sizeof(expired));
	std::vector<Ring *> rings;
	for (const Stream &stream : streams_)
		for (const auto &ring : stream.rings) {
			ring->snapshot();
			rings.push_back(ring.get());
		}
	bool go_on = merge(rings, until, [this](Ring &ring) { return ring.peek(lost_, clock_offset_); }, deliver);
	for (Ring *ring : rings)
		ring->give_back();
	return !go_on;
}

// A record of the drop comes before the next record that finds room: our name, set again on each CPU.
void PerfCapture::ask_lost()
{
	cpu_set_t before, one;
	char name[16] = "";
	if (sched_getaffinity(0, sizeof(before), &before) != 0)
		return;
	prctl(PR_GET_NAME, name);
	for (uint32_t cpu : cpus_) {
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		if (sched_setaffinity(0, sizeof(one), &one) == 0)
			prctl(PR_SET_NAME, name);
	}
	sched_setaffinity(0, sizeof(before), &before);
}
