// SPDX-License-Identifier: GPL-2.0-only
// BTF read where it lies. libbpf copies all of it twice, five megabytes that the kernel must first find
// memory for: ten times as long as looking at each type once.
#pragma once

#include "layer/result.h"

#include <bpf/btf.h>
#include <linux/btf.h>
#include <span>
#include <string>
#include <utility>
#include <vector>

// Valid as long as the bytes are that it was made over. Ids are BTF's: 0 is void, types count from 1.
class BtfView {
	std::vector<const btf_type *> types_;
	std::span<const char> strings_;

public:
	// The whole of a BTF, this machine's byte order. An error if anything of it lies outside.
	static Result<BtfView> over(std::span<const char> bytes);

	__u32 type_count() const { return static_cast<__u32>(types_.size()); }
	// void for an id that is none.
	const btf_type *type(__u32 id) const { return types_[id < types_.size() ? id : 0]; }
	// "" for an offset that is none.
	const char *name(__u32 offset) const { return offset < strings_.size() ? &strings_[offset] : ""; }
};

// Over libbpf's own, which may lay it out anew for that; as long as `types` does not change.
Result<BtfView> btf_view(const btf *types);

// A file's bytes: mapped where the file can be (the kernel's own BTF since 6.16), else read.
class FileBytes {
	void *memory_ = nullptr;
	size_t size_ = 0;

public:
	static Result<FileBytes> open(const std::string &path);
	FileBytes() = default;
	FileBytes(FileBytes &&other) noexcept
		: memory_(std::exchange(other.memory_, nullptr)), size_(std::exchange(other.size_, 0))
	{
	}
	FileBytes &operator=(FileBytes &&) = delete;
	~FileBytes();
	std::span<const char> bytes() const { return {static_cast<const char *>(memory_), size_}; }
};
