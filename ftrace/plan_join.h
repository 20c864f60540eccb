// SPDX-License-Identifier: GPL-2.0-only
// PlanJoin: the pointers that cross from one event to another through a map's value.
#pragma once

#include "ftrace/plan_run.h"

// A read that starts at a pointer which a map's value holds, by the program `reader`.
struct JoinedRead {
	PlanRead read;
	const PlanProgram *reader = nullptr;
	const PlanMap *map = nullptr; // where the pointer was found
	int64_t offset = 0;
	bool is_stored = true; // what reads_to_keep() gives: the pointer was put there, not only found equal
};

class PlanJoin {
public:
	struct Member {
		const PlanProgram *program;
		PlanRun run;
	};
	std::vector<Member> members;

	// All reads of all members that start in a map, also by way of copies from map to map.
	std::vector<JoinedRead> reads_through_maps(Values &values) const;
	// What `member` must capture for them: the same reads from its own pointers. `read.insn` is the reader's.
	// `unable` gets what starts at a pointer of it that no event can follow.
	std::vector<JoinedRead> reads_to_keep(Values &values, const Member &member, std::vector<JoinedRead> *unable) const;
	// Does any member put something into that field that is a pointer?
	bool is_provided(const JoinedRead &read) const;
	// Maps that no member changes.
	std::set<const PlanMap *> unchanging(const std::set<const PlanMap *> &all) const;
};
