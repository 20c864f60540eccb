// SPDX-License-Identifier: GPL-2.0-only
// What a program asks before it does anything, as the filter of its event.
#pragma once

#include "ftrace/plan_fetch.h"

struct PlanFilter {
	std::string text; // "" for none
	std::optional<uint32_t> process, not_process;
};

// It holds whenever the program does something; it can hold oftener.
PlanFilter filter_of(const PlanRun &run, const PlanEvent &event, const PlanFetches &fetches, const Kernel &kernel);
