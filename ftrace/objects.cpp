// SPDX-License-Identifier: GPL-2.0-only
#include "ftrace/objects.h"
#include "ftrace/perf_buffer.h"

#include <cerrno>
#include <cstdlib>
#include <dirent.h>
#include <set>
#include <sys/mman.h>

Objects::Objects() = default;
Objects::~Objects() = default;

MapObject *Objects::map(int fd)
{
	auto at = maps_.find(inode_of(fd));
	return at == maps_.end() ? nullptr : at->second.get();
}

ProgramObject *Objects::program(int fd)
{
	auto at = programs_.find(inode_of(fd));
	return at == programs_.end() ? nullptr : at->second.get();
}

PerfBuffer *Objects::perf_buffer(int fd)
{
	auto at = perf_buffers_.find(inode_of(fd));
	return at == perf_buffers_.end() ? nullptr : at->second.get();
}

bool Objects::owns(int fd)
{
	return map(fd) || perf_buffer(fd) || program(fd);
}

// The reader maps a ring buffer's first page to write its own position, and the rest to read.
void *Objects::mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset)
{
	MapObject *object = map(fd);
	if (PerfBuffer *buffer = perf_buffer(fd); buffer && !buffer->set_size(length)) {
		errno = EINVAL;
		return MAP_FAILED;
	}
	if (object && object->attr().type == VM_MAP_RINGBUF && offset == static_cast<off_t>(page_size())) {
		size_t data = object->attr().max_entries;
		if (length == page_size() + 2 * data)
			return map_ring(fd, offset, page_size(), data, protection);
	}
	return ::mmap(address, length, protection, flags, fd, offset);
}

long Objects::open_perf_buffer()
{
	UniqueFd file = anonymous_file("perf buffer", 0);
	if (!file)
		return -1;
	ino_t inode = inode_of(file.get());
	UniqueFd own(dup(file.get()));
	perf_buffers_[inode] = std::make_unique<PerfBuffer>(std::move(own));
	return file.release();
}

bool Objects::is_filling()
{
	for (const auto &[inode, buffer] : perf_buffers_)
		if (buffer->is_filling())
			return true;
	for (const auto &[inode, object] : maps_) {
		if (object->attr().type != VM_MAP_RINGBUF)
			continue;
		auto *consumer = reinterpret_cast<const uint64_t *>(object->memory.start());
		auto *producer = reinterpret_cast<const uint64_t *>(object->memory.start() + page_size());
		if (*producer - __atomic_load_n(consumer, __ATOMIC_ACQUIRE) > object->attr().max_entries / 2)
			return true;
	}
	return false;
}

std::vector<const ProgramObject *> Objects::programs() const
{
	std::set<ino_t> open;
	DIR *entries = opendir("/proc/self/fd");
	while (dirent *entry = entries ? readdir(entries) : nullptr)
		open.insert(inode_of(atoi(entry->d_name)));
	if (entries)
		closedir(entries);
	std::vector<const ProgramObject *> programs;
	for (const auto &[inode, program] : programs_)
		if (open.contains(inode))
			programs.push_back(program.get());
	return programs;
}
