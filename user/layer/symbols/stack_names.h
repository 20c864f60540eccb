// SPDX-License-Identifier: GPL-2.0-only
// Names for the stacks in a BPF stack trace map.
#pragma once

#include "layer/output/flame_graph.h"
#include "layer/symbols/kernel_symbols.h"
#include "layer/symbols/process_symbols.h"

#include <bpf/libbpf.h>
#include <optional>
#include <vector>

class StackNames {
	ProcessSymbols processes_;
	std::optional<KernelSymbols> kernel_;
	bool kernel_tried_ = false;
	std::string problem_;

	StackFrame kernel_frame(uint64_t address);
	StackFrame user_frame(int pid, uint64_t address);

public:
	// Frames of the stack in `map` (BPF_MAP_TYPE_STACK_TRACE), outermost first: the user's part, then the
	// kernel's. Stack numbers below 0: no such part. What has no name is called by its module ("[libc.so.6]")
	// or "[unknown]".
	std::vector<StackFrame> frames(const bpf_map *map, int pid, int user_stack, int kernel_stack);

	// Looks at the process while it is there.
	void remember(int pid) { processes_.remember(pid); }

	// Why kernel frames have no names; empty if they have.
	const std::string &problem() const { return problem_; }
};
