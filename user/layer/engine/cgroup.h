// SPDX-License-Identifier: GPL-2.0-only
// Control groups (v2) as programs see them: by number.
#pragma once

#include "layer/result.h"

#include <cstdint>
#include <string>

// Where the v2 hierarchy is mounted; "" if it is not. Source: /proc/self/mounts.
std::string find_cgroup_root();
// What bpf_get_current_cgroup_id() gives in the cgroup of this folder.
Result<uint64_t> cgroup_id(const std::string &folder);
