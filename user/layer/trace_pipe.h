// SPDX-License-Identifier: GPL-2.0-only
// The kernel's trace_pipe: what bpf_trace_printk and the classic tracers write, a line each.
#pragma once

#include "layer/engine/tracefs.h"
#include "layer/result.h"
#include "layer/unique_fd.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

struct TraceLine {
	std::string task;
	int pid = 0; // a thread's id
	int cpu = 0;
	uint64_t time = 0;    // ns of the trace clock, by default near CLOCK_MONOTONIC
	std::string function; // what stands before the message: "bpf_trace_printk", or an address
	std::string message;
};

// One line as trace_pipe writes it, with or without the columns of flags and of the process id. None for
// another kind of line ("CPU:1 [LOST 42 EVENTS]", an empty one).
std::optional<TraceLine> parse_trace_line(std::string_view line);
// How many events such a line says were lost; 0 for other lines.
uint64_t parse_lost_line(std::string_view line);

class TracePipe {
	UniqueFd fd_;
	std::string rest_; // the start of a line whose end has not been read

	explicit TracePipe(UniqueFd fd) : fd_(std::move(fd)) {}

public:
	// The kernel's, or what stands for it where the engine runs programs itself. Error: no privilege, somebody else reads it already, or tracing is switched off.
	static Result<TracePipe> open();
	int fd() const { return fd_.get(); }
	// Every whole line that is there now.
	void read(const std::function<void(std::string_view line)> &deliver);
};
