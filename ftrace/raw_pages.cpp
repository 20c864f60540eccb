// SPDX-License-Identifier: GPL-2.0-only
#include "ftrace/raw_pages.h"

#include <cstring>
#include <unistd.h>

namespace {

// A page: when its first event's time counts from, how many bytes of events there are, then these.
constexpr size_t page_head = 16;
constexpr uint64_t length_mask = (1 << 20) - 1; // above: flags for events that were missed
// What the lower five bits of an event's first word say, besides its length in words.
constexpr uint32_t padding = 29, time_extend = 30, time_stamp = 31;
constexpr unsigned type_bits = 5, delta_bits = 27;
constexpr uint64_t stamp_bits = (uint64_t(1) << 59) - 1;
constexpr size_t common_pid_at = 4; // in every kernel's common header

template <class T> T get(const char *at)
{
	T value;
	memcpy(&value, at, sizeof(value));
	return value;
}

} // namespace

bool RawPages::read_page()
{
	std::string page(page_size(), '\0');
	ssize_t got = pipe_ ? ::read(pipe_.get(), page.data(), page.size()) : -1;
	if (got <= static_cast<ssize_t>(page_head))
		return false;
	page.resize(static_cast<size_t>(got));
	pages_.push_back(std::move(page));
	return true;
}

void RawPages::keep_all()
{
	while (read_page()) {
	}
}

// The first page that has events.
bool RawPages::open_page()
{
	while (at_ >= end_) {
		if (end_) { // taken
			pages_.pop_front();
			at_ = end_ = 0;
		}
		if (pages_.empty() && (is_drained_ || !read_page())) {
			is_drained_ = true;
			return false;
		}
		const std::string &page = pages_.front();
		time_ = get<uint64_t>(page.data());
		at_ = page_head;
		end_ = std::min<uint64_t>(page.size(), page_head + (get<uint64_t>(page.data() + 8) & length_mask));
	}
	return true;
}

// At at_; false: it was none, but time or padding.
bool RawPages::parse_event()
{
	const char *start = pages_.front().data() + at_;
	size_t room = end_ - at_;
	uint32_t head = room >= 4 ? get<uint32_t>(start) : padding, type = head & ((1 << type_bits) - 1);
	uint64_t delta = head >> type_bits;
	uint32_t word = room >= 8 ? get<uint32_t>(start + 4) : 0;
	size_t data = 4, length = type * 4; // of what follows the first word
	switch (type) {
	case padding: // without a distance: to the page's end
		time_ += delta;
		at_ = delta && word ? at_ + 4 + word : end_;
		return false;
	case time_extend:
		time_ += delta + (static_cast<uint64_t>(word) << delta_bits);
		at_ += 8;
		return false;
	case time_stamp:
		time_ = (time_ & ~stamp_bits) | (static_cast<uint64_t>(word) << delta_bits) | delta;
		at_ += 8;
		return false;
	case 0: // the next word tells
		length = word;
		data = 8;
		break;
	}
	if (4 + length > room || 4 + length <= data) {
		at_ = end_;
		return false;
	}
	time_ += delta;
	at_ += 4 + length;
	next_ = Record{};
	next_.type = PERF_RECORD_SAMPLE;
	next_.cpu = cpu_;
	next_.time = time_;
	next_.raw = start + data;
	next_.raw_size = static_cast<uint32_t>(4 + length - data);
	if (next_.raw_size < common_pid_at + 4)
		return false;
	next_.tid = get<uint32_t>(next_.raw + common_pid_at);
	return true;
}

const Record *RawPages::peek()
{
	while (!has_next_ && open_page())
		has_next_ = parse_event();
	return has_next_ ? &next_ : nullptr;
}
