// SPDX-License-Identifier: GPL-2.0-only
// What a program's bpf_perf_event_output writes: a ring in the kernel's layout (struct perf_event_mmap_page), so that
// libbpf's own perf buffer reads it.
#pragma once

#include "ftrace/anonymous_file.h"
#include "vm/vm.h"

#include <memory>

class PerfBuffer {
	struct Destroy {
		void operator()(vm_perf_ring *ring) const { vm_perf_ring_destroy(ring); }
	};

	UniqueFd file_;
	Mapping memory_;
	std::unique_ptr<vm_perf_ring, Destroy> ring_{vm_perf_ring_create()};

public:
	explicit PerfBuffer(UniqueFd file) : file_(std::move(file)) {}

	// The reader maps it: a page, and `length` less a page of data.
	bool set_size(size_t length);
	// One record; 0, or -ENOSPC, counted.
	int write(const void *data, uint32_t size);
	bool is_filling() const;
};
