// SPDX-License-Identifier: GPL-2.0-only
// Tracefs: the kernel's tracing files, mounted where they are not and gone again when done.
#pragma once

#include "layer/result.h"
#include "layer/unique_fd.h"

#include <string>

class Tracefs {
	UniqueFd directory_;
	std::string path_;

	Tracefs(UniqueFd directory, std::string path) : directory_(std::move(directory)), path_(std::move(path)) {}

public:
	// Where tracefs is already mounted; else a detached mount of our own (fsmount, 5.2), which no one
	// else sees and which ends with this object; else a mount in a mount namespace of our own.
	// Error: no privilege, or a kernel without tracefs.
	static Result<Tracefs> open();
	// A recorded tree, for tests.
	static Result<Tracefs> open_at(const std::string &directory);

	// Where people find these files ("/sys/kernel/tracing"), for messages.
	const std::string &path() const { return path_; }

	bool exists(const std::string &file) const;
	// A path by which this process can open the file, mounted or not; good while this object lives.
	std::string file_path(const std::string &file) const;
	// The whole of a small file ("events/sched/sched_switch/id").
	Result<std::string> read(const std::string &file) const;
	// Open with O_CLOEXEC and `flags`.
	Result<UniqueFd> open_file(const std::string &file, int flags) const;
	// The number that perf_event_open takes for a tracepoint "category/event". Error code ENOENT: none such.
	Result<int> event_id(const std::string &event) const;
};
