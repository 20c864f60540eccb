// SPDX-License-Identifier: GPL-2.0-only
// Text files of the kernel (kallsyms, maps, ...), read line by line without a copy of the whole.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "layer/result.h"

// Calls `each` with every line of `path`, without its end; the view lives until `each` returns. Lines longer than
// 64 KiB are cut. `part` starts the error message ("symbols: failed to read PATH: ...").
Result<void> read_lines(const std::string &path, const char *part, void (*each)(void *, std::string_view), void *data);

template <class Each> Result<void> for_each_line(const std::string &path, const char *part, Each each)
{
	return read_lines(
		path, part, [](void *data, std::string_view line) { (*static_cast<Each *>(data))(line); }, &each);
}

// Takes a hexadecimal number, with or without 0x, off the front of `text`; 0 where there is none.
uint64_t take_hex(std::string_view &text);
