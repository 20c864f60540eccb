// SPDX-License-Identifier: GPL-2.0-only
// Tasks: what a thread was called, and whose it was, at the moment of an event, which the program sees later: the thread
// may be gone by then, or have another name.
#pragma once

#include "ftrace/capture.h"

#include <cstdint>
#include <string>
#include <unordered_map>

struct Task {
	char comm[16] = "";
	uint32_t uid = 0, gid = 0; // the real ones
	uint64_t cgroup = 0;	   // its number in the v2 hierarchy
	bool comm_known = false;
	bool ids_known = false; // and the cgroup
	uint64_t ids_read = 0; // when, in ns
};

class Tasks {
	std::unordered_map<uint32_t, Task> tasks_; // by thread id
	std::vector<uint32_t> ended_;		   // those that the table will forget
	bool with_ids_ = false;

	Task &task(uint32_t tid);
	std::string cgroup_root_; // where the v2 hierarchy is mounted

	void read_ids(uint32_t tid, Task &task, uint64_t now);
	void refresh_ids(uint32_t tid, Task &task, uint64_t now);

public:
	Tasks();

	// All that run now, before any event: call it once recording is on. `with_ids`: who they belong to and their
	// cgroup, too.
	void read_all(bool with_ids);
	// A COMM, FORK or EXIT, in the order of time.
	void record(const Record &record);

	// What the thread is called at this point of the stream; 16 bytes. Each CPU's idle task has number 0.
	const char *comm(uint32_t tid, uint32_t cpu);
	// gid << 32 | uid, as bpf_get_current_uid_gid() answers; `now` is the event's time.
	uint64_t uid_gid(uint32_t tid, uint64_t now);
	// As bpf_get_current_cgroup_id() answers; 0 where no v2 hierarchy is mounted.
	uint64_t cgroup_id(uint32_t tid, uint64_t now);
};
