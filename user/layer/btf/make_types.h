// SPDX-License-Identifier: GPL-2.0-only
// A kernel's types out of its headers, for kernels that carry none.
#pragma once

#include "layer/result.h"

#include <string>

// Compiles one file that includes the headers of what the samples read, as a kernel module would be compiled
// against `headers` (/lib/modules/RELEASE/build), and returns the BTF of it. By gcc -gbtf (gcc 12), else by pahole
// from DWARF. $CC overrules the compiler. What is private to the kernel's own .c files is not in it.
Result<std::string> make_types(const std::string &headers);
