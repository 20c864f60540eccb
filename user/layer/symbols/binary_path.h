// SPDX-License-Identifier: GPL-2.0-only
// The file that is meant by what a user types for a program or library.
#pragma once

#include <string>
#include <vector>

#include "layer/result.h"

// `name` is a path ("./a.out", "/usr/bin/ls"), the name of a program in $PATH ("bash"), or of a library ("c", "libc",
// "libc.so.6", "pthread"), looked for in this order; libraries as the dynamic linker does: ld.so.cache, then the
// standard folders. With `pid` (0: none) the files that the process has mapped come first, and paths are taken as that
// process sees them. Returns a path that this process can open. Error: nothing found (ENOENT), no such process.
Result<std::string> find_binary(const std::string &name, int pid = 0);

// Does `file` ("libc.so.6", "libc-2.31.so") belong to the library called `name` ("c", "libc", "libc.so")?
bool is_library_name(const std::string &file, const std::string &name);

// The libraries for this machine's own kind of programs that the linker's cache `path` lists, as paths, in its order;
// empty where it cannot be read. Knows the formats of glibc 2.2 and later (little and big files).
std::vector<std::string> read_library_cache(const std::string &path = "/etc/ld.so.cache");
