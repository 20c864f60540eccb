// SPDX-License-Identifier: GPL-2.0-only
// The kernel engine: the kernel's own bpf(2), and perf events, raw tracepoints and BPF links to attach.
#pragma once

#include "layer/engine/engine.h"

// Error: no bpf(2) here, or no privilege to use it.
Result<std::unique_ptr<Engine>> open_kernel_engine();
