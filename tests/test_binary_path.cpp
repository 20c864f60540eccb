// SPDX-License-Identifier: GPL-2.0-only
#include "suite.h"

#include <cstdlib>
#include <unistd.h>

#include "layer/symbols/binary_path.h"
#include "memory_file.h"

namespace
{

bool ends_with(const std::string &text, std::string_view end)
{
	return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

void takes_paths()
{
	CHECK_EQUAL(*find_binary("/proc/self/exe"), "/proc/self/exe");
	CHECK_EQUAL(find_binary("/nonexistent/x").error().code, ENOENT);
	CHECK_EQUAL(find_binary("/tmp").error().code, EISDIR);
	CHECK(!find_binary(""));
}

void finds_programs()
{
	auto found = find_binary("sh");
	CHECK(found && ends_with(*found, "/sh"));
	found = find_binary("no-such-program-anywhere");
	CHECK(!found && found.error().message.find("give its path") != std::string::npos);
}

void finds_libraries()
{
	if (read_library_cache().empty())
		skip("this machine has no /etc/ld.so.cache");
	for (const char *name : {"c", "libc", "libc.so.6", "libc.so"}) {
		auto found = find_binary(name);
		CHECK(found && ends_with(*found, "/libc.so.6"));
	}
}

void compares_library_names()
{
	for (const char *name : {"c", "libc", "libc.so", "libc.so.6"})
		CHECK(is_library_name("libc.so.6", name));
	CHECK(is_library_name("libc-2.17.so", "c") && is_library_name("libc-2.17.so", "libc"));
	CHECK(!is_library_name("libcrypt.so.1", "c") && !is_library_name("libc.so.6", "cr"));
	CHECK(!is_library_name("libc-client.so", "c") && !is_library_name("libc.sorry", "c"));
	CHECK(!is_library_name("libc.so.61", "libc.so.6") && is_library_name("libz.so", "z"));
	CHECK(!is_library_name("", "c") && !is_library_name("lib", "c"));
}

void asks_the_process()
{
	std::string self = "/proc/" + std::to_string(getpid()) + "/root";
	char path[4096] = {};
	CHECK(readlink("/proc/self/exe", path, sizeof(path) - 1) > 0);
	std::string name(path);
	auto found = find_binary(name.substr(name.rfind('/') + 1), getpid());
	CHECK(found && *found == self + path);
	found = find_binary("/etc/passwd", getpid());
	CHECK(found && *found == self + "/etc/passwd");
	CHECK_EQUAL(find_binary("c", 0x3ffffff).error().code, ESRCH);
}

// One entry per (flags, path).
std::string make_cache(std::initializer_list<std::pair<uint32_t, const char *>> entries, bool with_old_table)
{
	std::string cache = "glibc-ld.so.cache1.1", strings;
	auto add = [](std::string &to, uint32_t number) { to.append(reinterpret_cast<char *>(&number), 4); };
	add(cache, entries.size());
	cache.resize(48);
	uint32_t at = 48 + 24 * entries.size();
	for (auto [flags, path] : entries) {
		add(cache, flags);
		add(cache, at + strings.size());
		add(cache, at + strings.size());
		cache.resize(cache.size() + 12);
		strings += std::string(path) + '\0';
	}
	cache += strings;
	if (!with_old_table)
		return cache;
	std::string old = "ld.so-1.7.0";
	old.resize(12);
	add(old, 1);
	old.resize(16 + 12);
	old.resize((old.size() + 7) & ~size_t(7));
	return old + cache;
}

void reads_caches()
{
#ifdef __x86_64__
	for (bool with_old_table : {false, true}) {
		std::string cache =
			make_cache({{0x0003, "/lib32/liba.so.1"}, {0x0303, "/lib/liba.so.1"}, {0x0303, "/lib/libb.so"}},
				   with_old_table);
		auto paths = read_library_cache(MemoryFile(cache).path());
		CHECK(paths.size() == 2 && paths[0] == "/lib/liba.so.1" && paths[1] == "/lib/libb.so");
		for (size_t size = 0; size < cache.size(); size++) {
			read_library_cache(MemoryFile(cache.substr(0, size)).path());
			std::string damaged = cache;
			damaged[size] = '\xff';
			read_library_cache(MemoryFile(damaged).path());
		}
	}
#else
	skip("the recorded cache is for x86-64");
#endif
}

const Suite suite{"binary path",
		  {{"paths are taken as they are", takes_paths},
		   {"programs are found in $PATH", finds_programs},
		   {"libraries are found by any of their names", finds_libraries},
		   {"names of libraries are compared whole", compares_library_names},
		   {"a process's own files come first", asks_the_process},
		   {"the linker's cache is read, damaged ones do no harm", reads_caches}}};

} // namespace
