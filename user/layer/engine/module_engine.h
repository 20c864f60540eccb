// SPDX-License-Identifier: GPL-2.0-only
// The module engine: bpf(2) and attaching by ioctl on /dev/anyprobe, which anyprobe.ko answers (kmod/).
#pragma once

#include "layer/engine/engine.h"

// Error: the module is not loaded, speaks another protocol, or there is no privilege to use it.
Result<std::unique_ptr<Engine>> open_module_engine();
