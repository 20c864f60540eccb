// SPDX-License-Identifier: GPL-2.0-only
// The kernel's symbols, from /proc/kallsyms.
//
// Kept small, for a kernel has more than a hundred thousand of them: one buffer with the names, and one
// sorted array of eight bytes per symbol. Load it where it is first needed, not before.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "layer/result.h"

struct KernelSymbol {
	std::string name;
	std::string module;   // without brackets; empty: the kernel itself
	uint64_t address = 0; // where the symbol starts
	uint64_t offset = 0;  // from there to the address that was looked up
};

// Which of the functions that match a pattern are wanted. An empty path means: do not ask that file.
struct FunctionFilter {
	std::string traceable; // such as /sys/kernel/tracing/available_filter_functions; others are left out
	std::string blacklist; // such as /sys/kernel/debug/kprobes/blacklist; these are left out
};

class KernelSymbols
{
	struct Entry {
		uint32_t low;	 // lower half of the address; `pages_` knows the upper half
		uint32_t record; // in `records_`: type letter, two bytes of module number, name, '\0'
	};
	struct Page {
		uint32_t high; // upper half of the addresses of the entries from `first` on
		uint32_t first;
	};
	std::vector<char> records_;
	std::vector<Entry> entries_;	   // by address; aliases stay in the file's order
	std::vector<Page> pages_;	   // by address
	std::vector<std::string> modules_; // [0] is the kernel itself

	uint64_t address(size_t index) const;
	char type(const Entry &entry) const { return records_[entry.record]; }
	std::string_view name(const Entry &entry) const;
	const std::string &module(const Entry &entry) const;
	uint16_t module_number(std::string_view name);
	bool add(std::string_view line, std::vector<uint64_t> &addresses);
	void sort(std::vector<uint64_t> addresses);
	void add_matches(size_t index, std::string_view wanted, std::vector<KernelSymbol> &found) const;

      public:
	// Reads `path`. Fails where the file cannot be read, holds no symbols, or shows every address as 0, which the
	// kernel does to readers without privilege (kernel.kptr_restrict); the message says what to do then.
	static Result<KernelSymbols> load(const std::string &path = "/proc/kallsyms");

	// The symbol that holds `address`; of several at one address, the one that the kernel itself prints (the file's
	// first). None for an address outside of every symbol. kallsyms has no sizes: a symbol ends where the next one
	// starts, and after 1 MiB at most.
	std::optional<KernelSymbol> find(uint64_t address) const;

	// Address of the first symbol called `name`, function or data; none where there is no such symbol.
	std::optional<uint64_t> address_of(std::string_view name) const;

	// Functions whose name matches `pattern`, by address: a shell pattern (*, ?, [a-z]), or "MODULE:PATTERN" with
	// "vmlinux" for the kernel itself. Left out are pieces that are no function of their own (.cold, __pfx_,
	// __cfi_) and what `filter` excludes. A function that exists several times under one name is listed several
	// times. Nothing found is no error; a filter file that cannot be read is.
	Result<std::vector<KernelSymbol>> functions(std::string_view pattern, const FunctionFilter &filter = {}) const;

	size_t size() const { return entries_.size(); }
	size_t memory() const; // bytes held
};
