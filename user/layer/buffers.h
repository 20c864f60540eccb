// SPDX-License-Identifier: GPL-2.0-only
// The maps by which records reach user space: ring buffer (5.8), else perf buffer.
#pragma once

#include "layer/result.h"

#include <bpf/libbpf.h>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

// Before the load: a ring buffer becomes a perf event array where this kernel has no ring buffers.
Result<void> prepare_buffer(bpf_map *map);

// The sum over all CPUs of value `key` (u64) of a per-CPU array; 0 without a map.
uint64_t sum_percpu(const bpf_map *map, uint32_t key = 0);

class Buffer {
public:
	using Deliver = std::function<void(const void *data, size_t size)>;
	using Lost = std::function<void(uint64_t records)>;

	// The reader of a loaded map; null for a map that is neither kind.
	static Result<std::unique_ptr<Buffer>> open(bpf_map *map, Deliver deliver, Lost lost);

	virtual ~Buffer() = default;
	// Readable when there are records.
	virtual int fd() const = 0;
	// Deliver all that is there now.
	virtual void consume() = 0;
};
