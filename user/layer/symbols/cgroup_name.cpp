// SPDX-License-Identifier: GPL-2.0-only
#include "layer/symbols/cgroup_name.h"
#include "layer/engine/cgroup.h"

#include <dirent.h>
#include <fmt/format.h>
#include <memory>

Result<CgroupNames> CgroupNames::open()
{
	CgroupNames names;
	names.root_ = find_cgroup_root();
	if (names.root_.empty())
		return Error{"no cgroup v2 hierarchy is mounted (mount -t cgroup2 none /sys/fs/cgroup)", ENOENT};
	return names;
}

void CgroupNames::read(const std::string &path)
{
	if (auto id = cgroup_id(root_ + path))
		names_[*id] = path;
	std::unique_ptr<DIR, int (*)(DIR *)> folder(opendir((root_ + path).c_str()), closedir);
	while (const dirent *entry = folder ? readdir(folder.get()) : nullptr)
		if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
			read((path == "/" ? path : path + "/") + entry->d_name);
}

std::string CgroupNames::name(uint64_t id)
{
	if (!names_.contains(id)) // it may be new
		read("/");
	auto found = names_.find(id);
	return found == names_.end() ? fmt::format("id {}", id) : found->second;
}

Result<uint64_t> CgroupNames::id(const std::string &path) const
{
	auto below = cgroup_id(root_ + (path.starts_with('/') ? path : "/" + path));
	return below || !path.starts_with(root_) ? below : cgroup_id(path);
}
