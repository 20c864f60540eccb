// SPDX-License-Identifier: GPL-2.0-only
// A file without a name: the descriptor that stands for a map or program of this process, and the memory behind it.
#pragma once

#include "layer/unique_fd.h"

#include <cstddef>
#include <cstdint>
#include <sys/types.h>
#include <utility>

// A memfd (3.17), or before that a file in /dev/shm that has lost its name. None: errno says why.
UniqueFd anonymous_file(const char *name, size_t size);

// By this one knows a file again through any of its descriptors, dup'ed or not; 0: not a descriptor.
ino_t inode_of(int fd);

// A shared mapping that ends with this object.
class Mapping {
	void *start_ = nullptr;
	size_t size_ = 0;

	Mapping(void *start, size_t size) : start_(start), size_(size) {}

public:
	Mapping() = default;
	Mapping(Mapping &&other) noexcept
		: start_(std::exchange(other.start_, nullptr)), size_(std::exchange(other.size_, 0))
	{
	}
	Mapping &operator=(Mapping &&other) noexcept
	{
		std::swap(start_, other.start_);
		std::swap(size_, other.size_);
		return *this;
	}
	~Mapping();

	// None: errno says why.
	static Mapping of(int fd, size_t size);
	// Takes over a mapping that has been made already.
	static Mapping own(void *start, size_t size) { return {start, size}; }

	explicit operator bool() const { return start_; }
	char *start() const { return static_cast<char *>(start_); }
	size_t size() const { return size_; }
};

size_t page_size();

// Maps `head` bytes from `offset` on and the `data` bytes behind them twice in a row, so that what runs over the end of
// a ring's data goes on at its start. MAP_FAILED with errno, as mmap(2).
void *map_ring(int fd, off_t offset, size_t head, size_t data, int protection);
