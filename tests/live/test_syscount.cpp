// SPDX-License-Identifier: GPL-2.0-only
#include "../suite.h"
#include "anyprobe.h"

#include <csignal>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace {

constexpr int calls = 4000, bad_calls = 300;
constexpr double slept = 0.05;
constexpr int naps = 6;

// getppid(2) and a read(2) that fails, called by number so that no library adds or saves one.
void make_calls()
{
	for (int i = 0; i < calls; i++)
		syscall(SYS_getppid);
	for (int i = 0; i < bad_calls; i++)
		syscall(SYS_read, -1, nullptr, 0);
}

long count_of(const Run &run, const char *name)
{
	long count = 0;
	for (const Json &row : run.rows())
		if (row["syscall"] == name)
			count += row["count"].get<long>();
	return count;
}

std::vector<std::string> of_this_process(std::vector<std::string> more)
{
	std::vector<std::string> all = {"syscount", "-p", std::to_string(getpid()), "--output", "json", "-T", "0"};
	all.insert(all.end(), more.begin(), more.end());
	return all;
}

void counts_calls_by_name()
{
	need_sample("syscount");
	Anyprobe syscount(of_this_process({}));
	make_calls();
	Run run = syscount.finish(SIGINT);
	CHECK_EQUAL(run.status, 0);
	CHECK_EQUAL(count_of(run, "getppid"), calls);
	CHECK_EQUAL(count_of(run, "read"), bad_calls);
}

void adds_up_over_intervals()
{
	need_sample("syscount");
	Anyprobe syscount(of_this_process({"-i", "0.2"}));
	make_calls();
	sleep_seconds(0.5);
	make_calls();
	CHECK_EQUAL(count_of(syscount.finish(SIGINT), "getppid"), 2 * calls);
}

void counts_failed_calls_alone()
{
	need_sample("syscount");
	Anyprobe syscount(of_this_process({"-x"}));
	make_calls();
	Run run = syscount.finish(SIGINT);
	CHECK_EQUAL(count_of(run, "read"), bad_calls);
	CHECK_EQUAL(count_of(run, "getppid"), 0);
}

void measures_latency()
{
	need_sample("syscount");
	Anyprobe syscount({"syscount", "-L", "-T", "0", "--output", "json", "-p", std::to_string(getpid())});
	for (int i = 0; i < naps; i++) {
		timespec nap{0, static_cast<long>(slept * 1e9)};
		syscall(SYS_nanosleep, &nap, nullptr);
	}
	for (const Json &row : syscount.finish(SIGINT).rows()) {
		if (row["syscall"] != "nanosleep")
			continue;
		CHECK_EQUAL(row["count"].get<long>(), naps);
		double total = row["total_us"].get<double>() / 1e6;
		CHECK(total >= naps * slept && total < naps * slept * 3 + 1);
		CHECK(std::abs(row["average_us"].get<double>() * naps - row["total_us"].get<double>()) < 1);
		return;
	}
	CHECK(!"nanosleep has a row");
}

void counts_by_process()
{
	need_sample("syscount");
	Anyprobe syscount({"syscount", "-P", "-T", "0", "--output", "json"});
	Child child = run_child([] { return make_calls(), 0; });
	for (const Json &row : syscount.finish(SIGINT).rows()) {
		if (row["pid"] != child.pid)
			continue;
		long more = row["count"].get<long>() - calls - bad_calls; // fork's return and exit
		CHECK(more >= 0 && more < 40);
		return;
	}
	CHECK(!"the process has a row");
}

const Suite suite{"syscount",
		  {{"counts a process's calls by name", counts_calls_by_name},
		   {"adds up over intervals", adds_up_over_intervals},
		   {"counts failed calls alone with -x", counts_failed_calls_alone},
		   {"measures the time spent in calls", measures_latency},
		   {"counts by process", counts_by_process}}};

} // namespace
