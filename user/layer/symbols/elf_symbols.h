// SPDX-License-Identifier: GPL-2.0-only
// Reads the functions out of an open ELF file's symbol tables, and finds its separate debug file.
#pragma once

#include <string>

#include "layer/symbols/elf_reader.h"
#include "layer/symbols/symbol_table.h"

// Adds the functions of the table of type SHT_SYMTAB or SHT_DYNSYM (with their versions); returns how many.
size_t add_elf_symbols(const ElfReader &file, uint32_t table, SymbolTable &symbols);

// The debug file that belongs to `file`: by build id, else by .gnu_debuglink, first below `root`, then on the machine
// itself. Build id or checksum must agree. Empty where there is none.
std::string find_debug_file(const ElfReader &file, const std::string &root);

// Value of any defined symbol, data too, from .symtab and .dynsym.
std::optional<uint64_t> find_symbol_value(const ElfReader &file, std::string_view name);
