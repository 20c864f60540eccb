// SPDX-License-Identifier: GPL-2.0-only
// Function names of Go programs, which keep them (.gopclntab) even when they are stripped.
#pragma once

#include "layer/symbols/elf_reader.h"
#include "layer/symbols/symbol_table.h"

// True for a program or library that Go's linker made.
bool is_go_file(const ElfReader &file);

// Adds what the table names to `symbols`, with sizes up to the next function. Knows the layouts of Go 1.2, 1.16,
// 1.18 and 1.20 and later. Returns the number added; 0 where there is no table, or one that it does not know.
size_t add_go_symbols(const ElfReader &file, SymbolTable &symbols);

// The same for a table's bytes. `text_start` replaces the start address that the table itself holds where that is 0,
// as in position-independent programs.
size_t add_go_symbols(std::string_view table, uint64_t text_start, SymbolTable &symbols);
