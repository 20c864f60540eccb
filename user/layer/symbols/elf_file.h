// SPDX-License-Identifier: GPL-2.0-only
// The functions of a program or library: by name for who wants to probe them, by address for who saw them run.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "layer/result.h"
#include "layer/symbols/elf_reader.h"
#include "layer/symbols/symbol_table.h"

struct ElfFunction {
	std::string name;	  // as in the file, mangled; demangle() makes it readable
	std::string version;	  // "GLIBC_2.2.5" where the library has versions, else empty
	uint64_t address = 0;	  // vaddr, as linked
	uint64_t file_offset = 0; // what a uprobe wants
	uint64_t size = 0;	  // bytes; 0: unknown
	bool is_go = false;	  // Go moves stacks: a uretprobe on it crashes the program
	bool is_ifunc = false;	  // the address is that of the resolver, which runs once, not of the function
};

struct ElfSymbol {
	std::string name;    // mangled
	uint64_t offset = 0; // from the function's start
};

class ElfFile
{
	std::string path_, root_, build_id_, debug_path_;
	std::vector<ElfSegment> segments_;
	uint16_t machine_ = 0;
	bool is_64bit_ = true, is_go_ = false;
	std::unique_ptr<ElfReader> reader_; // until the symbols have been read
	SymbolTable symbols_;

	const SymbolTable &symbols();
	void load_symbols(const ElfReader &reader);
	ElfFunction describe(const SymbolTable::Symbol &symbol) const;
	std::vector<const SymbolTable::Symbol *> matches(std::string_view pattern);

      public:
	// Opens `path`; `root` is prefixed to the places where separate debug files are looked for (a process's
	// /proc/PID/root), and the machine's own places are tried after those. Symbols are read at the first question.
	// Errors: those of ElfReader::open().
	static Result<ElfFile> open(const std::string &path, const std::string &root = "");
	static Result<ElfFile> open(ElfReader reader, const std::string &root = "");

	// The function that holds `address` (vaddr, as linked); none where no symbol covers it.
	std::optional<ElfSymbol> find(uint64_t address);

	// One function: `name` as in the file ("_Zfoo", "main.main"), with a version ("memcpy@GLIBC_2.2.5", "@@" for
	// the default), or readable ("ns::f(int)", "ns::f"), or a shell pattern. Tried in this order; the default
	// version wins. Errors: none found (says so when the file is stripped), several functions match (names the
	// first few).
	Result<ElfFunction> function(std::string_view name);

	// All functions that `pattern` matches in any of these ways, by address, one per address; may be empty.
	std::vector<ElfFunction> functions(std::string_view pattern);

	std::optional<uint64_t> file_offset(uint64_t address) const { return file_offset_of(segments_, address); }
	std::optional<uint64_t> address(uint64_t file_offset) const { return ::address_of(segments_, file_offset); }

	const std::string &path() const { return path_; }
	const std::string &build_id() const { return build_id_; }     // lower-case hex, or empty
	const std::string &debug_path() const { return debug_path_; } // separate debug file in use, or empty
	uint16_t machine() const { return machine_; }
	bool is_64bit() const { return is_64bit_; }
	bool is_go() const { return is_go_; }
	size_t memory() const { return symbols_.memory(); } // bytes held for symbols
};
