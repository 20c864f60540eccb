// SPDX-License-Identifier: GPL-2.0-only
#include "../suite.h"
#include "anyprobe.h"

#include <csignal>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace {

constexpr int seeks = 40;

// By number, so that no library adds or saves one.
void make_calls()
{
	for (int i = 0; i < seeks; i++)
		syscall(SYS_lseek, -1, 1000 + i, SEEK_CUR);
	syscall(SYS_kill, getpid(), 0);
	syscall(SYS_unlinkat, AT_FDCWD, "no such file: sysargs", AT_REMOVEDIR);
	long memory = syscall(SYS_mmap, 0, 3 * 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	syscall(SYS_munmap, memory, 3 * 4096); // of which it has no program
}

std::vector<Json> rows_of_calls(std::vector<std::string> more)
{
	std::vector<std::string> arguments = {"sysargs", "--output", "json", "-p", std::to_string(getpid())};
	arguments.insert(arguments.end(), more.begin(), more.end());
	Anyprobe sysargs(arguments);
	make_calls();
	sleep_seconds(0.2);
	Run run = sysargs.finish(SIGINT);
	CHECK_EQUAL(run.status, 0);
	return run.rows();
}

std::vector<std::string> arguments_of(const std::vector<Json> &rows, const char *call)
{
	std::vector<std::string> all;
	for (const Json &row : rows)
		if (row["syscall"] == call)
			all.push_back(row["arguments"].get<std::string>());
	return all;
}

bool has(const std::vector<std::string> &all, const std::string &one)
{
	return std::find(all.begin(), all.end(), one) != all.end();
}

void decodes_each_call_by_its_program()
{
	need_sample("sysargs");
	auto rows = rows_of_calls({});
	auto sought = arguments_of(rows, "lseek");
	REQUIRE(sought.size() == seeks);
	for (int i = 0; i < seeks; i++)
		CHECK_EQUAL(sought[static_cast<size_t>(i)], fmt::format("fd=-1 offset={} whence=1", 1000 + i));
	CHECK(has(arguments_of(rows, "kill"), fmt::format("pid={} signal=0", getpid())));
	CHECK(has(arguments_of(rows, "unlinkat"), "dirfd=-100 flags=0x200 path=no such file: sysargs"));
	CHECK(has(arguments_of(rows, "mmap"), "length=12288 prot=0x1 flags=0x22"));
}

void leaves_empty_slots_alone()
{
	need_sample("sysargs");
	auto rows = rows_of_calls({"kill", "mmap"});
	CHECK(arguments_of(rows, "lseek").empty());
	CHECK(has(arguments_of(rows, "kill"), fmt::format("pid={} signal=0", getpid())));
}

void names_what_it_can_decode()
{
	Run run = run_anyprobe({"sysargs", "ptrace"});
	CHECK_EQUAL(run.status, 2);
	CHECK(run.err.starts_with("sysargs: ptrace: not decoded here; these are: read write"));
}

const Suite suite{"sysargs",
		  {{"decodes each call by the program that knows it", decodes_each_call_by_its_program},
		   {"shows the calls that are named", leaves_empty_slots_alone},
		   {"names the calls that it can decode", names_what_it_can_decode}}};

} // namespace
