// SPDX-License-Identifier: GPL-2.0-only
// The stacks that kern/profile_kern.c counted, with names.
#pragma once

#include "layer/output/flame_graph.h"
#include "layer/output/output.h"
#include "layer/symbols/stack_names.h"
#include "profile.h"

#include <bpf/libbpf.h>
#include <string>
#include <vector>

struct ProfiledStack {
	uint32_t pid;
	std::string comm;
	SampledStack stack;
};

// Everything in `samples` (profile_key to u64), the rarest first; stacks that differ by address alone are one.
std::vector<ProfiledStack> read_profile(const bpf_map *samples, const bpf_map *stacks, StackNames &names);

// "main;work;read"; in JSON an array.
Cell stack_cell(const std::vector<StackFrame> &frames);
