// SPDX-License-Identifier: GPL-2.0-only
#include "../suite.h"
#include "anyprobe.h"

#include <csignal>
#include <ctime>
#include <fstream>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

constexpr int clones = 9;

double now()
{
	timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

int clone_often()
{
	std::ofstream("/proc/self/comm") << "hello test";
	cpu_set_t first;
	CPU_ZERO(&first);
	CPU_SET(0, &first);
	sched_setaffinity(0, sizeof(first), &first);
	sleep_seconds(0.05); // the kernel notes names for trace_pipe when it switches tasks
	for (int i = 0; i < clones; i++) {
		long pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
		if (pid == 0)
			_exit(0);
		waitpid(static_cast<pid_t>(pid), nullptr, 0);
	}
	return 0;
}

void says_hello_for_each_clone()
{
	need_sample("hello");
	Anyprobe hello({"hello", "--output", "json"});
	double before = now();
	Child child = run_child(clone_often);
	double after = now();
	hello.wait_for_lines(clones);
	sleep_seconds(0.3);
	Run run = hello.finish(SIGINT);
	CHECK_EQUAL(run.status, 0);
	int said = 0, named = 0;
	for (const Json &row : run.rows()) {
		if (row["pid"] != child.pid)
			continue;
		said++;
		CHECK_EQUAL(row["message"].get<std::string>(), "hello from clone");
		CHECK_EQUAL(row["cpu"].get<int>(), 0);
		named += row["task"] == "hello test";
		// The trace clock runs beside CLOCK_MONOTONIC, a little off.
		CHECK(row["stamp"].get<double>() > before - 1 && row["stamp"].get<double>() < after + 1);
	}
	CHECK_EQUAL(said, clones);
	// The kernel notes names when it switches tasks: the first lines may still bear the old one.
	CHECK(named > 0);
}

const Suite suite{"hello", {{"says hello for each clone(2), with task, pid, CPU and time", says_hello_for_each_clone}}};

} // namespace
