// SPDX-License-Identifier: GPL-2.0-only
#include "layer/symbols/stack_names.h"

#include <algorithm>
#include <bpf/bpf.h>

StackFrame StackNames::kernel_frame(uint64_t address)
{
	if (!kernel_tried_) {
		kernel_tried_ = true;
		auto loaded = KernelSymbols::load();
		if (loaded)
			kernel_ = std::move(*loaded);
		else
			problem_ = loaded.error().message;
	}
	auto symbol = kernel_ ? kernel_->find(address) : std::nullopt;
	return {symbol ? symbol->name : "[unknown]", FrameKind::kernel};
}

StackFrame StackNames::user_frame(int pid, uint64_t address)
{
	UserSymbol symbol = processes_.find(pid, address);
	if (symbol.is_known)
		return {symbol.name, symbol.module == "[jit]" ? FrameKind::jit : FrameKind::user};
	if (symbol.module.empty() || symbol.module[0] == '[')
		return {symbol.module.empty() ? "[unknown]" : symbol.module, FrameKind::unknown};
	return {"[" + symbol.module.substr(symbol.module.rfind('/') + 1) + "]", FrameKind::user};
}

std::vector<StackFrame> StackNames::frames(const bpf_map *map, int pid, int user_stack, int kernel_stack)
{
	std::vector<StackFrame> frames;
	std::vector<uint64_t> addresses(bpf_map__value_size(map) / sizeof(uint64_t));
	for (int stack : {kernel_stack, user_stack}) {
		if (stack < 0 || bpf_map_lookup_elem(bpf_map__fd(map), &stack, addresses.data()) != 0)
			continue;
		for (size_t i = 0; i < addresses.size() && addresses[i]; i++) {
			// A caller's address is where it goes on after the call, which may be another function's start.
			uint64_t address = addresses[i] - (i ? 1 : 0);
			frames.push_back(stack == kernel_stack ? kernel_frame(address) : user_frame(pid, address));
		}
	}
	std::reverse(frames.begin(), frames.end());
	return frames;
}
