// SPDX-License-Identifier: GPL-2.0-only
// A file that the user named, written whole.
#pragma once

#include "layer/result.h"

#include <string>
#include <string_view>

// Writes `content` to `path`, in the place of what was there. Error: it cannot be opened, or not all of it be written.
Result<void> write_output_file(const std::string &path, std::string_view content);
