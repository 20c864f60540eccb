// SPDX-License-Identifier: GPL-2.0-only
// What a process has mapped, from /proc/PID/maps.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "layer/result.h"

struct ProcessMap {
	uint64_t start = 0, end = 0; // addresses; `end` is the first one behind
	uint64_t file_offset = 0;
	uint64_t inode = 0; // 0: no file
	std::string path;   // as the process sees it, without " (deleted)"; "[vdso]", "[heap]", or empty
	bool is_executable = false;
	bool is_deleted = false;
};

// One line of the file; false: it is none.
bool parse_process_map(std::string_view line, ProcessMap &map);

// All maps of `pid`, by address. Errors: no such process (ESRCH), not allowed to look at it (EACCES, EPERM).
Result<std::vector<ProcessMap>> read_process_maps(int pid);

// How this process reaches a path that `pid` sees, whatever its mount namespace.
std::string process_path(int pid, const std::string &path);
