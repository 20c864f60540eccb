// SPDX-License-Identifier: GPL-2.0-only
// PipeCapture: what the kernel records, read where perf_event_open is refused: from an instance of the tracing files
// (instances/NAME, 3.10) that is ours alone, so that no one else's trace is read empty or switched on.
//
// A record there has its thread, not its process; so the instance also records tasks' births, names and ends. There are no
// stacks and no clock.
#pragma once

#include "ftrace/raw_pages.h"
#include "layer/engine/tracefs.h"

#include <map>
#include <memory>
#include <string>
#include <unordered_map>

class PipeCapture final : public Capture {
	const Tracefs &files_; // the caller's
	std::string path_;     // instances/NAME
	std::string refused_;  // why it is not perf
	std::vector<uint32_t> cpus_;
	std::vector<std::unique_ptr<RawPages>> pages_;
	UniqueFd timer_;
	std::map<std::string, unsigned> users_; // of an event
	std::vector<bool> is_wanted_;		// by an event's number: for a program
	std::unordered_map<uint32_t, uint32_t> processes_; // by thread
	uint64_t lost_ = 0;

	// Where a task's event has what is wanted of it; id -1: this kernel has no such event.
	struct TaskEvent {
		int id = -1;
		unsigned pid = 0, flags = 0, name = 0; // offsets; 0: not there
	};
	TaskEvent birth_, rename_, end_;

	PipeCapture(const Tracefs &files, std::string path, std::string refused);
	friend class PipeEvent;

	bool write(const std::string &file, const std::string &text);
	Result<void> open_files();
	Result<void> open_tasks();
	Result<TaskEvent> open_task_event(const std::string &event);
	Result<void> enable(const std::string &event, const std::string &filter);
	void disable(const std::string &event);
	uint32_t process_of(uint32_t tid);
	bool deliver(Record record, const Deliver &deliver);

public:
	// `name`: of the instance; `refused`: what perf said.
	static Result<std::unique_ptr<Capture>> open(const Tracefs &files, const std::string &name, const Error &refused);
	~PipeCapture() override;

	int fd() const override { return timer_.get(); }
	const std::vector<uint32_t> &cpus() const override { return cpus_; }
	uint64_t lost() const override { return lost_; }
	bool opens_for_all() const override { return true; }
	Result<std::unique_ptr<OpenEvent>> open_event(const EventRequest &request) override;
	Result<std::unique_ptr<OpenEvent>> open_clock(perf_event_attr attr, RecordKind kind, int pid, uint32_t cpu) override;
	bool read(bool all, const Deliver &deliver) override;
	void ask_lost() override;
};
