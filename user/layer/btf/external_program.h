// SPDX-License-Identifier: GPL-2.0-only
// Another program, run to its end: make, xz, pahole.
#pragma once

#include "layer/result.h"

#include <string>
#include <vector>

// Descriptors for the program; -1: there is nothing to read, and nobody reads what it writes.
struct Streams {
	int in = -1, out = -1, err = -1;
};

// Runs `arguments`, of which the first is looked for in PATH. Errors: it is not there (code ENOENT), or its exit status
// was not 0.
Result<void> run_external(const std::vector<std::string> &arguments, const Streams &streams = {});
