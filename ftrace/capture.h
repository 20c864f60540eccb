// SPDX-License-Identifier: GPL-2.0-only
// Capture: what the kernel records, as one stream in the order of time. Two ways: through perf, or where that is refused
// through an instance of the tracing files (pipe_capture.h).
//
// Perf has a ring per CPU and kind of record. The rings belong to counters that count nothing; the events proper are told to write into them
// (PERF_EVENT_IOC_SET_OUTPUT). One of the counters also records tasks' births, names and ends, in the same order.
#pragma once

#include "ftrace/anonymous_file.h"
#include "layer/result.h"

#include <algorithm>
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

// An event that is being recorded, until this object ends.
class OpenEvent {
public:
	virtual ~OpenEvent() = default;
};

struct EventRequest {
	std::string event; // CATEGORY/NAME
	int id = 0;
	RecordKind kind = RecordKind::event;
	std::string filter; // only spares work: left off where the kernel does not take it
	int pid = -1;	    // a thread, and those that it makes; -1: all
	uint32_t cpu = 0;
};

class Capture {
public:
	using Deliver = std::function<bool(const Record &)>;

	virtual ~Capture() = default;
	// Becomes readable when there is something to read(), soon after it came.
	virtual int fd() const = 0;
	virtual const std::vector<uint32_t> &cpus() const = 0;
	virtual uint64_t lost() const = 0;
	// An event is opened once, for all CPUs and threads, whatever the request says of them.
	virtual bool opens_for_all() const = 0;

	// Error code: perf_event_open's, or the file's.
	virtual Result<std::unique_ptr<OpenEvent>> open_event(const EventRequest &request) = 0;
	// The software clock on one CPU: `attr` says which, the rest is filled in.
	virtual Result<std::unique_ptr<OpenEvent>> open_clock(perf_event_attr attr, RecordKind kind, int pid, uint32_t cpu) = 0;

	// Delivers, oldest first, what has been recorded; `deliver` says whether to go on. Unless `all`, the last
	// millisecond is left for the next time: a CPU may have stamped a record that is not in its ring yet.
	// False: everything that is ready has been delivered.
	virtual bool read(bool all, const Deliver &deliver) = 0;
	// Makes the kernel say what it has dropped since its last record. Only with everything read.
	virtual void ask_lost() = 0;
};

// Of the online ones, from /sys.
std::vector<uint32_t> online_cpus();
// A timer that becomes readable 20 times a second; none: errno says why.
UniqueFd reading_timer();
// Up to when a stream may be read if not all of it, in ns of CLOCK_MONOTONIC.
uint64_t settled_until();

// Delivers from several streams in the order of time: `peek` gives the oldest record that is left of one, with its time,
// up to `until`. False: `deliver` did not want to go on.
template <class Stream, class Peek> bool merge(const std::vector<Stream *> &streams, uint64_t until, Peek peek, const Capture::Deliver &deliver)
{
	for (;;) {
		// The one with the oldest record goes on up to the oldest record of any other.
		Stream *first = nullptr;
		uint64_t oldest = UINT64_MAX, second = UINT64_MAX;
		for (Stream *stream : streams) {
			const Record *record = peek(*stream);
			if (!record)
				continue;
			if (record->time < oldest || !first) {
				second = oldest;
				oldest = record->time;
				first = stream;
			} else {
				second = std::min(second, record->time);
			}
		}
		if (!first || oldest > until)
			return true;
		second = std::min(second, until);
		unsigned taken = 0;
		for (const Record *record = peek(*first); record && record->time <= second; record = peek(*first)) {
			bool go_on = deliver(*record);
			first->take();
			if (++taken % 1024 == 0)
				first->give_back();
			if (!go_on)
				return false;
		}
	}
}

class PerfCapture final : public Capture {
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

	PerfCapture() = default;
	Result<std::unique_ptr<Ring>> open_ring(RecordKind kind, uint32_t cpu);
	Result<Stream *> stream(RecordKind kind);
	Result<void> calibrate();
	void set_clock(perf_event_attr &attr) const;
	Result<UniqueFd> open_perf_event(perf_event_attr attr, RecordKind kind, int pid, uint32_t cpu);

public:
	static Result<std::unique_ptr<Capture>> open();

	int fd() const override { return epoll_.get(); }
	const std::vector<uint32_t> &cpus() const override { return cpus_; }
	uint64_t lost() const override { return lost_; }
	bool opens_for_all() const override { return false; }
	Result<std::unique_ptr<OpenEvent>> open_event(const EventRequest &request) override;
	Result<std::unique_ptr<OpenEvent>> open_clock(perf_event_attr attr, RecordKind kind, int pid, uint32_t cpu) override;
	bool read(bool all, const Deliver &deliver) override;
	void ask_lost() override;
};
