// SPDX-License-Identifier: GPL-2.0-only
#include "../suite.h"
#include "anyprobe.h"

#include <csignal>
#include <fcntl.h>
#include <fstream>
#include <map>
#include <unistd.h>

namespace {

constexpr int reads = 321, writes = 123;

// In a task of its own name, for the test itself reads files while it waits.
int read_and_write()
{
	char byte = 0;
	int zero = open("/dev/zero", O_RDONLY), null = open("/dev/null", O_WRONLY);
	std::ofstream("/proc/self/comm") << "vfs test";
	for (int i = 0; i < reads; i++)
		if (read(zero, &byte, 1) != 1)
			return 1;
	for (int i = 0; i < writes; i++)
		if (write(null, &byte, 1) != 1)
			return 1;
	return 0;
}

std::map<std::string, long> counts(const Run &run)
{
	std::map<std::string, long> counts;
	for (const Json &row : run.rows())
		counts[row["function"]] += row["count"].get<long>();
	return counts;
}

void counts_functions_by_pattern()
{
	need_sample("vfscount");
	Anyprobe vfscount({"vfscount", "--comm", "vfs test", "--output", "json"});
	run_child(read_and_write);
	Run run = vfscount.finish(SIGINT);
	CHECK_EQUAL(run.status, 0);
	auto by_name = counts(run);
	CHECK_EQUAL(by_name["vfs_read"], reads);
	CHECK_EQUAL(by_name["vfs_write"], writes);
}

void counts_one_function_over_intervals()
{
	need_sample("vfscount");
	Anyprobe vfscount({"vfscount", "vfs_read", "-i", "0.3", "--comm", "vfs test", "--output", "json"});
	run_child(read_and_write);
	sleep_seconds(0.7);
	run_child(read_and_write);
	auto by_name = counts(vfscount.finish(SIGINT));
	CHECK_EQUAL(by_name.size(), 1);
	CHECK_EQUAL(by_name["vfs_read"], 2 * reads);
}

void refuses_a_pattern_that_matches_nothing()
{
	need_sample("vfscount");
	Run run = run_anyprobe({"vfscount", "no_such_function_*", "-q"});
	CHECK_EQUAL(run.status, 1);
	CHECK_EQUAL(run.err, "vfscount: no kernel function that can be traced matches no_such_function_*\n");
}

const Suite suite{"vfscount",
		  {{"counts the functions that match a pattern", counts_functions_by_pattern},
		   {"counts one function, over intervals", counts_one_function_over_intervals},
		   {"refuses a pattern that matches nothing", refuses_a_pattern_that_matches_nothing}}};

} // namespace
