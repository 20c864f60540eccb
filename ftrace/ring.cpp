// SPDX-License-Identifier: GPL-2.0-only
// One perf ring: records in the kernel's layout (include/uapi/linux/perf_event.h, "enum perf_event_type").
#include "ftrace/capture.h"

#include <algorithm>
#include <cstring>

namespace {

// A value that may stand anywhere, and how to get past it.
template <class T> T get(const char *&at)
{
	T value;
	memcpy(&value, at, sizeof(value));
	at += sizeof(value);
	return value;
}

struct LostRecord {
	perf_event_header header;
	uint64_t id;
	uint64_t lost;
};

struct TaskRecord { // FORK, EXIT
	perf_event_header header;
	uint32_t pid, parent_pid;
	uint32_t tid, parent_tid;
	uint64_t time;
};

// What stands behind a record that is no sample (sample_id_all, 2.6.38).
struct Trailer {
	uint32_t pid, tid;
	uint64_t time;
};

#ifndef PERF_RECORD_MISC_COMM_EXEC
#define PERF_RECORD_MISC_COMM_EXEC (1 << 13)
#endif

} // namespace

void Ring::snapshot()
{
	head_ = __atomic_load_n(&control()->data_head, __ATOMIC_ACQUIRE);
}

void Ring::give_back()
{
	uint64_t until = has_next_ ? next_at_ : tail_;
	if (given_back_ == until)
		return;
	given_back_ = until;
	__atomic_store_n(&control()->data_tail, until, __ATOMIC_RELEASE);
}

void Ring::parse_sample(const char *at, const char *end)
{
	if (kind_ == RecordKind::clock || kind_ == RecordKind::clock_chain)
		next_.ip = get<uint64_t>(at);
	next_.pid = get<uint32_t>(at);
	next_.tid = get<uint32_t>(at);
	next_.time = get<uint64_t>(at);
	if (kind_ == RecordKind::event_chain || kind_ == RecordKind::clock_chain) {
		next_.chain_size = get<uint64_t>(at);
		next_.chain = reinterpret_cast<const uint64_t *>(at);
		next_.chain_size = std::min<uint64_t>(next_.chain_size, static_cast<uint64_t>(end - at) / 8);
		at += next_.chain_size * 8;
	}
	if (kind_ == RecordKind::event || kind_ == RecordKind::event_chain) {
		next_.raw_size = get<uint32_t>(at);
		next_.raw = at;
		next_.raw_size = std::min(next_.raw_size, static_cast<uint32_t>(end - at));
	}
}

// Into next_, if it is a record that anybody wants.
void Ring::parse(const perf_event_header &header, uint64_t &lost, int64_t clock_offset)
{
	const char *start = reinterpret_cast<const char *>(&header), *at = start + sizeof(header);
	const char *end = start + header.size;
	Trailer trailer;

	next_ = Record{};
	next_.type = header.type;
	next_.kind = kind_;
	next_.cpu = cpu_;
	switch (header.type) {
	case PERF_RECORD_SAMPLE:
		parse_sample(at, end);
		break;
	case PERF_RECORD_LOST: {
		LostRecord record;
		memcpy(&record, start, sizeof(record));
		lost += record.lost;
		return;
	}
	case PERF_RECORD_COMM:
		if (kind_ != RecordKind::event) // there to tell what was lost
			return;
		next_.pid = get<uint32_t>(at);
		next_.tid = get<uint32_t>(at);
		next_.comm = at;
		next_.is_exec = header.misc & PERF_RECORD_MISC_COMM_EXEC;
		memcpy(&trailer, end - sizeof(trailer), sizeof(trailer));
		next_.time = trailer.time;
		break;
	case PERF_RECORD_FORK:
	case PERF_RECORD_EXIT: {
		TaskRecord record;
		memcpy(&record, start, sizeof(record));
		next_.pid = record.pid;
		next_.tid = record.tid;
		next_.parent_pid = record.parent_pid;
		next_.parent_tid = record.parent_tid;
		next_.time = record.time;
		break;
	}
	default:
		return;
	}
	next_.time += static_cast<uint64_t>(clock_offset);
	has_next_ = true;
}

const Record *Ring::peek(uint64_t &lost, int64_t clock_offset)
{
	const char *data = memory_.start() + page_size();
	uint64_t mask = size() - 1;
	while (!has_next_ && tail_ != head_) {
		size_t at = tail_ & mask;
		auto *header = reinterpret_cast<const perf_event_header *>(data + at); // records are 8 bytes apart
		size_t length = header->size;
		if (at + length > size()) {
			whole_.resize(length);
			memcpy(whole_.data(), data + at, size() - at);
			memcpy(whole_.data() + (size() - at), data, length - (size() - at));
			header = reinterpret_cast<const perf_event_header *>(whole_.data());
		}
		next_at_ = tail_;
		parse(*header, lost, clock_offset);
		tail_ += length;
	}
	return has_next_ ? &next_ : nullptr;
}
