// SPDX-License-Identifier: GPL-2.0-only
// What the kernel's counters say, whose lines have no groups.
#include "ftrace/tally.h"
#include "suite.h"

namespace {

constexpr const char *events = "p:other/e1 vfs_read\nr256:anyprobe_7_99/e1 vfs_read a0=$retval\np:anyprobe_7_99/e2 vfs_write a0=%di:x64\n";
constexpr const char *profile = "  e1                                                        5               1\n"
				"  e1                                                      123              45\n"
				"  e2                                                        0               0\n";

void tells_probes_of_one_name_apart()
{
	auto counts = parse_profile(events, profile);
	CHECK_EQUAL(counts.size(), 3);
	CHECK_EQUAL(counts["other/e1"].misses, 1);
	CHECK_EQUAL(counts["anyprobe_7_99/e1"].hits, 123);
	CHECK_EQUAL(counts["anyprobe_7_99/e1"].misses, 45);
	CHECK_EQUAL(counts["anyprobe_7_99/e2"].hits, 0);
}

void believes_nothing_of_two_moments()
{
	CHECK(parse_profile(events, std::string(profile) + "  e3   1   1\n").empty());
	CHECK(parse_profile(events, "  e1   5   1\n  e1   1   1\n").empty());
	CHECK(parse_profile(events, "  e1   5   1\n  e2   1   1\n  e1   1   1\n").empty());
	CHECK(parse_profile(events, "  e1   5   1\n  e1   1\n  e2   1   1\n").empty());
	CHECK(parse_profile("", "").empty());
}

void finds_what_never_came()
{
	auto files = Tracefs::open_at("/tmp");
	REQUIRE(files);
	Tally tally(*files);
	CHECK_EQUAL(tally.lost(0), 0);
	tally.add_misses(3);
	tally.expect(10);
	*tally.seen() = 6;
	CHECK_EQUAL(tally.lost(0), 3 + 4);
	CHECK_EQUAL(tally.lost(4), 3); // those are counted already
	*tally.seen() = 12;	       // some came before the counting began
	CHECK_EQUAL(tally.lost(0), 3);
}

const Suite suite("tally", {{"tells probes of one name apart", tells_probes_of_one_name_apart},
			    {"believes nothing that is of two moments", believes_nothing_of_two_moments},
			    {"finds what never came", finds_what_never_came}});

} // namespace
