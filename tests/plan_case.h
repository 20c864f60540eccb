// SPDX-License-Identifier: GPL-2.0-only
// A program as text, planned for a kernel that a test describes.
#pragma once

#include "ftrace/plan.h"
#include "suite.h"

#include <deque>
#include <set>

// As of 6.1, with what a test does not care about: every function there is can be probed.
Kernel new_kernel();
// As of 2.6.32 and 3.10: u64, one kind of memory, no arrays, arguments in a system call's own registers.
Kernel old_kernel();

class PlanCase
{
	std::deque<PlanProgram> programs_;
	std::deque<PlanMap> maps_;
	Format format_;
	PlanInput input_;

      public:
	explicit PlanCase(Kernel kernel = new_kernel()) : kernel(std::move(kernel)) {}

	Kernel kernel;
	unsigned argument_count = 0;
	uint64_t cookie = 0;
	std::string target = "some_function"; // of the hook
	std::function<std::string(uint32_t)> line;

	// Programs in the assembler's text; the first one is planned. Their type is BPF_PROG_TYPE_KPROBE if not told.
	PlanCase &program(const std::string &name, const std::string &text, uint32_t type = 2,
			  uint32_t attach_type = 0);
	// The next descriptor from 0 on. With contents it is a frozen array of one value.
	PlanCase &map(const std::string &name, uint32_t type, uint32_t key_size, uint32_t value_size,
		      uint32_t max_entries = 1024);
	PlanCase &constants(const std::string &contents);
	// An array that programs could change.
	PlanCase &array(const std::string &name, const std::vector<std::string> &values);
	PlanCase &format(const std::string &file); // tests/data/formats/FILE
	Result<Plan> plan(HookKind kind);

	// The arguments that are echoed, or the refusal.
	std::string arguments(HookKind kind);
	std::string refusal(HookKind kind);
	std::string filter(HookKind kind);
};

// The contents of tests/data/formats/FILE.
std::string recorded_format(const std::string &file);
// A plan's line as a person would write it into kprobe_events: "kprobe some_function a0=%di:x64".
std::string shown(const Result<Plan> &plan);
