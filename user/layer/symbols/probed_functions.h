// SPDX-License-Identifier: GPL-2.0-only
// The functions, of the kernel or of a program, that a user's words name, and where to probe them.
#pragma once

#include "layer/engine/hook.h"
#include "layer/result.h"
#include "layer/symbols/elf_file.h"
#include "layer/symbols/kernel_functions.h"
#include "layer/symbols/process_symbols.h"

#include <optional>
#include <string>
#include <vector>

class ProbedFunctions {
	std::string path_; // of the program; empty: the kernel
	int pid_ = 0;
	std::vector<ElfFunction> functions_;  // the program's
	std::vector<std::string> names_;      // the kernel's
	std::optional<KernelFunctions> kernel_;
	ProcessSymbols processes_;

	Result<void> find_in_kernel(const std::string &pattern);
	Result<void> find_in_program(const std::string &binary, const std::string &pattern, bool at_return);

public:
	// `words`: "FUNCTION" of the kernel or "BINARY:FUNCTION" (find_binary() says what BINARY can be), both with shell
	// patterns. With `pid` (0: none) the program is looked for in that process, and hooks are for it alone. Errors:
	// nothing matches; with `at_return`: a Go program, whose moving stacks a return probe would break; a function of
	// which only the resolver is known (IFUNC).
	static Result<ProbedFunctions> find(const std::string &words, int pid, bool at_return);

	bool is_in_program() const { return !path_.empty(); }
	size_t size() const { return is_in_program() ? functions_.size() : names_.size(); }
	// One hook per function, of `kind` (kprobe or kretprobe for the kernel, uprobe or uretprobe for programs).
	std::vector<Hook> hooks(HookKind kind) const;
	// Name of the function that was entered at `address`, in the memory of `pid` (0: the kernel's).
	std::string name_at(int pid, uint64_t address);
};
