// SPDX-License-Identifier: GPL-2.0-only
#include "layer/symbols/binary_path.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "layer/symbols/process_maps.h"
#include "layer/unique_fd.h"

namespace
{

constexpr size_t cache_size_max = 64 << 20;

// glibc's sysdeps/generic/dl-cache.h
constexpr char new_magic[] = "glibc-ld.so.cache1.1";
constexpr char old_magic[] = "ld.so-1.7.0";
constexpr size_t new_header = 48, new_entry = 24, old_header = 16, old_entry = 12;

#if defined(__x86_64__)
constexpr uint32_t own_flags = 0x0303;
constexpr const char *library_folders[] = {
	"/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64", "/lib", "/usr/lib"};
#elif defined(__aarch64__)
constexpr uint32_t own_flags = 0x0a03;
constexpr const char *library_folders[] = {
	"/lib/aarch64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/lib64", "/usr/lib64", "/lib", "/usr/lib"};
#else
constexpr uint32_t own_flags = 0x0003;
constexpr const char *library_folders[] = {"/lib64", "/usr/lib64", "/lib", "/usr/lib"};
#endif

std::string read_cache(const std::string &path)
{
	std::string content;
	UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
	char block[16384];
	ssize_t got;
	while (fd && content.size() < cache_size_max && (got = read(fd.get(), block, sizeof(block))) > 0)
		content.append(block, got);
	return content;
}

uint32_t number_at(const std::string &bytes, size_t at)
{
	uint32_t value = 0;
	if (at <= bytes.size() && bytes.size() - at >= sizeof(value))
		memcpy(&value, bytes.data() + at, sizeof(value));
	return value;
}

bool is_file(const std::string &path)
{
	struct stat status;
	return !stat(path.c_str(), &status) && S_ISREG(status.st_mode);
}

std::string base_name(const std::string &path)
{
	return path.substr(path.rfind('/') + 1);
}

std::string find_program(const std::string &name, const std::string &root)
{
	const char *given = root.empty() ? getenv("PATH") : nullptr;
	std::string path = given ? given : "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	for (size_t at = 0; at <= path.size();) {
		size_t end = std::min(path.find(':', at), path.size());
		std::string file = root + path.substr(at, end - at) + "/" + name;
		if (end > at && is_file(file) && !access(file.c_str(), X_OK))
			return file;
		at = end + 1;
	}
	return {};
}

std::string find_library(const std::string &name, const std::string &root)
{
	for (const std::string &path : read_library_cache(root + "/etc/ld.so.cache"))
		if (is_library_name(base_name(path), name) && is_file(root + path))
			return root + path;
	for (const char *folder : library_folders) {
		DIR *entries = opendir((root + folder).c_str());
		std::string found;
		while (dirent *entry = entries ? readdir(entries) : nullptr) {
			std::string path = root + folder + "/" + entry->d_name;
			// the shortest name is the one that programs ask for; the folder's order means nothing
			if (is_library_name(entry->d_name, name) && is_file(path) &&
			    (found.empty() || path.size() < found.size()))
				found = path;
		}
		if (entries)
			closedir(entries);
		if (!found.empty())
			return found;
	}
	return {};
}

// A file that the process has mapped: of the same path, of the same name, or the library of that name.
std::string find_mapped(const std::string &name, int pid, const std::vector<ProcessMap> &maps)
{
	for (bool as_library : {false, true}) {
		for (const ProcessMap &map : maps) {
			std::string base = base_name(map.path);
			bool is_wanted = as_library ? is_library_name(base, name) : map.path == name || base == name;
			if (map.path.empty() || map.path[0] != '/' || !map.is_executable || !is_wanted)
				continue;
			// a uprobe needs a path that can be looked up; map_files is one even where the name is gone
			std::string path = process_path(pid, map.path);
			if (!map.is_deleted && is_file(path))
				return path;
		}
	}
	return {};
}

} // namespace

bool is_library_name(const std::string &file, const std::string &name)
{
	std::string wanted = name.compare(0, 3, "lib") && name.find(".so") == std::string::npos ? "lib" + name : name;
	if (file == wanted)
		return true;
	if (file.size() <= wanted.size() || file.compare(0, wanted.size(), wanted))
		return false;
	std::string rest = file.substr(wanted.size());
	bool has_so = wanted.find(".so") != std::string::npos;
	if (has_so)
		return rest[0] == '.'; // "libc.so" and ".6"
	// "libc" and ".so.6", or "-2.31.so" as glibc itself had it before 2.34
	return rest.compare(0, 3, ".so") == 0 ? rest.size() == 3 || rest[3] == '.'
					      : rest[0] == '-' && isdigit(static_cast<unsigned char>(rest[1])) &&
							rest.size() > 3 && rest.substr(rest.size() - 3) == ".so";
}

std::vector<std::string> read_library_cache(const std::string &path)
{
	std::string cache = read_cache(path);
	size_t start = 0;
	// files of glibc before 2.32 start with a table of the old kind, the new one stands behind it
	if (!cache.compare(0, strlen(old_magic), old_magic)) {
		start = old_header + uint64_t(number_at(cache, 12)) * old_entry;
		start = (start + 7) & ~size_t(7);
	}
	if (start > cache.size() || cache.compare(start, strlen(new_magic), new_magic))
		return {};
	std::vector<std::string> paths;
	uint64_t count = std::min<uint64_t>(number_at(cache, start + 20), (cache.size() - start) / new_entry);
	for (uint64_t i = 0; i < count; i++) {
		size_t entry = start + new_header + i * new_entry;
		uint64_t value = start + uint64_t(number_at(cache, entry + 8)); // its path
		size_t end = cache.find('\0', value);
		if (number_at(cache, entry) == own_flags && value < cache.size() && end != std::string::npos)
			paths.push_back(cache.substr(value, end - value));
	}
	return paths;
}

Result<std::string> find_binary(const std::string &name, int pid)
{
	if (name.empty())
		return Error{"binary: no name given", EINVAL};
	std::string root = pid ? process_path(pid, "") : "", found;
	if (pid) {
		Result<std::vector<ProcessMap>> maps = read_process_maps(pid);
		if (!maps)
			return maps.error();
		found = find_mapped(name, pid, *maps);
		if (found.empty() && name[0] == '/' && is_file(root + name))
			found = root + name;
	}
	if (found.empty() && name.find('/') != std::string::npos) {
		if (!is_file(name))
			return errno_error("binary: failed to find " + name,
					   errno && access(name.c_str(), F_OK) ? errno : EISDIR);
		return name;
	}
	if (found.empty())
		found = find_program(name, root);
	if (found.empty())
		found = find_library(name, root);
	if (found.empty())
		return Error{"binary: failed to find " + name + ": no program in $PATH, no library" +
				     (pid ? ", nothing that process " + std::to_string(pid) + " has mapped" : "") +
				     ": give its path",
			     ENOENT};
	return found;
}
