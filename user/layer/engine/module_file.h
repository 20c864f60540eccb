// SPDX-License-Identifier: GPL-2.0-only
// anyprobe.ko as a file: where it is for this kernel, loading and unloading it.
#pragma once

#include "layer/result.h"

#include <string>

// Is a module of that name in the kernel, whatever version?
bool module_is_loaded();
// The file for the running kernel: beside the program, or where DKMS and `make modules` put it. Error: how to get one.
Result<std::string> find_module_file();
// `file` may be "": find_module_file() then. That it is loaded already is no error.
Result<void> load_module(const std::string &file);
Result<void> unload_module();
