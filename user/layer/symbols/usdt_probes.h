// SPDX-License-Identifier: GPL-2.0-only
// USDT probes (sys/sdt.h): nops in a program, described by notes in the section .note.stapsdt.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "layer/result.h"
#include "layer/symbols/usdt_arguments.h"

struct UsdtProbe {
	std::string provider, name;
	std::string path;	  // the file that holds it
	uint64_t address = 0;	  // vaddr of the nop, corrected for prelink
	uint64_t file_offset = 0; // the same for a uprobe
	uint64_t base = 0;	  // vaddr of .stapsdt.base when the file was linked
	// A counter that the program looks at before it prepares the arguments: whoever traces increments it. 0: none
	uint64_t semaphore_address = 0; // vaddr
	uint64_t semaphore_offset = 0;	// in the file: perf_event_attr's ref_ctr_offset
	std::string arguments;		// as in the note: "-4@%edi 8@-16(%rbp)"
};

// All probes of the file `path`, in the order of its notes; the same probe stands there once per place in the code.
// A file without probes is no error. Errors: those of ElfReader::open(), and a damaged note.
Result<std::vector<UsdtProbe>> list_usdt_probes(const std::string &path);

// The same for every file that the process has mapped executable. Files that cannot be read are passed over; an error
// means that there is no such process, or that it may not be looked at. Paths lead through /proc/PID/root.
Result<std::vector<UsdtProbe>> list_usdt_probes(int pid);

// The arguments of a probe, for the machine (EM_X86_64, EM_AARCH64) of the file. Symbols named in them are looked up
// in the probe's file. Errors name probe and argument.
Result<std::vector<UsdtArgument>> parse_usdt_arguments(const UsdtProbe &probe);
