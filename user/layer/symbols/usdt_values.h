// SPDX-License-Identifier: GPL-2.0-only
// USDT arguments on their way to the program (kern/usdt.h) and back.
#pragma once

#include "layer/output/output.h"
#include "layer/result.h"
#include "layer/symbols/usdt_selection.h"
#include "usdt.h"

#include <cstdint>
#include <string>
#include <vector>

// A bit for each argument that the user calls a string: numbers from 1, USDT_STRINGS of them at most.
Result<uint32_t> usdt_string_bits(const std::vector<std::string> &numbers);

// What the program is told of a place; `strings` as above.
usdt_place usdt_place_of(const UsdtPlace &place, uint32_t strings);

// The arguments of one hit: "5, -7, \"text\"", in JSON an array; "?" and null for what could not be read.
Cell usdt_arguments_cell(const UsdtPlace &place, uint32_t strings, const usdt_event &event);
