// SPDX-License-Identifier: GPL-2.0-only
#include "ftrace/attachments.h"

#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <fmt/format.h>
#include <set>

namespace {

std::set<int> threads_of(int pid)
{
	std::set<int> threads;
	DIR *entries = opendir(fmt::format("/proc/{}/task", pid).c_str());
	while (dirent *entry = entries ? readdir(entries) : nullptr)
		if (int tid = atoi(entry->d_name))
			threads.insert(tid);
	if (entries)
		closedir(entries);
	return threads;
}

// All that either of them wants.
Selection widened(const Selection &a, const Selection &b)
{
	Selection both = a;
	if (a.filter != b.filter)
		both.filter = "";
	if (a.pid != b.pid)
		both.pid = -1;
	if (b.kind == RecordKind::event_chain)
		both.kind = b.kind;
	if (a.cpus != b.cpus) {
		std::set<uint32_t> cpus(a.cpus.begin(), a.cpus.end());
		cpus.insert(b.cpus.begin(), b.cpus.end());
		both.cpus.assign(cpus.begin(), cpus.end());
	}
	return both;
}

} // namespace

ProbeCounts Attachment::counts() const
{
	std::vector<std::string> events;
	for (const Probe &probe : probes)
		if (probe.file() == ProbeFile::kprobe_events)
			events.push_back(probe.event());
	return tally && !events.empty() ? tally->counts(events) : ProbeCounts();
}

void Attachment::count_hits()
{
	sees_all = true;
	hits = counts().hits;
	for (EventSource *source : sources)
		source->count(tally->seen(), tally->read_at());
}

Attachment::~Attachment()
{
	if (sees_all)
		tally->expect(counts().hits - hits);
	for (EventSource *source : sources)
		source->release();
	if (tally)
		tally->add_misses(counts().misses);
}

Result<void> EventSource::open_on(int id, uint32_t cpu, int pid)
{
	auto event = capture_.open_event({selection_.event, id, selection_.kind, selection_.filter, pid, cpu});
	if (!event)
		return event.error();
	events_.push_back(std::move(*event));
	return {};
}

// Of one process: its threads now; those to come inherit the events.
Result<void> EventSource::open(int id)
{
	if (capture_.opens_for_all())
		return open_on(id, 0, -1);
	if (selection_.pid < 0) {
		for (uint32_t cpu : selection_.cpus)
			if (auto opened = open_on(id, cpu, -1); !opened)
				return opened;
		return {};
	}
	std::set<int> open;
	for (bool more = true; more;) { // a thread may be born while we look
		more = false;
		for (int tid : threads_of(selection_.pid)) {
			if (!open.insert(tid).second)
				continue;
			more = true;
			for (uint32_t cpu : selection_.cpus)
				if (auto opened = open_on(id, cpu, tid); !opened && opened.error().code != ESRCH)
					return opened;
		}
	}
	if (events_.empty())
		return Error{fmt::format("ftrace: process {} is gone", selection_.pid), ESRCH};
	return {};
}

Result<void> EventSource::add(int id, const Selection &selection, std::shared_ptr<Replay> replay)
{
	Selection both = events_.size() ? widened(selection_, selection) : selection;
	if (events_.empty() || !(both == selection_)) {
		// The old ones last: a kernel that has an event in use anyway opens another at once.
		std::vector<std::unique_ptr<OpenEvent>> before = std::move(events_);
		events_.clear();
		selection_ = both;
		if (auto opened = open(id); !opened) {
			events_ = std::move(before);
			return opened;
		}
	}
	replays_.push_back(std::move(replay));
	users_++;
	return {};
}

void EventSource::release()
{
	if (!--users_)
		events_.clear();
}

EventSource &Dispatch::source(Capture &capture, int id, const Selection &selection)
{
	size_t index = static_cast<size_t>(id);
	if (index >= sources_.size())
		sources_.resize(index + 1);
	if (!sources_[index])
		sources_[index] = std::make_unique<EventSource>(capture, selection);
	return *sources_[index];
}

void Dispatch::set_clock(uint32_t cpu, std::shared_ptr<Replay> replay)
{
	if (cpu >= clocks_.size())
		clocks_.resize(cpu + 1);
	clocks_[cpu] = std::move(replay);
}

void Dispatch::run(const Record &record)
{
	if (record.kind == RecordKind::clock || record.kind == RecordKind::clock_chain) {
		if (record.cpu < clocks_.size() && clocks_[record.cpu])
			clocks_[record.cpu]->run(record);
		return;
	}
	uint16_t id; // every record begins with its event's number
	if (record.raw_size < sizeof(id))
		return;
	memcpy(&id, record.raw, sizeof(id));
	if (id < sources_.size() && sources_[id])
		sources_[id]->run(record);
}
