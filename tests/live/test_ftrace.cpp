// SPDX-License-Identifier: GPL-2.0-only
// What the ftrace engine does to the tracing files of the machine, which it shares with everybody.
#include "../suite.h"
#include "started.h"
#include "tracing_files.h"

#include <csignal>
#include <cstdlib>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ftrace_test {

__attribute__((noinline)) void first_function()
{
	__asm__ volatile("");
}

__attribute__((noinline)) void second_function()
{
	__asm__ volatile("");
}

} // namespace ftrace_test

namespace {

constexpr int kills = 20;
constexpr const char *others = "p:elsewhere/mine /proc/self/exe:0x40";

bool is_in(const std::string &text, const std::string &word)
{
	return text.find(word) != text.npos;
}

std::vector<std::string> time_function(const char *function)
{
	return {"funclatency", own_path() + ":" + function, "--engine", "ftrace", "-d", "60", "--output", "json"};
}

void a_killed_run_is_swept()
{
	TracingFiles files;
	REQUIRE(files.append("uprobe_events", others));
	std::string groups;
	for (int i = 0; i < kills; i++) {
		Anyprobe run(time_function("ftrace_test::first_function"));
		std::string group = fmt::format("anyprobe_{}_", run.pid());
		CHECK(is_in(files.read("uprobe_events"), group));
		run.finish(SIGKILL);
		std::string left = files.read("uprobe_events");
		CHECK(is_in(left, group)); // nobody could remove it
		if (!groups.empty())
			CHECK(!is_in(left, groups)); // but what the run before had left is gone
		groups = group;
	}
	Anyprobe last(time_function("ftrace_test::first_function"));
	CHECK_EQUAL(last.finish(SIGINT).status, 0);
	std::string left = files.read("uprobe_events");
	CHECK(!is_in(left, "anyprobe_"));
	CHECK(is_in(left, "p:elsewhere/mine"));
	CHECK(files.append("uprobe_events", "-:elsewhere/mine"));
}

uint64_t calls_seen(const Run &run)
{
	uint64_t calls = 0;
	CHECK_EQUAL(run.status, 0);
	for (const Json &row : run.rows())
		calls += row["count"].get<uint64_t>();
	return calls;
}

void two_runs_keep_apart()
{
	TracingFiles files;
	Anyprobe first(time_function("ftrace_test::first_function")), second(time_function("ftrace_test::second_function"));
	for (int i = 0; i < 30; i++)
		ftrace_test::first_function();
	for (int i = 0; i < 50; i++)
		ftrace_test::second_function();
	CHECK_EQUAL(calls_seen(first.finish(SIGINT)), 30);
	for (int i = 0; i < 5; i++)
		ftrace_test::second_function();
	CHECK_EQUAL(calls_seen(second.finish(SIGINT)), 55);
	CHECK(!is_in(files.read("uprobe_events"), "anyprobe_"));
}

void a_program_without_a_name_is_probed()
{
	TracingFiles files;
	char copy[] = "/tmp/anyprobe-unlinked-XXXXXX";
	int fd = mkstemp(copy);
	std::string command = "cp " + own_path() + " " + copy;
	REQUIRE(fd >= 0 && system(command.c_str()) == 0);
	Anyprobe run({"funclatency", std::string(copy) + ":ftrace_test::first_function", "--engine", "ftrace", "-d", "60"});
	unlink(copy);
	Run done = run.finish(SIGINT);
	CHECK_EQUAL(done.status, 0);
	CHECK(!is_in(files.read("uprobe_events"), "anyprobe_"));
	Run gone = run_anyprobe({"funclatency", std::string(copy) + ":f", "--engine", "ftrace", "-q"});
	CHECK_EQUAL(gone.status, 1);
	CHECK_EQUAL(std::count(gone.err.begin(), gone.err.end(), '\n'), 1);
	close(fd);
}

// In a process that gets ENOSYS from bpf(2), as from a kernel without it.
int run_without_bpf()
{
	if (!refuse_calls(__NR_bpf, false, ENOSYS))
		return 1;
	Run run = run_anyprobe({"forkcount", "-d", "0.3", "--engine", "auto"});
	std::string first = run.err.substr(0, run.err.find('\n'));
	if (run.status != 0 || !first.starts_with("forkcount: engine ftrace: "))
		return 2;
	return is_in(first, "this kernel has no bpf(2) (needs Linux 3.18, CONFIG_BPF_SYSCALL)") ? 0 : 3;
}

void takes_over_where_there_is_no_bpf()
{
	TracingFiles files;
	CHECK_EQUAL(WEXITSTATUS(run_child(run_without_bpf).status), 0);
}

const Suite suite{"ftrace",
		  {{"what a killed run left is swept, others' probes stay", a_killed_run_is_swept},
		   {"without bpf(2), auto takes it and says why", takes_over_where_there_is_no_bpf},
		   {"two runs at once see their own events only", two_runs_keep_apart},
		   {"a program that lost its name while it is probed", a_program_without_a_name_is_probed}}};

} // namespace
