// SPDX-License-Identifier: GPL-2.0-only
// Constants for kernels without global data (before 5.2): what a program reads of .rodata is written into its
// instructions, branches that are then decided go, and so does what nothing leads to any more (such a kernel's
// verifier refuses dead code, and looks at helpers that it lacks even where no run can get to them).
#pragma once

#include "layer/result.h"

#include <functional>
#include <linux/bpf.h>
#include <span>
#include <vector>

// The bytes of a map whose value never changes, by the descriptor that an instruction names; nullptr: it may change.
using ConstantsOf = std::function<const std::vector<unsigned char> *(int map_fd)>;

// `program` is as libbpf hands it to BPF_PROG_LOAD: relocated, maps by descriptor. The result does the same and has no
// address of a map's value in it. An error names the instruction that needs one: it writes a variable, or gives a
// constant's address away. Instructions move: what is known by their number (func_info, line_info) no longer fits.
Result<std::vector<bpf_insn>> fold_constants(std::span<const bpf_insn> program, const ConstantsOf &constants);

// Does it have the address of a map's value in it?
bool reads_global_data(std::span<const bpf_insn> program);
