// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include "layer/output/output.h"

// open(2)'s flags by name without "O_" ("RDONLY|CLOEXEC"); bits without a name in hex. JSON: the number.
Cell open_flags(unsigned flags);
