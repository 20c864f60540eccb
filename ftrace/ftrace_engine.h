// SPDX-License-Identifier: GPL-2.0-only
// The ftrace engine: events captured with kprobe_events, uprobe_events, tracepoints and perf, programs run in this process.
#pragma once

#include "layer/engine/engine.h"

// Error: no tracefs here, or no privilege to use it.
Result<std::unique_ptr<Engine>> open_ftrace_engine();
