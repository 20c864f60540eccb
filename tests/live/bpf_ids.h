// SPDX-License-Identifier: GPL-2.0-only
// What is loaded and attached on this machine, by asking the kernel directly.
#pragma once

#include <string>

// How many BPF programs of this name (15 characters at most) the kernel holds.
int programs_named(const std::string &name);

// The probes in tracefs: the lines of kprobe_events and uprobe_events; "" where there is no tracefs.
std::string traced_probes();
