// SPDX-License-Identifier: GPL-2.0-only
// From the clock that BPF programs read to the time of day.
#pragma once

#include "layer/output/output.h"

#include <cstdint>

inline constexpr Column time_column = {"TIME", -12, "when it happened: local time; in JSON UTC with microseconds"};

// CLOCK_MONOTONIC, in ns: what bpf_ktime_get_ns answers.
uint64_t monotonic_ns();

// "14:03:07.123" in the table, "2024-05-06T12:03:07.123456Z" in JSON; `time` as monotonic_ns().
Cell time_cell(uint64_t time);
