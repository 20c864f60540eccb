// SPDX-License-Identifier: GPL-2.0-only
#include "../suite.h"
#include "anyprobe.h"

#include <cmath>
#include <csignal>
#include <cstdio>
#include <sys/wait.h>
#include <unistd.h>

namespace profile_test {

volatile unsigned long sink;

// Three quarters of the time go here,
__attribute__((noinline)) void large_part(unsigned long rounds)
{
	for (unsigned long i = 0; i < 3 * rounds; i++)
		sink = sink + i;
}

// one quarter here.
__attribute__((noinline)) void small_part(unsigned long rounds)
{
	for (unsigned long i = 0; i < rounds; i++)
		sink = sink + i;
}

} // namespace profile_test

namespace {

// A child that works until it is killed.
class Worker {
	pid_t pid_;

public:
	Worker()
	{
		fflush(stdout);
		pid_ = fork();
		// Of a different length each time: equal ones can keep step with the sampling, which then
		// meets the same part for seconds.
		for (unsigned long i = 1; pid_ == 0; i = i * 1103515245 + 12345) {
			unsigned long rounds = 50'000 + (i >> 16) % 100'000;
			profile_test::large_part(rounds);
			profile_test::small_part(rounds);
		}
	}
	~Worker()
	{
		kill(pid_, SIGKILL);
		waitpid(pid_, nullptr, 0);
	}
	pid_t pid() const { return pid_; }
};

// Its share depends on nothing but the loop: however busy the machine, the samples split in the same way.
void shares_are_those_of_the_work()
{
	need_sample("profile");
	Worker worker;
	Run run = run_anyprobe({"profile", "-p", std::to_string(worker.pid()), "-d", "4", "--output", "json"});
	CHECK_EQUAL(run.status, 0);
	double large = 0, small = 0, all = 0;
	for (const Json &row : run.rows()) {
		CHECK_EQUAL(row["pid"].get<int>(), worker.pid());
		double count = row["count"];
		all += count;
		for (const Json &frame : row["stack"]) {
			large += frame == "profile_test::large_part(unsigned long)" ? count : 0;
			small += frame == "profile_test::small_part(unsigned long)" ? count : 0;
		}
	}
	CHECK(all > 40); // of 396, were the CPU its own
	CHECK(large + small > 0.85 * all);
	double expected = 0.75, deviation = std::sqrt(expected * (1 - expected) / (large + small)); // of a share of samples
	CHECK(std::abs(large / (large + small) - expected) < 0.05 + 4 * deviation);
}

void names_a_process_that_has_ended()
{
	need_sample("profile");
	Anyprobe profile({"profile", "-f", "-U"});
	{
		Worker worker;
		sleep_seconds(2);
	}
	std::string out = profile.finish(SIGINT).out;
	CHECK(out.find("profile_test::large_part(unsigned long) ") != std::string::npos);
}

void writes_a_flame_graph()
{
	need_sample("profile");
	Worker worker;
	std::string path = "/tmp/profile-test-" + std::to_string(getpid()) + ".svg";
	Run run = run_anyprobe({"profile", "-d", "2", "-g", path});
	CHECK_EQUAL(run.status, 0);
	CHECK_EQUAL(run.out, "");
	std::string svg;
	if (FILE *file = fopen(path.c_str(), "r")) {
		char block[65536];
		for (size_t got; (got = fread(block, 1, sizeof(block), file)) > 0;)
			svg.append(block, got);
		fclose(file);
	}
	unlink(path.c_str());
	CHECK(svg.find("<title>profile_test::large_part(unsigned long) (user, ") != std::string::npos);
	CHECK(svg.ends_with("</svg>\n"));
	run = run_anyprobe({"profile", "-d", "1", "-g", "/nonexistent/x.svg"});
	CHECK_EQUAL(run.status, 1);
	CHECK(run.err.find("failed to open /nonexistent/x.svg") != std::string::npos);
}

const Suite suite{"profile",
		  {{"functions have the share of the samples that they have of the work", shares_are_those_of_the_work},
		   {"a process that has ended is named", names_a_process_that_has_ended},
		   {"a flame graph is written", writes_a_flame_graph}}};

} // namespace
