// SPDX-License-Identifier: GPL-2.0-only
// What programs print with bpf_trace_printk: lines as the kernel's trace_pipe has them, in a pipe of our own.
#pragma once

#include "ftrace/capture.h"
#include "layer/unique_fd.h"

#include <cstdint>
#include <string_view>

class Printed {
	UniqueFd reader_, writer_;
	uint64_t dropped_ = 0;

public:
	// The end to read; the pipe is made when it is first asked for. -1: there is none.
	int fd();
	// Drops, and counts, what finds no room: one process writes and reads.
	void print(const Record &record, const char *comm, std::string_view text);
};
