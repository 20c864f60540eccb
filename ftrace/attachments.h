// SPDX-License-Identifier: GPL-2.0-only
// What is open in the kernel for the programs: probes, perf events, and who replays what they record.
#pragma once

#include "ftrace/capture.h"
#include "ftrace/probes.h"
#include "ftrace/replay.h"
#include "ftrace/semaphores.h"

#include <list>
#include <memory>
#include <string>
#include <vector>

// Which of an event's occurrences the kernel records.
struct Selection {
	RecordKind kind = RecordKind::event;
	std::string filter; // "": all
	int pid = -1;	    // -1: every process's
	std::vector<uint32_t> cpus;

	bool operator==(const Selection &) const = default;
};

// The perf events of one tracepoint or probe, one per CPU (and thread, where only a process is wanted). Several programs
// can share it: each record then comes once, and all of them run over it.
class EventSource {
	Capture &capture_;
	Selection selection_;
	std::vector<UniqueFd> events_;
	std::vector<std::shared_ptr<Replay>> replays_;
	unsigned users_ = 0;

	Result<void> open_on(int id, uint32_t cpu, int pid);
	Result<void> open(int id);

public:
	EventSource(Capture &capture, Selection selection) : capture_(capture), selection_(std::move(selection)) {}

	// One more program. Where two select differently, all is recorded.
	Result<void> add(int id, const Selection &selection, std::shared_ptr<Replay> replay);
	// A program less: the last one closes the events. What they have recorded is still replayed.
	void release();

	void run(const Record &record)
	{
		for (const auto &replay : replays_)
			replay->run(record);
	}
};

// One attached program's part in all this. The order of the members is that of opening; they close from the last on.
struct Attachment {
	std::shared_ptr<const bool> alive; // shared by all that are
	std::vector<Probe> probes;
	std::vector<Listener> listeners;
	std::vector<Semaphores> semaphores;
	std::vector<UniqueFd> clocks;
	std::vector<EventSource *> sources;
	std::shared_ptr<Attachment> witness; // see witness.h

	Attachment() = default;
	Attachment(const Attachment &) = delete;
	Attachment &operator=(const Attachment &) = delete;
	~Attachment()
	{
		for (EventSource *source : sources)
			source->release();
	}
};

// The records' way to the programs.
class Dispatch {
	std::vector<std::unique_ptr<EventSource>> sources_; // by the event's number
	std::vector<std::shared_ptr<Replay>> clocks_;	    // by CPU

public:
	// The source of this event, made if it is new; stays until the end.
	EventSource &source(Capture &capture, int id, const Selection &selection);
	void set_clock(uint32_t cpu, std::shared_ptr<Replay> replay);
	void run(const Record &record);
};
