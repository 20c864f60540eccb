// SPDX-License-Identifier: GPL-2.0-only
// Tally: events that happened and were never recorded, as the kernel's own counters tell (kprobe_profile).
//
// A kprobe misses what happens while another one runs on the same CPU, a return probe what comes when all its instances wait
// for a return. And a record that is larger than perf's buffer is dropped without a word. What uprobes miss, no kernel counts.
#pragma once

#include "layer/engine/tracefs.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

struct ProbeCounts {
	uint64_t hits = 0;
	uint64_t misses = 0;
};

// By "GROUP/NAME". kprobe_profile has no groups, but lists the probes in the order of kprobe_events. Empty: the two are not
// of one moment, for somebody defined a probe in between.
std::map<std::string, ProbeCounts> parse_profile(const std::string &events, const std::string &profile);

class Tally {
	const Tracefs &files_;
	std::map<std::string, ProbeCounts> counts_; // as read last
	uint64_t read_at_ = 0;
	uint64_t misses_ = 0;
	uint64_t hits_ = 0;
	uint64_t seen_ = 0;

public:
	explicit Tally(const Tracefs &files) : files_(files) {}

	// What the kernel has counted for these by now, in all; from read_at() on (ns of CLOCK_MONOTONIC) at the earliest.
	uint64_t read_at() const { return read_at_; }
	ProbeCounts counts(const std::vector<std::string> &events);

	void add_misses(uint64_t misses) { misses_ += misses; }
	// So many records were made by probes whose every record comes here: seen() counts those.
	void expect(uint64_t hits) { hits_ += hits; }
	uint64_t *seen() { return &seen_; }

	// Everything that was recorded having been read, `in_rings` having found no room there.
	uint64_t lost(uint64_t in_rings) const { return misses_ + (hits_ > seen_ + in_rings ? hits_ - seen_ - in_rings : 0); }
};
