// SPDX-License-Identifier: GPL-2.0-only
#include "../suite.h"
#include "anyprobe.h"

#include <csignal>
#include <map>
#include <sys/prctl.h>
#include <unistd.h>

namespace funclatency_test {

__attribute__((noinline)) void sleep_20_ms()
{
	usleep(20'000);
	__asm__ volatile("");
}

// Calls itself: the outermost of 4 calls takes as long as the sleep inside of the innermost.
__attribute__((noinline)) int recurse(int depth)
{
	int deeper = 0;
	if (depth > 1)
		deeper = recurse(depth - 1);
	else
		sleep_20_ms();
	__asm__ volatile("");
	return deeper + 1;
}

} // namespace funclatency_test

namespace {

constexpr int sleeps = 10, depth = 4;

int sleep_in_functions()
{
	for (int i = 0; i < sleeps; i++)
		funclatency_test::recurse(depth);
	return 0;
}

struct Slots {
	uint64_t count = 0, short_ones = 0; // below 16 ms
	explicit Slots(const Json &row) : count(row["count"])
	{
		CHECK_EQUAL(row["unit"].get<std::string>(), "msecs");
		for (const Json &bucket : row["buckets"])
			short_ones += bucket["high"].get<uint64_t>() < 16 ? bucket["count"].get<uint64_t>() : 0;
	}
};

// What the engine that runs this has.
bool has_feature(const std::string &name)
{
	static const std::vector<Json> doctor = run_anyprobe({"doctor", "--output", "json"}).rows();
	for (const Json &row : doctor)
		if (row.value("feature", "") == name)
			return row["here"] == true;
	return false;
}

bool has_kprobes()
{
	return has_feature("kprobes");
}

void need_uprobes()
{
	need_sample("funclatency");
	if (!has_feature("uprobes"))
		skip("this kernel has no uprobes");
}

void times_a_programs_function()
{
	need_uprobes();
	Anyprobe funclatency({"funclatency", "-m", own_path() + ":funclatency_test::sleep_20_ms", "--output", "json"});
	run_child(sleep_in_functions);
	Run run = funclatency.finish(SIGINT);
	CHECK_EQUAL(run.status, 0);
	auto rows = run.rows();
	REQUIRE(rows.size() == 1);
	CHECK_EQUAL(Slots(rows[0]).count, sleeps);
	CHECK_EQUAL(Slots(rows[0]).short_ones, 0);
}

void times_recursion_and_tells_functions_apart()
{
	need_uprobes();
	Anyprobe funclatency({"funclatency", "-m", "-F", own_path() + ":funclatency_test::*", "--output", "json"});
	run_child(sleep_in_functions);
	std::map<std::string, Slots> functions;
	for (const Json &row : funclatency.finish(SIGINT).rows())
		functions.emplace(row["function"], Slots(row));
	REQUIRE(functions.contains("funclatency_test::recurse(int)"));
	REQUIRE(functions.contains("funclatency_test::sleep_20_ms()"));
	const Slots &recurse = functions.at("funclatency_test::recurse(int)");
	CHECK_EQUAL(recurse.count, sleeps * depth);
	CHECK_EQUAL(recurse.short_ones, 0);
	CHECK_EQUAL(functions.at("funclatency_test::sleep_20_ms()").count, sleeps);
}

void shows_one_process()
{
	need_uprobes();
	Anyprobe funclatency({"funclatency", "-m", "-p", std::to_string(getpid()), own_path() + ":funclatency_test::sleep_20_ms",
			      "--output", "json"});
	run_child(sleep_in_functions);
	funclatency_test::sleep_20_ms();
	auto rows = funclatency.finish(SIGINT).rows();
	REQUIRE(rows.size() == 1);
	CHECK_EQUAL(Slots(rows[0]).count, 1);
}

// By a name of its own: this very test sleeps while it waits for the start.
int sleep_as_sleeper()
{
	prctl(PR_SET_NAME, "sleeper");
	for (int i = 0; i < sleeps; i++)
		usleep(20'000);
	return 0;
}

void times_a_kernel_function()
{
	if (!has_kprobes())
		skip("this kernel has no kprobes");
	need_sample("funclatency");
	Anyprobe funclatency({"funclatency", "-m", "--comm", "sleeper", "do_nanosleep", "--output", "json"});
	run_child(sleep_as_sleeper);
	auto rows = funclatency.finish(SIGINT).rows();
	REQUIRE(rows.size() == 1);
	CHECK_EQUAL(Slots(rows[0]).count, sleeps);
	CHECK_EQUAL(Slots(rows[0]).short_ones, 0);
}

// vfs_read and what it calls by the same prefix: calls within calls.
void times_nested_kernel_functions()
{
	if (!has_kprobes())
		skip("this kernel has no kprobes");
	need_sample("funclatency");
	Anyprobe funclatency({"funclatency", "-F", "-p", std::to_string(getpid()), "vfs_read*", "--output", "json"});
	char byte;
	FILE *zero = fopen("/dev/zero", "r");
	for (int i = 0; i < 100; i++)
		CHECK_EQUAL(read(fileno(zero), &byte, 1), 1);
	fclose(zero);
	uint64_t reads = 0;
	for (const Json &row : funclatency.finish(SIGINT).rows())
		if (row["function"] == "vfs_read")
			reads = row["count"];
	CHECK(reads >= 100 && reads < 400);
}

void names_what_cannot_be_probed()
{
	need_sample("funclatency");
	auto refused = [](const std::string &function) {
		Run run = run_anyprobe({"funclatency", "-q", "-d", "1", function});
		CHECK_EQUAL(run.status, 1);
		CHECK_EQUAL(std::count(run.err.begin(), run.err.end(), '\n'), 1);
		return run.err;
	};
	CHECK(refused(own_path() + ":no_such_function").find("has no function no_such_function") != std::string::npos);
	CHECK(refused("/nonexistent/program:main").find("/nonexistent/program") != std::string::npos);
	CHECK(refused("/proc/version:main").find("is no ELF file") != std::string::npos);
	if (has_kprobes())
		CHECK(refused("no_such_function").find("no kernel function") != std::string::npos);
	else
		CHECK(refused("vfs_read").find("no kprobes") != std::string::npos);
}

const Suite suite{"funclatency",
		  {{"a program's function takes as long as it sleeps", times_a_programs_function},
		   {"recursion is timed, functions are told apart", times_recursion_and_tells_functions_apart},
		   {"-p shows one process", shows_one_process},
		   {"a function of the kernel takes as long as it sleeps", times_a_kernel_function},
		   {"calls within calls of the kernel are timed", times_nested_kernel_functions},
		   {"what cannot be probed is named", names_what_cannot_be_probed}}};

} // namespace
