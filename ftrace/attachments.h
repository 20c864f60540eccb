// SPDX-License-Identifier: GPL-2.0-only
// What is open in the kernel for the programs: probes, perf events, and who replays what they record.
#pragma once

#include "ftrace/capture.h"
#include "ftrace/probes.h"
#include "ftrace/replay.h"
#include "ftrace/semaphores.h"
#include "ftrace/tally.h"

#include <list>
#include <memory>
#include <string>
#include <vector>

// Which of an event's occurrences the kernel records.
struct Selection {
	std::string event; // CATEGORY/NAME
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
	std::vector<std::unique_ptr<OpenEvent>> events_;
	std::vector<std::shared_ptr<Replay>> replays_;
	unsigned users_ = 0;
	uint64_t *seen_ = nullptr;
	uint64_t since_ = 0;

	Result<void> open_on(int id, uint32_t cpu, int pid);
	Result<void> open(int id);

public:
	EventSource(Capture &capture, Selection selection) : capture_(capture), selection_(std::move(selection)) {}

	// One more program. Where two select differently, all is recorded.
	Result<void> add(int id, const Selection &selection, std::shared_ptr<Replay> replay);
	// Count there the records that are not older.
	void count(uint64_t *seen, uint64_t since)
	{
		seen_ = seen;
		since_ = since;
	}
	// A program less: the last one closes the events. What they have recorded is still replayed.
	void release();

	void run(const Record &record)
	{
		if (seen_ && record.time >= since_)
			++*seen_;
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
	std::vector<std::unique_ptr<OpenEvent>> clocks;
	std::vector<EventSource *> sources;
	std::shared_ptr<Attachment> witness; // see witness.h
	Tally *tally = nullptr;
	bool sees_all = false; // every hit of the probes is a record that comes, if it is not lost
	uint64_t hits = 0;     // before

	Attachment() = default;
	Attachment(const Attachment &) = delete;
	Attachment &operator=(const Attachment &) = delete;
	~Attachment();

	// The kernel's counters of its kprobes.
	ProbeCounts counts() const;
	// From here on, what is hit is to come; so that none is said to be lost that was not, only now that all is open.
	void count_hits();
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
