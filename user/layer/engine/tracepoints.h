// SPDX-License-Identifier: GPL-2.0-only
// The tracepoints of this kernel, by what its tracing files say. The files are opened when they are first asked for.
#pragma once

#include "layer/engine/tracefs.h"

#include <optional>

class Tracepoints {
	std::optional<Tracefs> files_;

	Result<Tracefs *> files();

public:
	// The number of "category/event" for perf_event_open. Error code ENOENT: none such.
	Result<int> id(const std::string &name);
	// An error names what the kernel lacks.
	Result<void> need(const std::string &name);
};
