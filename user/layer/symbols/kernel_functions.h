// SPDX-License-Identifier: GPL-2.0-only
// The kernel functions that a pattern names and that can be probed here.
#pragma once

#include "layer/result.h"
#include "layer/symbols/kernel_symbols.h"

#include <string>
#include <vector>

class KernelFunctions {
	KernelSymbols symbols_;
	std::vector<std::string> names_;

	explicit KernelFunctions(KernelSymbols symbols) : symbols_(std::move(symbols)) {}

public:
	// Left out is what ftrace and the kprobes' blacklist say cannot be traced, where these files exist.
	// Error: no function matches, or the symbols cannot be read.
	static Result<KernelFunctions> find(const std::string &pattern);

	// Each name once.
	const std::vector<std::string> &names() const { return names_; }
	// The function that holds the address; the address in hex if none does.
	std::string name_at(uint64_t address) const;
};
