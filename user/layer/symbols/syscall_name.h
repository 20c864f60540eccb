// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <string>

// "openat" for this architecture's number of it; "syscall_999" for a number without a name.
std::string syscall_name(unsigned number);
