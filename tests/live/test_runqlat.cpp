// SPDX-License-Identifier: GPL-2.0-only
#include "../suite.h"
#include "anyprobe.h"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

// What the kernel itself counts for a thread, in /proc/self/schedstat.
struct Schedstat {
	unsigned long long ran = 0, waited = 0; // ns
	unsigned long long waits = 0;
};

Schedstat own_schedstat()
{
	Schedstat stat;
	FILE *file = fopen("/proc/self/schedstat", "re");
	if (!file)
		return stat;
	if (fscanf(file, "%llu %llu %llu", &stat.ran, &stat.waited, &stat.waits) != 3)
		stat = {};
	fclose(file);
	return stat;
}

// Shared with the children, which say there what the kernel counted while they worked.
Schedstat *const counted =
	static_cast<Schedstat *>(mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));

void need_schedstat()
{
	if (!own_schedstat().ran)
		skip("this kernel has no /proc/self/schedstat (CONFIG_SCHED_INFO)");
}

double now()
{
	timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

// Runs `work` under the name `name`, on the first CPU that this process may use.
template <class Work> void count_while(const char *name, Schedstat &result, Work work)
{
	cpu_set_t allowed, one;
	sched_getaffinity(0, sizeof(allowed), &allowed);
	int cpu = 0;
	while (!CPU_ISSET(cpu, &allowed))
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	sched_setaffinity(0, sizeof(one), &one);
	prctl(PR_SET_NAME, name);
	Schedstat before = own_schedstat();
	work();
	Schedstat after = own_schedstat();
	result = {after.ran - before.ran, after.waited - before.waited, after.waits - before.waits};
}

constexpr int naps = 300;

int take_naps()
{
	count_while("napper", counted[0], [] {
		for (int i = 0; i < naps; i++)
			usleep(1000);
	});
	return 0;
}

// A second process makes each of the two wait for the other.
int spin_in_two()
{
	pid_t other = fork();
	count_while(other ? "spinner" : "rival", counted[other ? 0 : 1], [] {
		for (double end = now() + 1.5; now() < end;) {
		}
	});
	if (!other)
		_exit(0);
	waitpid(other, nullptr, 0);
	return 0;
}

unsigned long long sum(const Json &row, const char *bound)
{
	unsigned long long total = 0;
	for (const Json &bucket : row["buckets"])
		total += bucket[bound].get<unsigned long long>() * bucket["count"].get<unsigned long long>();
	return total;
}

const Json *row_of(const std::vector<Json> &rows, const char *comm)
{
	for (const Json &row : rows)
		if (row.value("comm", "") == comm)
			return &row;
	return nullptr;
}

// The kernel's numbers lie between what the slots' bounds allow; the program itself takes part of each
// wait, in an emulator some 50 us.
void compare(const Json &row, const Schedstat &kernel, unsigned long long unit_ns)
{
	auto count = row["count"].get<unsigned long long>();
	CHECK(count + 5 >= kernel.waits);
	CHECK(count <= kernel.waits + 5 + kernel.waits / 20);
	CHECK(sum(row, "low") * unit_ns <= kernel.waited + kernel.waited / 5 + 10'000'000 + count * 50'000);
	CHECK((sum(row, "high") + count) * unit_ns + 10'000'000 >= kernel.waited - kernel.waited / 5);
}

void counts_wakeups()
{
	need_sample("runqlat");
	need_schedstat();
	Anyprobe runqlat({"runqlat", "-P", "--output", "json"});
	Child child = run_child(take_naps);
	Run run = runqlat.finish(SIGINT);
	CHECK_EQUAL(run.status, 0);
	auto rows = run.rows();
	const Json *row = row_of(rows, "napper");
	REQUIRE(row);
	CHECK_EQUAL((*row)["pid"].get<int>(), child.pid);
	CHECK_EQUAL((*row)["unit"].get<std::string>(), "usecs");
	CHECK(counted[0].waits >= naps * 3 / 4); // a nap can be over before the CPU was left
	compare(*row, counted[0], 1000);
}

void measures_preempted_tasks()
{
	need_sample("runqlat");
	need_schedstat();
	Anyprobe runqlat({"runqlat", "-P", "-m", "--output", "json"});
	run_child(spin_in_two);
	auto rows = runqlat.finish(SIGINT).rows();
	const Json *spinner = row_of(rows, "spinner"), *rival = row_of(rows, "rival");
	REQUIRE(spinner && rival);
	CHECK_EQUAL((*spinner)["unit"].get<std::string>(), "msecs");
	compare(*spinner, counted[0], 1'000'000);
	compare(*rival, counted[1], 1'000'000);
}

void filters_and_reports_by_interval()
{
	need_sample("runqlat");
	Anyprobe all({"runqlat", "-i", "0.5", "-n", "2", "--output", "json"});
	Anyprobe none({"runqlat", "--comm", "nobody-is-named", "--output", "json"});
	Anyprobe named({"runqlat", "--comm", "napper", "--output", "json"});
	run_child(take_naps);
	CHECK(none.finish(SIGINT).rows().empty());
	auto rows = named.finish(SIGINT).rows();
	REQUIRE(rows.size() == 1);
	CHECK(rows[0]["count"] >= naps * 3 / 4);
	CHECK(rows[0]["count"] <= 2 * naps);
	CHECK(!rows[0].contains("pid"));
	for (int i = 0; i < 3; i++) // something to report in the second interval, too, however quiet the machine is
		run_child(take_naps);
	Run run = all.finish(0);
	CHECK_EQUAL(run.status, 0);
	CHECK_EQUAL(run.rows().size(), 2);
}

void refuses_bad_values()
{
	Run run = run_anyprobe({"runqlat", "-i", "often"});
	CHECK_EQUAL(run.status, 2);
	CHECK_EQUAL(std::count(run.err.begin(), run.err.end(), '\n'), 1);
}

const Suite suite{"runqlat",
		  {{"counts each wait of a process that sleeps, as the kernel does", counts_wakeups},
		   {"measures how long preempted tasks wait, with -m", measures_preempted_tasks},
		   {"keeps to --comm, and reports every interval with -i", filters_and_reports_by_interval},
		   {"refuses an interval that is no number", refuses_bad_values}}};

} // namespace
