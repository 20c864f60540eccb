// SPDX-License-Identifier: GPL-2.0-only
#include "ftrace/perf_buffer.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <unistd.h>

namespace {

struct LostRecord {
	perf_event_header header;
	uint64_t id;
	uint64_t lost;
};

} // namespace

perf_event_mmap_page *PerfBuffer::control() const
{
	return reinterpret_cast<perf_event_mmap_page *>(memory_.start());
}

uint64_t PerfBuffer::room() const
{
	uint64_t tail = __atomic_load_n(&control()->data_tail, __ATOMIC_ACQUIRE);
	return memory_.size() - page_size() - (head_ - tail);
}

bool PerfBuffer::set_size(size_t length)
{
	size_t data = length - page_size();
	if (length <= page_size() || (data & (data - 1)) || ftruncate(file_.get(), static_cast<off_t>(length)) != 0)
		return false;
	memory_ = Mapping::of(file_.get(), length);
	return bool(memory_);
}

// At the head; what runs over the end goes on at the start.
void PerfBuffer::put(const void *bytes, size_t size)
{
	size_t data = memory_.size() - page_size(), at = head_ & (data - 1), first = std::min(size, data - at);
	char *start = memory_.start() + page_size();
	memcpy(start + at, bytes, first);
	memcpy(start, static_cast<const char *>(bytes) + first, size - first);
	head_ += size;
}

int PerfBuffer::write(const void *data, uint32_t size)
{
	constexpr char zeroes[8] = {};
	size_t padding = (8 - (sizeof(perf_event_header) + sizeof(size) + size) % 8) % 8, whole;
	perf_event_header header{PERF_RECORD_SAMPLE, 0, 0};
	uint32_t raw_size = size + static_cast<uint32_t>(padding);

	whole = sizeof(header) + sizeof(raw_size) + raw_size;
	header.size = static_cast<__u16>(whole);
	if (whole > UINT16_MAX)
		return -E2BIG;
	if (!memory_ || room() < whole + (lost_ ? sizeof(LostRecord) : 0)) {
		lost_++;
		return -ENOSPC;
	}
	if (lost_) {
		LostRecord record{{PERF_RECORD_LOST, 0, sizeof(LostRecord)}, 0, lost_};
		put(&record, sizeof(record));
		lost_ = 0;
	}
	put(&header, sizeof(header));
	put(&raw_size, sizeof(raw_size));
	put(data, size);
	put(zeroes, padding);
	__atomic_store_n(&control()->data_head, head_, __ATOMIC_RELEASE);
	return 0;
}
