// SPDX-License-Identifier: GPL-2.0-only
#include "suite.h"

#include <csignal>
#include <cstdio>
#include <ctime>
#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "layer/symbols/process_symbols.h"

namespace process_test
{
__attribute__((noinline, used)) int known_function(int x)
{
	__asm__ volatile("");
	return x + 1;
}
} // namespace process_test

namespace
{

uint64_t address_of_known()
{
	return reinterpret_cast<uint64_t>(&process_test::known_function);
}

void names_own_functions()
{
	ProcessSymbols symbols;
	UserSymbol symbol = symbols.find(getpid(), address_of_known() + 1);
	CHECK_EQUAL(symbol.name, "process_test::known_function(int)");
	CHECK(symbol.is_known && symbol.offset == 1 && symbol.module[0] == '/');
}

void names_the_vdso()
{
	uint64_t vdso = getauxval(AT_SYSINFO_EHDR);
	if (!vdso)
		skip("this kernel maps no vDSO");
	ProcessSymbols symbols;
	bool found = false;
	for (uint64_t offset = 0; offset < 8192; offset += 16) {
		UserSymbol symbol = symbols.find(getpid(), vdso + offset);
		found |= symbol.module == "[vdso]" && symbol.name == "clock_gettime";
	}
	CHECK(found);
}

void says_what_is_unknown()
{
	ProcessSymbols symbols;
	UserSymbol symbol = symbols.find(getpid(), 16);
	CHECK(!symbol.is_known && symbol.name == "[unknown]" && symbol.module.empty());
	symbol = symbols.find(0x3ffffff, address_of_known()); // above any pid
	CHECK(!symbol.is_known && symbol.name == "[unknown]");
	symbol = symbols.find(-1, 16);
	CHECK(!symbol.is_known);
}

void remembers_ended_processes()
{
	fflush(stdout);
	pid_t child = fork();
	if (!child) {
		pause();
		_exit(0);
	}
	ProcessSymbols symbols;
	symbols.remember(child);
	kill(child, SIGKILL);
	waitpid(child, nullptr, 0);
	CHECK_EQUAL(symbols.find(child, address_of_known()).name, "process_test::known_function(int)");
	symbols.forget(child);
	CHECK_EQUAL(symbols.find(child, address_of_known()).name, "[unknown]");
}

// Executable memory without a file, as a JIT has it.
struct Code {
	void *at = mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	~Code() { munmap(at, 4096); }
	uint64_t address() const { return reinterpret_cast<uint64_t>(at); }
};

void reads_perf_maps()
{
	Code code;
	std::string path = "/tmp/perf-" + std::to_string(getpid()) + ".map";
	FILE *file = fopen(path.c_str(), "w");
	CHECK(file);
	if (!file)
		return;
	fprintf(file, "%lx 40 LazyCompile:~one app.js:1\n%lx 10 two\nbad line\n\n", code.address(),
		code.address() + 0x40);
	fflush(file);
	ProcessSymbols symbols;
	UserSymbol symbol = symbols.find(getpid(), code.address() + 4);
	CHECK(symbol.name == "LazyCompile:~one app.js:1" && symbol.module == "[jit]" && symbol.offset == 4);
	CHECK_EQUAL(symbols.find(getpid(), code.address() + 0x41).name, "two");
	symbol = symbols.find(getpid(), code.address() + 0x100);
	CHECK(!symbol.is_known && symbol.module == "[anon]");
	// compiled since
	fprintf(file, "%lx 20 three\n", code.address() + 0x100);
	fclose(file);
	timespec wait{0, 150000000};
	nanosleep(&wait, nullptr);
	CHECK_EQUAL(symbols.find(getpid(), code.address() + 0x104).name, "three");
	unlink(path.c_str());
}

void sees_maps_made_since()
{
	ProcessSymbols symbols;
	symbols.remember(getpid());
	timespec wait{0, 150000000};
	nanosleep(&wait, nullptr);
	Code code;
	CHECK_EQUAL(symbols.find(getpid(), code.address()).module, "[anon]");
}

// A library that is deleted while it is mapped is still to be had through map_files.
void reads_deleted_files()
{
	if (geteuid())
		skip("map_files needs root");
	char path[] = "/tmp/deleted.XXXXXX";
	int copy = mkstemp(path), self = open("/proc/self/exe", O_RDONLY);
	char block[65536];
	uint64_t total = 0;
	for (ssize_t got; (got = read(self, block, sizeof(block))) > 0; total += got)
		CHECK(write(copy, block, got) == got);
	void *map = mmap(nullptr, total, PROT_READ | PROT_EXEC, MAP_PRIVATE, copy, 0);
	close(self);
	close(copy);
	unlink(path);

	auto elf = ElfFile::open("/proc/self/exe");
	auto function = elf->function("process_test::known_function");
	CHECK(map != MAP_FAILED && function);
	ProcessSymbols symbols;
	UserSymbol symbol = symbols.find(getpid(), reinterpret_cast<uint64_t>(map) + function->file_offset);
	CHECK_EQUAL(symbol.name, "process_test::known_function(int)");
	CHECK_EQUAL(symbol.module, path);
	munmap(map, total);
}

void parses_maps()
{
	ProcessMap map;
	CHECK(parse_process_map("7f00-7fff r-xp 00002000 08:01 42                         /a b (deleted)", map));
	CHECK(map.start == 0x7f00 && map.end == 0x7fff && map.file_offset == 0x2000 && map.inode == 42);
	CHECK(map.is_executable && map.is_deleted && map.path == "/a b");
	CHECK(parse_process_map("7f00-7fff rw-p 00000000 00:00 0 ", map));
	CHECK(map.path.empty() && !map.is_executable && !map.is_deleted);
	CHECK(parse_process_map("7f00-7fff r--p 00000000 00:00 0 /x\\012y", map) && map.path == "/x\ny");
	for (const char *bad :
	     {"", "7f00", "7f00-7fff", "7f00-7fff r-xp", "x-y r-xp 0 0:0 0", "7fff-7f00 r-xp 0 0:0 0"})
		CHECK(!parse_process_map(bad, map));
	CHECK_EQUAL(read_process_maps(0x3ffffff).error().code, ESRCH);
}

const Suite suite{"process symbols",
		  {{"functions of this process are named", names_own_functions},
		   {"the vDSO's functions are named", names_the_vdso},
		   {"what is unknown is said so", says_what_is_unknown},
		   {"a process that has ended keeps its names", remembers_ended_processes},
		   {"code of a JIT is named by its map file", reads_perf_maps},
		   {"maps made since are seen", sees_maps_made_since},
		   {"deleted files are read", reads_deleted_files},
		   {"lines of /proc/PID/maps are understood", parses_maps}}};

} // namespace
