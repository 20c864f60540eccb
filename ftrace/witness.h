// SPDX-License-Identifier: GPL-2.0-only
// Witnesses: a path whose page is not in memory when a system call begins (a constant of a program that has just started)
// cannot be fetched there. The kernel's own copy of it can, further inside of the call.
#pragma once

#include "ftrace/plan.h"

#include <optional>

// The plan of an event that keeps what this plan's event may be unable to read. None: nothing to keep, or no such place.
std::optional<Plan> witness_of(const Plan &plan);
