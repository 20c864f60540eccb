// SPDX-License-Identifier: GPL-2.0-only
// PlanRun: one program executed symbolically, along every way that constants leave open.
//
// It does not know events: it says what the program reads and where the address comes from. Ways that meet
// again in the same state are followed once. What it cannot know it takes as possible, so that what it finds is
// never less than what the program does; what cannot be captured at all ends up in `refusals`.
#pragma once

#include "ftrace/plan.h"
#include "ftrace/plan_state.h"

#include <set>

struct PlanRead {
	Value address = nullptr; // not the program's own memory, and not the context
	uint32_t size = 0;	 // of a string: the most that is taken
	Space space = Space::any;
	bool is_string = false;
	uint32_t insn = 0;
};

// A whole pointer that the program leaves in a map's value, or finds equal to what stands there.
struct PlanPointer {
	const PlanMap *map = nullptr;
	int64_t offset = 0; // in the value
	Value value = nullptr;
	bool is_stored = false; // else found equal
	uint32_t insn = 0;
};

// A value that was put into a map from another map's value, with its own bytes on top.
struct PlanCopy {
	const PlanMap *to = nullptr;
	const PlanMap *from = nullptr;
	int64_t from_offset = 0; // what lies there goes to offset 0

	auto operator<=>(const PlanCopy &) const = default;
};

struct PlanRefusal {
	uint32_t insn;
	std::string reason;
};

struct PlanRun {
	std::vector<PlanRead> reads;
	std::map<std::pair<int64_t, uint32_t>, uint32_t> context; // (offset, size) of reads, with an instruction
	std::vector<PlanPointer> pointers;
	std::set<PlanCopy> copies;
	std::set<const PlanMap *> written; // maps
	std::set<uint32_t> helpers;
	std::set<const PlanMap *> assumed;	    // whose contents were taken as they are now
	std::set<std::vector<Decision>> conditions; // one for each way to a first effect
	std::vector<PlanRefusal> refusals;
	bool kernel_stack = false, user_stack = false;
	uint32_t steps = 0;
};

struct PlanRunInput {
	const PlanProgram *program = nullptr;
	const std::function<const PlanMap *(int fd)> *map = nullptr;
	std::optional<uint64_t> cookie;	      // of the hook
	unsigned argument_count = 0;	      // fexit
	unsigned max_depth = 8;		      // of pointers one behind the other
	std::set<const PlanMap *> unchanging; // maps whose contents may be taken as they are now
	bool ends_refused = false;	      // the first refusal is enough
};

PlanRun run_symbolically(Values &values, const PlanRunInput &input);
