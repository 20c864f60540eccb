// SPDX-License-Identifier: GPL-2.0-only
// Probes: our lines in kprobe_events and uprobe_events, all in a group that is named after this process.
//
// Lines are only appended (writing to these files from their start wipes everybody's), and only our own are removed.
#pragma once

#include "layer/engine/tracefs.h"
#include "layer/result.h"

#include <string>
#include <string_view>
#include <vector>

enum class ProbeFile { kprobe_events, uprobe_events };

class Probes;

// One definition; the object's end removes it. The events that were opened on it must be closed by then.
class Probe {
	Probes *probes_ = nullptr;
	ProbeFile file_ = ProbeFile::kprobe_events;
	std::string event_; // GROUP/NAME

public:
	Probe(Probes &probes, ProbeFile file, std::string event) : probes_(&probes), file_(file), event_(std::move(event)) {}
	Probe(Probe &&other) noexcept
		: probes_(std::exchange(other.probes_, nullptr)), file_(other.file_), event_(std::move(other.event_))
	{
	}
	Probe &operator=(Probe &&) = delete;
	~Probe();

	const std::string &event() const { return event_; }
	ProbeFile file() const { return file_; }
};

// A tracepoint that is switched on twice, so that the kernel calls its listeners through the function that can be probed
// (__traceiter_NAME) in place of the only one of them: in an instance of the tracing files (instances/NAME, 3.10) that
// records nothing, and as a perf event of our own thread.
class Listener {
	const Tracefs &files_;
	std::string path_; // instances/NAME
	std::string event_;
	UniqueFd perf_;

public:
	Listener(const Tracefs &files, std::string path, std::string event)
		: files_(files), path_(std::move(path)), event_(std::move(event))
	{
	}
	Listener(Listener &&other) noexcept
		: files_(other.files_), path_(std::exchange(other.path_, "")), event_(std::move(other.event_)),
		  perf_(std::move(other.perf_))
	{
	}
	Result<void> open();
	Listener &operator=(Listener &&) = delete;
	~Listener();
};

class Probes {
	const Tracefs &files_; // the caller's, for as long as this object lives
	std::string group_;
	unsigned last_ = 0;

public:
	explicit Probes(const Tracefs &files);

	const Tracefs &files() const { return files_; }
	const std::string &group() const { return group_; }

	// Removes what runs that were killed have left behind: groups and instances of processes that are gone.
	void sweep();

	// `kind` is "p" (at the place) or "r" (at the return). Errors are the kernel's, and its own words where it has
	// some (error_log, 5.2); code ENOENT: no such function here.
	Result<Probe> define(ProbeFile file, const char *kind, const std::string &place, const std::string &arguments);
	Result<Listener> listen(const std::string &event);

	// One write(2) of a line; 0 or an errno.
	virtual int write_line(ProbeFile file, const std::string &line);
};

const char *file_name(ProbeFile file);
// "p:GROUP/NAME PLACE .." or "r4:GROUP/NAME ..": GROUP/NAME.
std::string_view event_of_line(std::string_view line);
