// SPDX-License-Identifier: GPL-2.0-only
// What a program's bpf_perf_event_output writes: a ring in the kernel's layout (struct perf_event_mmap_page), so that
// libbpf's own perf buffer reads it.
#pragma once

#include "ftrace/anonymous_file.h"

#include <linux/perf_event.h>

class PerfBuffer {
	UniqueFd file_;
	Mapping memory_; // the control page, then the data
	uint64_t head_ = 0;
	uint64_t lost_ = 0; // since the last record said so

	perf_event_mmap_page *control() const;
	uint64_t room() const;
	void put(const void *bytes, size_t size);

public:
	explicit PerfBuffer(UniqueFd file) : file_(std::move(file)) {}

	// The reader maps it: a page, and `length` less a page of data.
	bool set_size(size_t length);
	// One record; 0, or -ENOSPC, counted.
	int write(const void *data, uint32_t size);
	bool is_filling() const { return memory_ && room() < (memory_.size() - page_size()) / 2; }
};
