// SPDX-License-Identifier: GPL-2.0-only
#include "ftrace/witness.h"

#include <algorithm>

namespace {

// do_filp_open(int, struct filename *, ..), 3.7: every open of a path comes by, and what a filename is made of begins with
// the copy and the caller's pointer.
constexpr const char *function = "do_filp_open";
#if defined(__x86_64__)
constexpr const char *filename_register = "si";
#else
constexpr const char *filename_register = "x1";
#endif
constexpr int64_t copy_offset = 0, caller_offset = 8;

} // namespace

std::optional<Plan> witness_of(const Plan &plan)
{
	auto path = std::find_if(plan.fetches.begin(), plan.fetches.end(),
				 [](const Fetch &fetch) { return fetch.is_string && fetch.kept; });
	if (plan.source != PlanSource::kprobe || plan.place.find("sys_open") == std::string::npos || path == plan.fetches.end())
		return {};
	auto pointer = std::find_if(plan.fetches.begin(), plan.fetches.end(), [](const Fetch &fetch) { return !fetch.is_string && fetch.count == 1 && fetch.size == 8; });
	Fetch address, copy;
	address.name = "caller";
	address.register_name = filename_register;
	address.steps = {{caller_offset, false}};
	address.type = pointer == plan.fetches.end() ? "u64" : pointer->type; // as this kernel calls eight bytes
	copy.name = "path";
	copy.register_name = filename_register;
	copy.steps = {{copy_offset, false}, {0, false}};
	copy.is_string = copy.is_region = copy.kept = true;
	copy.size = path->size;
	copy.type = "string";
	copy.pointer = 0;
	Plan witness;
	witness.source = PlanSource::kprobe;
	witness.place = function;
	witness.fetches = {address, copy};
	witness.process = plan.process;
	witness.explanation = {"where a path cannot be read at the entry, the kernel's copy in do_filp_open stands in"};
	return witness;
}
