// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include "layer/output/output.h"

// An argument vector: in the table as one would type it into a shell, with quotes where they are needed
// and "..." at the end if `cut`; in JSON a list of strings.
Cell command_line(std::span<const std::string_view> arguments, bool cut);
