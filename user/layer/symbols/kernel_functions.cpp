// SPDX-License-Identifier: GPL-2.0-only
#include "layer/symbols/kernel_functions.h"
#include "layer/engine/tracefs.h"

#include <algorithm>
#include <fmt/format.h>
#include <unistd.h>

Result<KernelFunctions> KernelFunctions::find(const std::string &pattern)
{
	auto symbols = KernelSymbols::load();
	if (!symbols)
		return symbols.error();
	FunctionFilter filter;
	auto files = Tracefs::open();
	if (files && files->exists("available_filter_functions"))
		filter.traceable = files->file_path("available_filter_functions");
	constexpr const char *blacklist = "/sys/kernel/debug/kprobes/blacklist";
	if (access(blacklist, R_OK) == 0)
		filter.blacklist = blacklist;
	KernelFunctions result(std::move(*symbols));
	auto found = result.symbols_.functions(pattern, filter);
	if (!found)
		return found.error();
	for (const KernelSymbol &symbol : *found)
		result.names_.push_back(symbol.name);
	std::sort(result.names_.begin(), result.names_.end());
	result.names_.erase(std::unique(result.names_.begin(), result.names_.end()), result.names_.end());
	if (result.names_.empty())
		return Error{fmt::format("no kernel function that can be traced matches {}", pattern), ENOENT};
	return result;
}

std::string KernelFunctions::name_at(uint64_t address) const
{
	auto symbol = symbols_.find(address);
	return symbol ? symbol->name : fmt::format("{:#x}", address);
}
