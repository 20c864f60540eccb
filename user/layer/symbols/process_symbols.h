// SPDX-License-Identifier: GPL-2.0-only
// Names for the addresses that processes run at.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "layer/symbols/elf_file.h"
#include "layer/symbols/process_maps.h"
#include "layer/symbols/symbol_table.h"

struct UserSymbol {
	std::string name;    // demangled; "[unknown]" where nothing is known
	std::string module;  // path as the process sees it, "[vdso]", "[jit]"; empty: in no map
	uint64_t offset = 0; // from the symbol's start; without a symbol from the module's (address as linked)
	bool is_known = false;
};

// Asks /proc when it is first asked about a process, and again for an address that is in none of the known maps (a
// library loaded since, code compiled since). A process that has ended keeps the maps it was last seen with.
// Symbol tables of files are read once, however many processes map them.
class ProcessSymbols
{
	struct Process {
		std::vector<ProcessMap> maps;
		SymbolTable jit;	 // of /tmp/perf-PID.map
		uint64_t start_time = 0; // tells a pid that was used again
		uint64_t jit_size = 0;	 // of the file when it was last read
		uint64_t asked = 0;	 // ms of CLOCK_MONOTONIC, when maps were last read
		bool is_gone = false;
	};
	using FileKey = std::tuple<uint64_t, uint64_t, uint64_t>; // device, inode, time of change

	std::map<int, Process> processes_;
	std::map<FileKey, std::unique_ptr<ElfFile>> files_;	// null: cannot be read
	std::map<std::tuple<int, uint64_t>, ElfFile *> by_map_; // pid and start of map
	std::unique_ptr<ElfFile> vdso_;
	bool vdso_tried_ = false;

	Process &process(int pid);
	void refresh(int pid, Process &process);
	void read_jit(int pid, Process &process);
	const ProcessMap *map_of(int pid, Process &process, uint64_t address);
	ElfFile *file_of(int pid, const ProcessMap &map);
	ElfFile *open_file(int pid, const ProcessMap &map);
	ElfFile *vdso();

      public:
	// The symbol at `address` of process `pid` (as this process sees it). Never fails: what is not known is said
	// so.
	UserSymbol find(int pid, uint64_t address);

	// Remembers the maps of `pid` now, for addresses that are asked about after its end. Cheap when it is known.
	void remember(int pid) { process(pid); }
	// The process has ended or become another program: the next question asks /proc anew.
	void forget(int pid);
};
