// SPDX-License-Identifier: GPL-2.0-only
// Pages of trace_pipe_raw, made by hand.
#include "ftrace/raw_pages.h"
#include "suite.h"

namespace {

class Page {
	std::string events_;
	uint64_t time_;

public:
	explicit Page(uint64_t time) : time_(time) {}

	Page &word(uint32_t value)
	{
		events_.append(reinterpret_cast<const char *>(&value), sizeof(value));
		return *this;
	}
	Page &head(uint32_t type, uint32_t delta) { return word(type | delta << 5); }
	// An event's own bytes: its number, flags, the thread, and words.
	Page &data(uint32_t id, uint32_t tid, std::vector<uint32_t> words = {})
	{
		word(id).word(tid);
		for (uint32_t one : words)
			word(one);
		return *this;
	}
	std::string bytes(uint64_t flags = 0) const
	{
		uint64_t length = events_.size() | flags;
		std::string page(reinterpret_cast<const char *>(&time_), sizeof(time_));
		page.append(reinterpret_cast<const char *>(&length), sizeof(length));
		page += events_;
		page.resize(4096);
		return page;
	}
};

// "time id/tid+size .." of all that is left.
std::string shown(RawPages &pages)
{
	std::string text;
	while (const Record *record = pages.peek()) {
		uint16_t id;
		memcpy(&id, record->raw, sizeof(id));
		text += fmt::format("{}{} {}/{}+{}", text.empty() ? "" : ", ", record->time, id, record->tid, record->raw_size);
		pages.take();
	}
	return text;
}

std::string shown(const Page &page, uint64_t flags = 0)
{
	RawPages pages(UniqueFd(), 0);
	pages.add_page(page.bytes(flags));
	return shown(pages);
}

void reads_short_and_long_events()
{
	CHECK_EQUAL(shown(Page(1000).head(2, 5).data(7, 42).head(3, 0).data(8, 43, {1})), "1005 7/42+8, 1005 8/43+12");
	// Type 0: the length is in a word, which it counts, too.
	CHECK_EQUAL(shown(Page(1000).head(0, 1).word(4 + 16).data(7, 42, {1, 2}).head(2, 1).data(9, 1)), "1001 7/42+16, 1002 9/1+8");
}

void adds_up_time()
{
	CHECK_EQUAL(shown(Page(1000).head(30, 1).word(2).head(2, 4).data(7, 42)), fmt::format("{} 7/42+8", 1000 + 1 + (2 << 27) + 4));
	uint64_t high = uint64_t(1) << 60; // a stamp has 59 bits
	CHECK_EQUAL(shown(Page(high).head(31, 6).word(1).head(2, 0).data(7, 42)), fmt::format("{} 7/42+8", high + (1 << 27) + 6));
}

void passes_over_padding()
{
	CHECK_EQUAL(shown(Page(1).head(29, 3).word(8).word(0).head(2, 1).data(7, 42)), "5 7/42+8");
	CHECK_EQUAL(shown(Page(1).head(2, 0).data(7, 42).head(29, 0).word(0).head(2, 0).data(8, 42)), "1 7/42+8");
	CHECK_EQUAL(shown(Page(1)), "");
}

// Flags in the length's upper bits: events were missed before this page.
void passes_over_marks_and_damage()
{
	CHECK_EQUAL(shown(Page(1).head(2, 0).data(7, 42), uint64_t(3) << 30), "1 7/42+8");
	CHECK_EQUAL(shown(Page(1).head(2, 0).data(7, 42).head(28, 0).word(1)), "1 7/42+8");
	CHECK_EQUAL(shown(Page(1).head(0, 0).word(0)), "");
	CHECK_EQUAL(shown(Page(1).head(0, 0).word(~0U)), "");
	CHECK_EQUAL(shown(Page(1).head(1, 0).word(7)), ""); // no room for a thread
}

void goes_on_from_page_to_page()
{
	RawPages pages(UniqueFd(), 3);
	pages.add_page(Page(10).head(2, 0).data(7, 1).bytes());
	pages.add_page(Page(20).bytes());
	pages.add_page(Page(30).head(2, 1).data(8, 2).bytes());
	CHECK_EQUAL(pages.peek()->cpu, 3);
	CHECK_EQUAL(shown(pages), "10 7/1+8, 31 8/2+8");
	CHECK(!pages.peek());
	pages.refresh();
	pages.add_page(Page(40).head(2, 1).data(9, 2).bytes());
	CHECK_EQUAL(shown(pages), "41 9/2+8");
}

const Suite suite("raw pages", {{"reads short and long events", reads_short_and_long_events},
				{"adds up time", adds_up_time},
				{"passes over padding", passes_over_padding},
				{"passes over marks and damage", passes_over_marks_and_damage},
				{"goes on from page to page", goes_on_from_page_to_page}});

} // namespace
