// SPDX-License-Identifier: GPL-2.0-only
#include "ftrace/anonymous_file.h"

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

UniqueFd anonymous_file(const char *name, size_t size)
{
	UniqueFd file(memfd_create(name, MFD_CLOEXEC));
	char path[] = "/dev/shm/anyprobe-XXXXXX";
	if (!file && errno == ENOSYS) {
		file.reset(mkostemp(path, O_CLOEXEC));
		if (file)
			unlink(path);
	}
	if (file && size && ftruncate(file.get(), static_cast<off_t>(size)) != 0)
		file.reset();
	return file;
}

ino_t inode_of(int fd)
{
	struct stat status;
	return fstat(fd, &status) == 0 ? status.st_ino : 0;
}

Mapping::~Mapping()
{
	if (start_)
		munmap(start_, size_);
}

Mapping Mapping::of(int fd, size_t size)
{
	void *start = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return start == MAP_FAILED ? Mapping() : Mapping(start, size);
}

size_t page_size()
{
	static const size_t size = static_cast<size_t>(sysconf(_SC_PAGESIZE));
	return size;
}

void *map_ring(int fd, off_t offset, size_t head, size_t data, int protection)
{
	// Anonymous first: it keeps the addresses free for the two parts.
	size_t size = head + 2 * data;
	char *start = static_cast<char *>(mmap(nullptr, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	if (start == MAP_FAILED)
		return MAP_FAILED;
	constexpr int flags = MAP_SHARED | MAP_FIXED;
	off_t second = offset + static_cast<off_t>(head);
	if (mmap(start, head + data, protection, flags, fd, offset) == MAP_FAILED ||
	    mmap(start + head + data, data, protection, flags, fd, second) == MAP_FAILED) {
		int code = errno;
		munmap(start, size);
		errno = code;
		return MAP_FAILED;
	}
	return start;
}
