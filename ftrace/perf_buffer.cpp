// SPDX-License-Identifier: GPL-2.0-only
#include "ftrace/perf_buffer.h"

#include <cerrno>
#include <unistd.h>

bool PerfBuffer::set_size(size_t length)
{
	if (memory_)
		return memory_.size() == length;
	if (!ring_ || !vm_perf_ring_fits(length) || ftruncate(file_.get(), static_cast<off_t>(length)) != 0)
		return false;
	memory_ = Mapping::of(file_.get(), length);
	if (memory_)
		vm_perf_ring_set_memory(ring_.get(), memory_.start(), length);
	return bool(memory_);
}

int PerfBuffer::write(const void *data, uint32_t size)
{
	return ring_ ? vm_perf_ring_write(ring_.get(), data, size) : -ENOMEM;
}

bool PerfBuffer::is_filling() const
{
	return memory_ && vm_perf_ring_used(ring_.get()) > (memory_.size() - page_size()) / 2;
}
