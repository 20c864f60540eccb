// SPDX-License-Identifier: GPL-2.0-only
#include "layer/btf_view.h"
#include "layer/unique_fd.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>

namespace {

// Bytes behind a type's first twelve. Negative: a kind that is not known here. Source: the kernel's Documentation/bpf/btf.rst.
long bytes_behind(const btf_type *type)
{
	switch (btf_kind(type)) {
	case BTF_KIND_FWD:
	case BTF_KIND_CONST:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_RESTRICT:
	case BTF_KIND_PTR:
	case BTF_KIND_TYPEDEF:
	case BTF_KIND_FUNC:
	case BTF_KIND_FLOAT:
	case BTF_KIND_TYPE_TAG:
		return 0;
	case BTF_KIND_INT:
		return sizeof(__u32);
	case BTF_KIND_ENUM:
		return btf_vlen(type) * sizeof(struct btf_enum);
	case BTF_KIND_ENUM64:
		return btf_vlen(type) * sizeof(struct btf_enum64);
	case BTF_KIND_ARRAY:
		return sizeof(struct btf_array);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return btf_vlen(type) * sizeof(struct btf_member);
	case BTF_KIND_FUNC_PROTO:
		return btf_vlen(type) * sizeof(struct btf_param);
	case BTF_KIND_VAR:
		return sizeof(struct btf_var);
	case BTF_KIND_DATASEC:
		return btf_vlen(type) * sizeof(struct btf_var_secinfo);
	case BTF_KIND_DECL_TAG:
		return sizeof(struct btf_decl_tag);
	default:
		return -1;
	}
}

Error damaged(const char *what)
{
	return {fmt::format("btf: failed to read types: {}", what), EINVAL};
}

} // namespace

Result<BtfView> BtfView::over(std::span<const char> bytes)
{
	static const btf_type no_type{};
	btf_header header;
	if (bytes.size() < sizeof(header))
		return damaged("no header");
	memcpy(&header, bytes.data(), sizeof(header));
	if (header.magic != BTF_MAGIC || header.hdr_len < sizeof(header) || header.hdr_len > bytes.size())
		return damaged("no BTF of this machine's byte order");
	auto body = bytes.subspan(header.hdr_len);
	auto lies_inside = [&body](__u32 at, __u32 size) { return at <= body.size() && size <= body.size() - at; };
	if (!lies_inside(header.type_off, header.type_len) || !lies_inside(header.str_off, header.str_len) || header.type_off % 4)
		return damaged("cut off");

	BtfView view;
	view.strings_ = body.subspan(header.str_off, header.str_len);
	if (view.strings_.empty() || view.strings_.back() != '\0')
		return damaged("strings without an end");
	auto types = body.subspan(header.type_off, header.type_len);
	view.types_.reserve(types.size() / 32); // of kernels, one type takes that much
	view.types_.push_back(&no_type);
	while (types.size() >= sizeof(btf_type)) {
		auto *type = reinterpret_cast<const btf_type *>(types.data());
		long more = bytes_behind(type);
		if (more < 0)
			return damaged("a kind of type that is newer than this program");
		if (static_cast<size_t>(more) > types.size() - sizeof(*type))
			return damaged("cut off");
		view.types_.push_back(type);
		types = types.subspan(sizeof(*type) + static_cast<size_t>(more));
	}
	if (!types.empty())
		return damaged("cut off");
	return view;
}

Result<BtfView> btf_view(const btf *types)
{
	__u32 size;
	auto *data = static_cast<const char *>(btf__raw_data(types, &size));
	if (!data)
		return errno_error("btf: failed to lay out types");
	return BtfView::over({data, size});
}

Result<FileBytes> FileBytes::open(const std::string &path)
{
	UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
	struct stat status;
	if (!file || fstat(file.get(), &status) != 0)
		return errno_error("failed to open " + path);
	FileBytes result;
	size_t size = static_cast<size_t>(status.st_size);
	if (!size)
		return result;
	result.size_ = size;
	void *memory = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
	if (memory != MAP_FAILED) {
		result.memory_ = memory;
		return result;
	}
	// sysfs gives a page at a time. All of the memory at once costs the kernel less than one page after another.
	memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (memory == MAP_FAILED)
		return errno_error("failed to find memory for " + path);
	result.memory_ = memory;
	size_t got = 0;
	for (ssize_t more; got < size; got += static_cast<size_t>(more)) {
		more = read(file.get(), static_cast<char *>(memory) + got, size - got);
		if (more <= 0)
			return Error{fmt::format("failed to read {}: {}", path, more ? strerror(errno) : "it ends too soon"), EIO};
	}
	return result;
}

FileBytes::~FileBytes()
{
	if (memory_)
		munmap(memory_, size_);
}
