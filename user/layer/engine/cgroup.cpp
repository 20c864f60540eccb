// SPDX-License-Identifier: GPL-2.0-only
#include "layer/engine/cgroup.h"

#include <array>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <mntent.h>
#include <string_view>
#include <sys/stat.h>

std::string find_cgroup_root()
{
	std::unique_ptr<FILE, int (*)(FILE *)> mounts(setmntent("/proc/self/mounts", "r"), endmntent);
	while (const mntent *mount = mounts ? getmntent(mounts.get()) : nullptr)
		if (mount->mnt_type == std::string_view("cgroup2"))
			return mount->mnt_dir;
	return "";
}

// A handle of a folder in a cgroup file system is its number. So is the inode's number, since 5.5: that has to do where
// the kernel gives no handles (CONFIG_FHANDLE).
Result<uint64_t> cgroup_id(const std::string &folder)
{
	union {
		file_handle handle;
		std::array<char, sizeof(file_handle) + sizeof(uint64_t)> room;
	} all{};
	int mount = 0;
	uint64_t id = 0;
	all.handle.handle_bytes = sizeof(id);
	if (name_to_handle_at(AT_FDCWD, folder.c_str(), &all.handle, &mount, 0) != 0) {
		struct stat status;
		if (stat(folder.c_str(), &status) != 0)
			return errno_error(folder);
		return static_cast<uint64_t>(status.st_ino);
	}
	memcpy(&id, all.handle.f_handle, sizeof(id));
	return id;
}
