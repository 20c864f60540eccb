// SPDX-License-Identifier: GPL-2.0-only
// The ftrace engine where perf_event_open is refused: it reads an instance of the tracing files, and nobody else's.
#include "../suite.h"
#include "started.h"
#include "tracing_files.h"

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace ftrace_test {

__attribute__((noinline)) void counted_function()
{
	__asm__ volatile("");
}

} // namespace ftrace_test

namespace {

constexpr int calls = 300, opens = 20;

bool refuse_perf(int error)
{
	return refuse_calls(__NR_perf_event_open, false, error);
}

std::vector<std::string> with_ftrace(std::vector<std::string> arguments)
{
	arguments.insert(arguments.end(), {"--engine", "ftrace", "--output", "json"});
	return arguments;
}

// What the rows' `name` adds up to, of those whose `key` is this value.
long sum_of(const Run &run, const char *key, const Json &value, const char *name)
{
	long sum = 0;
	for (const Json &row : run.rows())
		if (row.contains(key) && row[key] == value)
			sum += row[name].get<long>();
	return sum;
}

// In a child: 0, or the number of what was not as it should be.
int count_calls_of_all_threads()
{
	if (!refuse_perf(EACCES))
		return 1;
	Anyprobe syscount(with_ftrace({"syscount", "-p", std::to_string(getpid()), "-T", "0"}));
	auto call = [] {
		for (int i = 0; i < calls; i++)
			syscall(SYS_getppid);
	};
	std::thread other(call);
	call();
	other.join();
	Run run = syscount.finish(SIGINT);
	if (run.status != 0)
		return 2;
	return sum_of(run, "syscall", "getppid", "count") == 2 * calls ? 0 : 3;
}

int count_functions()
{
	if (!refuse_perf(ENOSYS))
		return 1;
	Anyprobe funclatency(with_ftrace({"funclatency", own_path() + ":ftrace_test::counted_function"}));
	for (int i = 0; i < calls; i++)
		ftrace_test::counted_function();
	Run run = funclatency.finish(SIGINT);
	if (run.status != 0 || run.rows().size() != 1)
		return 2;
	return run.rows()[0]["count"] == calls ? 0 : 3;
}

// The last events must not go when their probes do; a process that is gone keeps its number and name.
int show_opens()
{
	if (!refuse_perf(EACCES))
		return 1;
	Anyprobe opensnoop(with_ftrace({"opensnoop"}));
	Child child = run_child([] {
		prctl(PR_SET_NAME, "opener");
		for (int i = 0; i < opens; i++)
			open(fmt::format("/nonexistent/{}", i).c_str(), O_RDONLY);
		return 0;
	});
	Run run = opensnoop.finish(SIGINT);
	if (run.status != 0)
		return 2;
	int seen = 0;
	for (const Json &row : run.rows())
		if (row["pid"] == child.pid)
			seen += row["path"] == fmt::format("/nonexistent/{}", seen) && row["comm"] == "opener" ? 1 : -opens;
	return seen == opens ? 0 : 3;
}

int refuse_profile()
{
	if (!refuse_perf(EPERM))
		return 1;
	Run run = run_anyprobe(with_ftrace({"profile", "-q", "-d", "1"}));
	if (run.status != 1 || std::count(run.err.begin(), run.err.end(), '\n') != 1)
		return 2;
	return run.err.find("perf") != run.err.npos ? 0 : 3;
}

// A probe that is on in an instance cannot be removed: the instance goes first.
int kill_one_and_run_another()
{
	if (!refuse_perf(EACCES))
		return 1;
	std::vector<std::string> arguments = with_ftrace({"funclatency", own_path() + ":ftrace_test::counted_function"});
	TracingFiles files;
	std::string group;
	{
		Anyprobe killed(arguments);
		group = fmt::format("anyprobe_{}_", killed.pid());
		killed.finish(SIGKILL);
	}
	auto is_there = [&] {
		return files.read("uprobe_events").find(group) != std::string::npos || files.instances().find(group) != std::string::npos;
	};
	if (!is_there()) // nobody could remove it
		return 2;
	Anyprobe next(arguments);
	bool is_swept = !is_there();
	group = fmt::format("anyprobe_{}_", next.pid());
	Run run = next.finish(SIGINT);
	if (run.status != 0 || is_there())
		return 3;
	return is_swept ? 0 : 4;
}

bool has(const char *feature)
{
	static const std::vector<Json> doctor = run_anyprobe({"doctor", "--engine", "ftrace", "--output", "json"}).rows();
	for (const Json &row : doctor)
		if (row.value("feature", "") == feature)
			return row["here"].get<bool>();
	return false;
}

void counts_calls()
{
	CHECK_EQUAL(WEXITSTATUS(run_child(count_calls_of_all_threads).status), 0);
}

void counts_functions()
{
	if (!has("uprobes"))
		skip("this kernel has no uprobes");
	CHECK_EQUAL(WEXITSTATUS(run_child(count_functions).status), 0);
}

void shows_every_open()
{
	if (!has("kprobes"))
		skip("this kernel has no kprobes");
	CHECK_EQUAL(WEXITSTATUS(run_child(show_opens).status), 0);
}

void is_swept_after_a_kill()
{
	if (!has("uprobes"))
		skip("this kernel has no uprobes");
	TracingFiles files; // skips here, not in the child
	CHECK_EQUAL(WEXITSTATUS(run_child(kill_one_and_run_another).status), 0);
}

void says_what_takes_perf()
{
	CHECK_EQUAL(WEXITSTATUS(run_child(refuse_profile).status), 0);
}

const Suite suite{"ftrace without perf",
		  {{"counts the calls of all threads of a process", counts_calls},
		   {"counts a program's function", counts_functions},
		   {"shows every open, to the last", shows_every_open},
		   {"what a killed run left is swept", is_swept_after_a_kill},
		   {"profile is refused in one line", says_what_takes_perf}}};

} // namespace
