// SPDX-License-Identifier: GPL-2.0-only
// Capture: what the kernel records, read through perf: a ring per CPU and kind of record, merged into one order of time.
//
// The rings belong to counters that count nothing; the events proper are told to write into them
// (PERF_EVENT_IOC_SET_OUTPUT). One of the counters also records tasks' births, names and ends, in the same order.
#pragma once

#include "ftrace/anonymous_file.h"
#include "layer/result.h"

#include <array>
#include <functional>
#include <linux/perf_event.h>
#include <memory>
#include <string>
#include <vector>

// What a ring's samples hold, besides process, thread and time.
enum class RecordKind {
	event,	     // the event's record, as events/../format describes it
	event_chain, // and the stack
	clock,	     // a tick of the software clock: the instruction's address
	clock_chain,
	count
};

struct Record {
	uint32_t type = 0; // PERF_RECORD_SAMPLE, or _COMM, _FORK, _EXIT
	RecordKind kind = RecordKind::event;
	bool is_exec = false; // of a COMM
	uint32_t cpu = 0;
	uint32_t pid = 0, tid = 0;
	uint32_t parent_pid = 0, parent_tid = 0; // FORK
	uint64_t time = 0;			 // ns of CLOCK_MONOTONIC
	uint64_t ip = 0;			 // clock
	const char *comm = nullptr;		 // COMM
	const char *raw = nullptr;
	uint32_t raw_size = 0;
	const uint64_t *chain = nullptr; // with PERF_CONTEXT_* marks
	uint64_t chain_size = 0;
};

// One CPU's ring of one kind.
class Ring {
	UniqueFd counter_;
	Mapping memory_;
	RecordKind kind_;
	uint32_t cpu_;
	uint64_t head_ = 0; // as of the last snapshot
	uint64_t tail_ = 0; // behind next_, if there is one
	uint64_t next_at_ = 0;
	uint64_t given_back_ = 0;
	std::vector<char> whole_; // a record that runs over the end
	Record next_;
	bool has_next_ = false;

	perf_event_mmap_page *control() const { return reinterpret_cast<perf_event_mmap_page *>(memory_.start()); }
	void parse(const perf_event_header &header, uint64_t &lost, int64_t clock_offset);
	void parse_sample(const char *at, const char *end);

public:
	Ring(UniqueFd counter, Mapping memory, RecordKind kind, uint32_t cpu)
		: counter_(std::move(counter)), memory_(std::move(memory)), kind_(kind), cpu_(cpu)
	{
	}
	int fd() const { return counter_.get(); }
	uint32_t cpu() const { return cpu_; }
	uint64_t size() const { return memory_.size() - page_size(); }

	// What has come up to now can be read from now on.
	void snapshot();
	// The oldest record that has not been taken; nullptr: none. `lost` is added to.
	const Record *peek(uint64_t &lost, int64_t clock_offset);
	void take() { has_next_ = false; }
	// The kernel may write over what has been taken.
	void give_back();
};

class Capture {
	struct Stream {
		std::vector<std::unique_ptr<Ring>> rings; // of the online CPUs
	};
	std::array<Stream, static_cast<size_t>(RecordKind::count)> streams_;
	std::vector<uint32_t> cpus_;
	UniqueFd epoll_, timer_;
	bool own_clock_ = false; // before 4.1: perf's clock is not CLOCK_MONOTONIC, and is so many ns behind
	int64_t clock_offset_ = 0;
	uint64_t lost_ = 0;
	size_t ring_size_ = 0;

	Capture() = default;
	Result<std::unique_ptr<Ring>> open_ring(RecordKind kind, uint32_t cpu);
	Result<Stream *> stream(RecordKind kind);
	Result<void> calibrate();
	void set_clock(perf_event_attr &attr) const;

public:
	static Result<std::unique_ptr<Capture>> open();

	// Becomes readable when there is something to read(), soon after it came.
	int fd() const { return epoll_.get(); }
	const std::vector<uint32_t> &cpus() const { return cpus_; }
	uint64_t lost() const { return lost_; }

	// Opens an event whose records come through read(); it ends when the descriptor is closed. `attr` says
	// which (type, config, sample_period or frequency), the rest is filled in. Error code: perf_event_open's.
	Result<UniqueFd> open_event(perf_event_attr attr, RecordKind kind, int pid, uint32_t cpu);

	// Delivers, oldest first, what has been recorded; `deliver` says whether to go on. Unless `all`, the last
	// millisecond is left for the next time: a CPU may have stamped a record that is not in its ring yet.
	// False: everything that is ready has been delivered.
	bool read(bool all, const std::function<bool(const Record &)> &deliver);
	// Makes the kernel say what it has dropped since its last record. Only with everything read.
	void ask_lost();
};
