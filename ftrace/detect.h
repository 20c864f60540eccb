// SPDX-License-Identifier: GPL-2.0-only
// What this kernel's probe events can do, found by defining one of each kind.
#pragma once

#include "ftrace/kernel.h"
#include "ftrace/probes.h"

#include <cstdint>
#include <map>

// `probes` is the caller's, and lives as long as the result.
Kernel detect_kernel(Probes &probes);

// For each online CPU the address of its pointer to the running task. Error: this kernel does not tell.
Result<std::map<uint32_t, uint64_t>> find_current(Probes &probes, const std::vector<uint32_t> &cpus);

// Where the symbol of the running task is in the per-CPU area; 0: not known.
uint64_t current_symbol();
