// SPDX-License-Identifier: GPL-2.0-only
#include "suite.h"

#include <cstdio>
#include <cstdlib>
#include <sys/stat.h>

#include "layer/symbols/elf_file.h"
#include "layer/symbols/demangle.h"
#include "layer/symbols/elf_symbols.h"
#include "layer/symbols/usdt_probes.h"
#include "memory_file.h"

RECORDED(stripped_so, "tests/data/symbols/stripped.so")
RECORDED(library_debug, "tests/data/symbols/library.debug")
RECORDED(no_id_so, "tests/data/symbols/no_id.so")
RECORDED(no_id_debug, "tests/data/symbols/no_id.debug")
RECORDED(probes_elf, "tests/data/symbols/probes")

namespace probed
{
__attribute__((noinline, used)) int overloaded(int x)
{
	__asm__ volatile("");
	return x + 1;
}
__attribute__((noinline, used)) int overloaded(char x)
{
	__asm__ volatile("");
	return x + 2;
}
__attribute__((noinline, used)) int single(int x)
{
	__asm__ volatile("");
	return x + 3;
}
} // namespace probed

extern "C" __attribute__((noinline, used)) int elf_file_test_function(int x)
{
	__asm__ volatile("");
	return x + 4;
}

namespace
{

// A folder with files in it, removed at the end.
class Folder
{
	std::string path_;
	std::vector<std::string> files_, folders_;

      public:
	Folder()
	{
		char name[] = "/tmp/elf_file.XXXXXX";
		path_ = mkdtemp(name) ? name : "";
	}
	std::string write(const std::string &name, std::string_view content)
	{
		for (size_t slash = name.find('/'); slash != std::string::npos; slash = name.find('/', slash + 1)) {
			folders_.push_back(path_ + "/" + name.substr(0, slash));
			mkdir(folders_.back().c_str(), 0700);
		}
		files_.push_back(path_ + "/" + name);
		FILE *file = fopen(files_.back().c_str(), "w");
		CHECK(file && fwrite(content.data(), 1, content.size(), file) == content.size());
		if (file)
			fclose(file);
		return files_.back();
	}
	const std::string &path() const { return path_; }
	~Folder()
	{
		for (const std::string &file : files_)
			unlink(file.c_str());
		for (size_t i = folders_.size(); i-- > 0;)
			rmdir(folders_[i].c_str());
		rmdir(path_.c_str());
	}
};

// Where in /proc/self/exe a function of this program is, by this process's own maps.
uint64_t own_file_offset(const void *function)
{
	uint64_t address = reinterpret_cast<uint64_t>(function), found = 0;
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[4096];
	unsigned long start, end, offset;
	while (maps && fgets(line, sizeof(line), maps))
		if (sscanf(line, "%lx-%lx %*s %lx", &start, &end, &offset) == 3 && address >= start && address < end)
			found = address - start + offset;
	if (maps)
		fclose(maps);
	return found;
}

ElfFile open_or_fail(const std::string &path, const std::string &root = "")
{
	Result<ElfFile> file = ElfFile::open(path, root);
	CHECK(file);
	return file ? std::move(*file) : ElfFile();
}

void finds_functions_of_itself()
{
	ElfFile self = open_or_fail("/proc/self/exe");
	auto function = self.function("elf_file_test_function");
	CHECK(function && function->size > 0 && !function->is_go && !function->is_ifunc);
	CHECK(function->file_offset == own_file_offset(reinterpret_cast<void *>(&elf_file_test_function)));
	auto symbol = self.find(function->address + 1);
	CHECK(symbol && symbol->name == "elf_file_test_function" && symbol->offset == 1);
	CHECK(self.address(function->file_offset) == function->address);
}

void finds_readable_names()
{
	// called, for the linker drops what nobody calls
	CHECK_EQUAL(probed::single(1) + probed::overloaded(1) + probed::overloaded('\1'), 9);
	ElfFile self = open_or_fail("/proc/self/exe");
	int (*taking_int)(int) = &probed::overloaded;
	auto function = self.function("probed::overloaded(int)");
	CHECK(function && function->file_offset == own_file_offset(reinterpret_cast<void *>(taking_int)));
	CHECK(self.function("probed::single") && self.function("_ZN6probed6singleEi"));
	function = self.function("probed::overloaded");
	CHECK(!function && function.error().message.find("probed::overloaded(char)") != std::string::npos);
	CHECK(self.functions("probed::*").size() == 3);
	CHECK(self.functions("probed::overloaded*").size() == 2);
	CHECK(self.function("elf_file_test_*"));
	CHECK(self.functions("nothing::*").empty());
}

void picks_versions()
{
	MemoryFile memory(stripped_so());
	ElfFile file = open_or_fail(memory.path());
	auto newest = file.function("answer"), old = file.function("answer@LIB_1");
	CHECK(newest && newest->version == "LIB_2" && newest->address == 0x3df);
	CHECK(old && old->version == "LIB_1" && old->address == 0x3d9);
	CHECK(file.function("answer@@LIB_2") && !file.function("answer@@LIB_1") && !file.function("answer@LIB_3"));
	CHECK(file.functions("answer").size() == 2);
	CHECK(file.find(0x3d9)->name == "answer");
}

void tells_kinds_apart()
{
	MemoryFile memory(stripped_so());
	ElfFile file = open_or_fail(memory.path());
	CHECK(file.function("choose") && file.function("choose")->is_ifunc);
	CHECK(!file.function("shared_data"));	  // data
	CHECK(file.find(0x3f1)->name == "plain"); // rather than __plain
	auto missing = file.function("hidden_helper");
	CHECK(!missing && missing.error().code == ENOENT);
	CHECK(!file.find(0x10) && !file.find(0x2001) && !file.find(UINT64_MAX));
	CHECK(file.file_offset(0x3d9) == 0x3d9 && file.file_offset(0x2000) && !file.file_offset(0x999999));
}

void uses_linked_debug_file()
{
	Folder folder;
	std::string path = folder.write("library.so", stripped_so());
	folder.write(".debug/library.debug", library_debug());
	ElfFile file = open_or_fail(path);
	CHECK(file.function("hidden_helper"));
	CHECK(file.debug_path() == folder.path() + "/.debug/library.debug");
	auto two = file.function("twice");
	CHECK(!two && two.error().message.find("2 functions") != std::string::npos);
	CHECK(file.function("answer@@LIB_2") && file.function("answer")->address == 0x3df);
}

void uses_build_id()
{
	Folder folder;
	ElfFile file = open_or_fail(MemoryFile(stripped_so()).path());
	std::string id = file.build_id();
	CHECK(id.size() == 40);
	folder.write("usr/lib/debug/.build-id/" + id.substr(0, 2) + "/" + id.substr(2) + ".debug", library_debug());
	MemoryFile memory(stripped_so());
	CHECK(open_or_fail(memory.path(), folder.path()).function("hidden_helper"));
}

void checks_debug_file()
{
	Folder folder;
	std::string path = folder.write("no_id.so", no_id_so());
	std::string debug = folder.write("no_id.debug", no_id_debug());
	CHECK(open_or_fail(path).function("hidden_helper"));
	std::string other(no_id_debug());
	other.back() ^= 1; // the checksum no longer agrees
	folder.write("no_id.debug", other);
	CHECK(!open_or_fail(path).function("hidden_helper"));
	folder.write("library.so", stripped_so());
	folder.write("library.debug", no_id_debug()); // no build id
	CHECK(!open_or_fail(folder.path() + "/library.so").function("hidden_helper"));
}

void explains_what_is_no_elf()
{
	auto message = [](std::string_view content) {
		Result<ElfFile> file = ElfFile::open(MemoryFile(content).path());
		return file ? std::string() : file.error().message;
	};
	CHECK(message("#!/bin/sh\n").find("is no ELF file") != std::string::npos);
	CHECK(message("").find("is no ELF file") != std::string::npos);
	CHECK(message(stripped_so().substr(0, 4000)).find("is truncated") != std::string::npos);
	CHECK(message(stripped_so().substr(0, 30)).find("is truncated") != std::string::npos);
	std::string swapped(stripped_so());
	swapped[5] = 2;
	CHECK(!message(swapped).empty());
	CHECK(ElfFile::open("/nonexistent").error().code == ENOENT);
	CHECK(ElfFile::open("/tmp").error().message.find("no regular file") != std::string::npos);
	CHECK(ElfFile::open("/dev/null").error().message.find("no regular file") != std::string::npos);
}

// Everything that reads a file, over one that may be damaged.
void read_all(std::string_view content)
{
	MemoryFile memory(content);
	Result<ElfFile> file = ElfFile::open(memory.path());
	if (!file)
		return;
	for (const ElfFunction &function : file->functions("*")) {
		file->find(function.address);
		demangle(function.name);
	}
	auto probes = list_usdt_probes(memory.path());
	(void)file->function("answer@LIB_1");
}

void survives_truncation()
{
	for (std::string_view content : {stripped_so(), library_debug(), probes_elf()})
		for (size_t size = 0; size < content.size(); size += size < 128 ? 1 : 13)
			read_all(content.substr(0, size));
	CHECK(true);
}

void survives_random_bytes()
{
	uint32_t seed = 12345;
	auto random = [&seed] {
		seed = seed * 1664525 + 1013904223;
		return seed >> 8;
	};
	for (std::string_view content : {stripped_so(), library_debug(), no_id_so(), probes_elf()}) {
		for (int round = 0; round < 400; round++) {
			std::string damaged(content);
			for (uint32_t flips = 1 + random() % 16; flips; flips--)
				damaged[random() % damaged.size()] = random() & 1 ? random() : 0xff;
			read_all(damaged);
		}
		// the section headers decide where everything is read from: let them suffer most
		for (int round = 0; round < 400; round++) {
			std::string damaged(content);
			size_t headers = std::min<size_t>(damaged.size(), 64 * 24);
			for (uint32_t flips = 1 + random() % 6; flips; flips--)
				damaged[damaged.size() - 1 - random() % headers] = random();
			read_all(damaged);
		}
	}
	CHECK(true);
}

const Suite suite{"elf file",
		  {{"functions of this very program are found", finds_functions_of_itself},
		   {"readable names and patterns find functions", finds_readable_names},
		   {"versions are told apart, the default wins", picks_versions},
		   {"data is left out, ifuncs are noted, aliases have the common name", tells_kinds_apart},
		   {"a debug file beside the library is used", uses_linked_debug_file},
		   {"a debug file is found by build id below a root", uses_build_id},
		   {"a debug file that belongs to another build is refused", checks_debug_file},
		   {"what is no ELF file is named", explains_what_is_no_elf},
		   {"truncated files do no harm", survives_truncation},
		   {"damaged files do no harm", survives_random_bytes}}};

} // namespace
