// SPDX-License-Identifier: GPL-2.0-only
#include "layer/symbols/profile_stacks.h"
#include "layer/map_reader.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <tuple>

std::vector<ProfiledStack> read_profile(const bpf_map *samples, const bpf_map *stacks, StackNames &names)
{
	std::map<std::tuple<uint32_t, std::string, std::string>, ProfiledStack> merged;
	for (const auto &[key, count] : map_entries<profile_key, uint64_t>(samples)) {
		auto frames = names.frames(stacks, static_cast<int>(key.pid), key.user_stack, key.kernel_stack);
		std::string comm(key.comm, strnlen(key.comm, sizeof(key.comm)));
		ProfiledStack one{key.pid, comm, {std::move(frames), count}};
		auto [at, first] = merged.try_emplace({one.pid, one.comm, stack_cell(one.stack.frames).text}, one);
		if (!first)
			at->second.stack.count += count;
	}
	std::vector<ProfiledStack> found;
	for (auto &[key, one] : merged)
		found.push_back(std::move(one));
	std::stable_sort(found.begin(), found.end(), [](const ProfiledStack &a, const ProfiledStack &b) {
		return a.stack.count < b.stack.count;
	});
	return found;
}

Cell stack_cell(const std::vector<StackFrame> &frames)
{
	std::string text, json;
	for (const StackFrame &frame : frames) {
		text += (text.empty() ? "" : ";") + printable(frame.name);
		json += (json.empty() ? "" : ",") + json_string(frame.name);
	}
	return {text, "[" + json + "]"};
}
