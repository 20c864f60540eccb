// SPDX-License-Identifier: GPL-2.0-only
#include "ftrace/semaphores.h"
#include "layer/engine/explain.h"
#include "layer/unique_fd.h"

#include <cstdio>
#include <cstdlib>
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

namespace {

// Where a writable mapping of the file holds this byte; 0: nowhere.
uint64_t find_address(int pid, const struct stat &file, uint64_t offset)
{
	FILE *maps = fopen(fmt::format("/proc/{}/maps", pid).c_str(), "re");
	char line[4352];
	uint64_t found = 0;
	while (maps && !found && fgets(line, sizeof(line), maps)) {
		unsigned long start, end, at, inode;
		unsigned device_major, device_minor;
		char rights[8];
		if (sscanf(line, "%lx-%lx %7s %lx %x:%x %lu", &start, &end, rights, &at, &device_major, &device_minor, &inode) != 7)
			continue;
		if (inode == file.st_ino && makedev(device_major, device_minor) == file.st_dev && rights[1] == 'w' &&
		    offset >= at && offset - at < end - start)
			found = start + (offset - at);
	}
	if (maps)
		fclose(maps);
	return found;
}

bool change(int pid, uint64_t address, int by)
{
	UniqueFd memory(open(fmt::format("/proc/{}/mem", pid).c_str(), O_RDWR | O_CLOEXEC));
	uint16_t count;
	off_t at = static_cast<off_t>(address);
	if (!memory || pread(memory.get(), &count, sizeof(count), at) != sizeof(count))
		return false;
	count = static_cast<uint16_t>(count + by);
	return pwrite(memory.get(), &count, sizeof(count), at) == sizeof(count);
}

std::vector<int> processes()
{
	std::vector<int> pids;
	DIR *entries = opendir("/proc");
	while (dirent *entry = entries ? readdir(entries) : nullptr)
		if (int pid = atoi(entry->d_name))
			pids.push_back(pid);
	if (entries)
		closedir(entries);
	return pids;
}

} // namespace

Semaphores Semaphores::raise(const std::string &path, uint64_t offset, int pid)
{
	Semaphores semaphores;
	struct stat file;
	if (stat(path.c_str(), &file) != 0)
		return semaphores;
	for (int each : pid >= 0 ? std::vector<int>{pid} : processes()) {
		uint64_t address = find_address(each, file, offset);
		if (!address || !change(each, address, 1))
			continue;
		explain(fmt::format("raised the counter at {:#x} in process {}", address, each));
		semaphores.raised_.push_back({each, address});
	}
	return semaphores;
}

Semaphores::~Semaphores()
{
	for (const Raised &one : raised_)
		change(one.pid, one.address, -1);
}
