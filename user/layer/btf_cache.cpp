// SPDX-License-Identifier: GPL-2.0-only
#include "layer/btf_cache.h"
#include "layer/engine/explain.h"
#include "layer/sample.h"
#include "layer/unique_fd.h"

#include <algorithm>
#include <bpf/libbpf.h>
#include <cstdio>
#include <cstdlib>
#include <dirent.h>
#include <elf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <link.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/utsname.h>

namespace {

constexpr const char *directory = "/var/cache/anyprobe";
constexpr const char *kernel_types = "/sys/kernel/btf/vmlinux";
constexpr size_t cuts_kept = 4; // of one kernel: each build of this program makes its own

// The build id of this very program, from its own mapped headers.
std::string own_build_id()
{
	auto *header = reinterpret_cast<const ElfW(Phdr) *>(getauxval(AT_PHDR));
	unsigned long count = getauxval(AT_PHNUM);
	// Linked as PIE, the addresses count from where the kernel put the program.
	uintptr_t bias = 0;
	for (unsigned long i = 0; header && i < count; i++)
		if (header[i].p_type == PT_PHDR)
			bias = reinterpret_cast<uintptr_t>(header) - header[i].p_vaddr;
	for (unsigned long i = 0; header && i < count; i++) {
		if (header[i].p_type != PT_NOTE)
			continue;
		auto id = build_id_of_notes({reinterpret_cast<const char *>(bias + header[i].p_vaddr), header[i].p_memsz});
		if (!id.empty())
			return id;
	}
	return "";
}

std::string kernel_identity()
{
	UniqueFd file(open("/sys/kernel/notes", O_RDONLY | O_CLOEXEC));
	char notes[4096];
	ssize_t size = file ? read(file.get(), notes, sizeof(notes)) : -1;
	struct stat types;
	utsname name;
	if (size <= 0 || stat(kernel_types, &types) != 0 || uname(&name) != 0)
		return "";
	auto id = build_id_of_notes({notes, static_cast<size_t>(size)});
	return id.empty() ? "" : fmt::format("{}-{}-{}", name.release, id, types.st_size);
}

// Only root may have written it: what it says ends up in programs that the kernel runs.
bool is_roots_own(const struct stat &status)
{
	return status.st_uid == 0 && !(status.st_mode & (S_IWGRP | S_IWOTH));
}

bool is_trusted(const std::string &path)
{
	struct stat above, file;
	return lstat(path.substr(0, path.rfind('/')).c_str(), &above) == 0 && S_ISDIR(above.st_mode) && is_roots_own(above) &&
	       lstat(path.c_str(), &file) == 0 && S_ISREG(file.st_mode) && is_roots_own(file) && file.st_size > 0;
}

Result<void> write_file(const std::string &path, const void *data, size_t size)
{
	std::string temporary = path + ".XXXXXX";
	UniqueFd file(mkostemp(temporary.data(), O_CLOEXEC));
	if (!file)
		return errno_error("btf: failed to create " + temporary);
	if (write(file.get(), data, size) == static_cast<ssize_t>(size) && fchmod(file.get(), 0644) == 0 &&
	    rename(temporary.c_str(), path.c_str()) == 0)
		return {};
	Error error = errno_error("btf: failed to write " + path);
	unlink(temporary.c_str());
	return error;
}

Result<void> make(const std::string &path)
{
	if (geteuid() != 0)
		return Error{"btf: only root's own cache is believed", EPERM};
	auto file = FileBytes::open(kernel_types);
	if (!file)
		return file.error();
	auto kernel = BtfView::over(file->bytes());
	if (!kernel)
		return kernel.error();
	auto cut = cut_for_all_samples(*kernel);
	if (!cut)
		return cut.error();
	__u32 size;
	const void *data = btf__raw_data(cut->get(), &size);
	if (!data)
		return errno_error("btf: failed to lay out the cut BTF");
	mkdir("/var/cache", 0755);
	mkdir(directory, 0755);
	return write_file(path, data, size);
}

} // namespace

Result<BtfPtr> cut_for_all_samples(const BtfView &kernel)
{
	std::vector<std::unique_ptr<Sample>> samples;
	std::vector<const btf *> objects;
	for (const SampleEntry *entry = SampleEntry::first; entry; entry = entry->next) {
		samples.push_back(entry->create());
		LIBBPF_OPTS(bpf_object_open_opts, opts);
		auto object = samples.back()->open(opts);
		if (!object)
			return object.error();
		if (const btf *types = *object ? bpf_object__btf(*object) : nullptr)
			objects.push_back(types);
	}
	return cut_btf(kernel, objects);
}

void drop_old_files(const std::string &folder, const std::string &prefix, size_t kept)
{
	std::vector<std::pair<timespec, std::string>> files;
	DIR *entries = opendir(folder.c_str());
	if (!entries)
		return;
	while (const dirent *entry = readdir(entries)) {
		std::string path = folder + "/" + entry->d_name;
		struct stat status;
		if (path.starts_with(folder + "/" + prefix) && lstat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode))
			files.emplace_back(status.st_mtim, path);
	}
	closedir(entries);
	std::sort(files.begin(), files.end(), [](const auto &a, const auto &b) {
		return std::pair(a.first.tv_sec, a.first.tv_nsec) > std::pair(b.first.tv_sec, b.first.tv_nsec);
	});
	for (size_t i = kept; i < files.size(); i++)
		unlink(files[i].second.c_str());
}

std::string build_id_of_notes(std::string_view notes)
{
	auto padded = [](size_t size) { return (size + 3) / 4 * 4; };
	while (notes.size() >= sizeof(ElfW(Nhdr))) {
		ElfW(Nhdr) header;
		memcpy(&header, notes.data(), sizeof(header));
		size_t at = sizeof(header) + padded(header.n_namesz);
		if (at + header.n_descsz > notes.size() || at < header.n_namesz)
			return "";
		if (header.n_type == NT_GNU_BUILD_ID && notes.substr(sizeof(header), 4) == std::string_view("GNU\0", 4)) {
			std::string hex;
			for (unsigned char byte : notes.substr(at, header.n_descsz))
				hex += fmt::format("{:02x}", byte);
			return hex;
		}
		notes.remove_prefix(std::min(notes.size(), at + padded(header.n_descsz)));
	}
	return "";
}

std::string kernel_types_file()
{
	if (access(kernel_types, R_OK) == 0)
		return cached_btf();
	utsname name;
	uname(&name);
	for (const char *place : types_directories) {
		std::string path = fmt::format("{}/{}.btf", place, name.release);
		if (is_trusted(path))
			return path;
		if (access(path.c_str(), F_OK) == 0)
			explain(fmt::format("passed over {}: others than root may write it or its folder", path));
	}
	return "";
}

std::string cached_btf()
{
	std::string kernel = kernel_identity(), own = own_build_id();
	if (kernel.empty() || own.empty())
		return "";
	std::string path = fmt::format("{}/{}-{}.btf", directory, kernel, own.substr(0, 16));
	if (is_trusted(path))
		return path;
	auto made = make(path);
	explain(made ? "wrote " + path : made.error().message);
	if (made)
		drop_old_files(directory, kernel + "-", cuts_kept);
	return made && is_trusted(path) ? path : "";
}
