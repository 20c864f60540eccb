// SPDX-License-Identifier: GPL-2.0-only
#include "../suite.h"
#include "anyprobe.h"

#include <csignal>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace {

constexpr int processes = 40, threads = 25;

void make_tasks()
{
	for (int i = 0; i < processes; i++) {
		pid_t pid = fork();
		if (pid == 0)
			_exit(0);
		waitpid(pid, nullptr, 0);
	}
	for (int i = 0; i < threads; i++)
		std::thread([] {}).join();
}

void counts_what_a_process_creates()
{
	need_sample("forkcount");
	Anyprobe forkcount({"forkcount", "-p", std::to_string(getpid()), "-i", "0.3", "--output", "json"});
	make_tasks();
	sleep_seconds(0.5);
	Run run = forkcount.finish(SIGINT);
	CHECK_EQUAL(run.status, 0);
	long new_processes = 0, new_threads = 0;
	for (const Json &row : run.rows()) {
		new_processes += row["processes"].get<long>();
		new_threads += row["threads"].get<long>();
		double both = row["processes"].get<double>() + row["threads"].get<double>();
		CHECK(std::abs(row["per_sec"].get<double>() * row["seconds"].get<double>() - both) < 1e-6);
	}
	CHECK_EQUAL(new_processes, processes);
	CHECK_EQUAL(new_threads, threads);
}

void counts_at_least_that_for_all()
{
	need_sample("forkcount");
	Anyprobe forkcount({"forkcount", "-i", "60", "--output", "json"});
	make_tasks();
	auto rows = forkcount.finish(SIGINT).rows();
	REQUIRE(rows.size() == 1);
	CHECK(rows[0]["processes"] >= processes);
	CHECK(rows[0]["threads"] >= threads);
}

const Suite suite{"forkcount",
		  {{"counts the processes and threads that one process creates", counts_what_a_process_creates},
		   {"counts them all without -p, in a last report", counts_at_least_that_for_all}}};

} // namespace
