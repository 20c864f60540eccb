// SPDX-License-Identifier: GPL-2.0-only
#include "layer/symbols/probed_functions.h"
#include "layer/symbols/binary_path.h"
#include "layer/symbols/demangle.h"

#include <algorithm>
#include <fmt/format.h>

namespace {

constexpr uint64_t page_mask = 0xfff; // a program is mapped by pages, so these bits of an address are its file's

} // namespace

Result<ProbedFunctions> ProbedFunctions::find(const std::string &words, int pid, bool at_return)
{
	ProbedFunctions result;
	result.pid_ = pid;
	size_t colon = words.find(':');
	Result<void> found = colon == words.npos
				     ? result.find_in_kernel(words)
				     : result.find_in_program(words.substr(0, colon), words.substr(colon + 1), at_return);
	if (!found)
		return found.error();
	return result;
}

Result<void> ProbedFunctions::find_in_kernel(const std::string &pattern)
{
	auto found = KernelFunctions::find(pattern);
	if (found) {
		names_ = found->names();
		kernel_ = std::move(*found);
		return {};
	}
	// Hidden symbols hide patterns' meaning; a plain name the kernel itself can look up.
	if (found.error().code == ENOENT || pattern.find_first_of("*?[") != pattern.npos)
		return found.error();
	names_.push_back(pattern);
	return {};
}

Result<void> ProbedFunctions::find_in_program(const std::string &binary, const std::string &pattern, bool at_return)
{
	auto path = find_binary(binary, pid_);
	if (!path)
		return path.error();
	auto file = ElfFile::open(*path);
	if (!file)
		return file.error();
	path_ = *path;
	if (pattern.find_first_of("*?[") == pattern.npos) {
		auto one = file->function(pattern);
		if (!one)
			return one.error();
		functions_.push_back(*one);
	} else {
		functions_ = file->functions(pattern);
	}
	if (functions_.empty())
		return Error{fmt::format("no function of {} matches {}", path_, pattern), ENOENT};
	std::string resolver = functions_[0].name;
	std::erase_if(functions_, [](const ElfFunction &function) { return function.is_ifunc; });
	if (functions_.empty())
		return Error{fmt::format("{} of {} is chosen at run time among several functions: name one of these, "
					 "for example with a pattern (*{}*)",
					 resolver, path_, resolver),
			     ENOTSUP};
	if (at_return && file->is_go())
		return Error{fmt::format("{} is a Go program: Go moves stacks, and a probe at a return would break it", path_),
			     ENOTSUP};
	return {};
}

std::vector<Hook> ProbedFunctions::hooks(HookKind kind) const
{
	std::vector<Hook> hooks;
	Hook hook;
	hook.kind = kind;
	for (const std::string &name : names_) {
		hook.target = name;
		hooks.push_back(hook);
	}
	hook.target = path_;
	hook.pid = pid_ ? pid_ : -1;
	for (const ElfFunction &function : functions_) {
		hook.offset = function.file_offset;
		hooks.push_back(hook);
	}
	return hooks;
}

std::string ProbedFunctions::name_at(int pid, uint64_t address)
{
	if (!is_in_program())
		return kernel_ ? kernel_->name_at(address) : names_[0];
	const ElfFunction *only = nullptr;
	for (const ElfFunction &function : functions_) {
		if ((function.file_offset ^ address) & page_mask)
			continue;
		if (only) // two candidates: the process's map decides, if it is still there
			return processes_.find(pid, address).name;
		only = &function;
	}
	return only ? demangle(only->name) : fmt::format("{:#x}", address);
}
