// SPDX-License-Identifier: GPL-2.0-only
// Names of control groups, by the number that bpf_get_current_cgroup_id() gives.
#pragma once

#include "layer/result.h"

#include <cstdint>
#include <map>
#include <string>

class CgroupNames {
	std::string root_; // where the v2 hierarchy is mounted
	std::map<uint64_t, std::string> names_;

	void read(const std::string &path);

public:
	// Error: no v2 hierarchy is mounted. Source: /proc/self/mounts.
	static Result<CgroupNames> open();

	const std::string &root() const { return root_; }
	// "/system.slice/ssh.service"; "/" for the root; "id 1234" for one that is gone.
	std::string name(uint64_t id);
	// The number of the cgroup with this path, from the hierarchy's root or from /.
	Result<uint64_t> id(const std::string &path) const;
};
