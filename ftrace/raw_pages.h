// SPDX-License-Identifier: GPL-2.0-only
// RawPages: one CPU's trace_pipe_raw: the kernel's own ring buffer, page by page (events/header_page and header_event say how a
// page looks, the same since 2.6.32 on 64 bits).
#pragma once

#include "ftrace/capture.h"

#include <deque>
#include <string>

class RawPages {
	UniqueFd pipe_; // does not block
	uint32_t cpu_;
	std::deque<std::string> pages_; // read, and not taken yet; the first one is being taken
	size_t at_ = 0, end_ = 0;	// in the first one
	uint64_t time_ = 0;
	Record next_;
	bool has_next_ = false;
	bool is_drained_ = false;

	bool read_page();
	bool open_page();
	bool parse_event();

public:
	RawPages(UniqueFd pipe, uint32_t cpu) : pipe_(std::move(pipe)), cpu_(cpu) {}

	// As if it had been read.
	void add_page(std::string page) { pages_.push_back(std::move(page)); }
	// What has come up to now can be read from now on.
	void refresh() { is_drained_ = false; }
	// All that has come is read into memory: it is gone from the kernel when its probe is.
	void keep_all();
	// The oldest record that has not been taken: type, time, CPU, thread and bytes, no process. nullptr: none.
	const Record *peek();
	void take() { has_next_ = false; }
	void give_back() {}
};
