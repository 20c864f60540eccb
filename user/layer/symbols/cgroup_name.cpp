// SPDX-License-Identifier: GPL-2.0-only
#include "layer/symbols/cgroup_name.h"

#include <array>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <memory>
#include <mntent.h>
#include <sys/stat.h>

namespace {

// A handle of a folder in a cgroup file system is its number. (The inode's number is the same since 5.5 only.)
Result<uint64_t> id_of(const std::string &path)
{
	union {
		file_handle handle;
		std::array<char, sizeof(file_handle) + sizeof(uint64_t)> room;
	} all{};
	int mount = 0;
	uint64_t id = 0;
	all.handle.handle_bytes = sizeof(id);
	if (name_to_handle_at(AT_FDCWD, path.c_str(), &all.handle, &mount, 0) != 0)
		return errno_error(path);
	memcpy(&id, all.handle.f_handle, sizeof(id));
	return id;
}

} // namespace

Result<CgroupNames> CgroupNames::open()
{
	CgroupNames names;
	std::unique_ptr<FILE, int (*)(FILE *)> mounts(setmntent("/proc/self/mounts", "r"), endmntent);
	while (const mntent *mount = mounts ? getmntent(mounts.get()) : nullptr)
		if (mount->mnt_type == std::string_view("cgroup2"))
			names.root_ = mount->mnt_dir;
	if (names.root_.empty())
		return Error{"no cgroup v2 hierarchy is mounted (mount -t cgroup2 none /sys/fs/cgroup)", ENOENT};
	return names;
}

void CgroupNames::read(const std::string &path)
{
	if (auto id = id_of(root_ + path))
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
	auto below = id_of(root_ + (path.starts_with('/') ? path : "/" + path));
	return below || !path.starts_with(root_) ? below : id_of(path);
}
