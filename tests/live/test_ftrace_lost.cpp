// SPDX-License-Identifier: GPL-2.0-only
// What the ftrace engine cannot show, it counts or refuses: nothing is missing without a word.
#include "../suite.h"
#include "started.h"

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace ftrace_test {

__attribute__((noinline)) void may_end_inside(bool ends)
{
	if (ends)
		_exit(0);
	__asm__ volatile("");
}

} // namespace ftrace_test

namespace {

constexpr int long_opens = 5, short_opens = 7, path_length = 3900;
constexpr int sleepers = 600, threads = 4, calls = 250;

// "opensnoop: 5 lost: ..": 5.
long lost(const Run &run)
{
	size_t at = run.err.find(" lost: ");
	if (at == run.err.npos)
		return 0;
	size_t start = run.err.rfind(' ', at - 1);
	return atol(run.err.c_str() + start + 1);
}

bool has_feature(const std::string &name)
{
	static const std::vector<Json> doctor = run_anyprobe({"doctor", "--engine", "ftrace", "--output", "json"}).rows();
	for (const Json &row : doctor)
		if (row.value("feature", "") == name)
			return row["here"].get<bool>();
	return false;
}

void need(const char *feature)
{
	if (!has_feature(feature))
		skip(fmt::format("this kernel has no {}", feature));
}

int open_long_and_short_paths()
{
	std::string path;
	while (path.size() < path_length)
		path += "/.";
	path += "/dev/null";
	for (int i = 0; i < long_opens; i++)
		close(open(path.c_str(), O_RDONLY | O_CLOEXEC));
	for (int i = 0; i < short_opens; i++)
		close(open("/dev/null", O_RDONLY | O_CLOEXEC));
	return 0;
}

// A record has 8192 bytes at most (2048 before 5.17), and the kernel drops a larger one without a word.
void a_too_large_event_is_counted()
{
	need("kprobes");
	Anyprobe paths({"run", test_object("long_paths"), "--engine", "ftrace", "--output", "json"});
	Child child = run_child(open_long_and_short_paths);
	paths.wait_for_lines(short_opens);
	sleep_seconds(0.3);
	Run run = paths.finish(SIGINT);
	CHECK_EQUAL(run.status, 0);
	long seen_short = 0, seen_long = 0;
	for (const Json &row : run.rows())
		if (row["record"]["pid"] == child.pid)
			(row["record"]["whole"] == "/dev/null" ? seen_short : seen_long)++;
	CHECK_EQUAL(seen_short, short_opens);
	CHECK_EQUAL(seen_long, 0);
	CHECK_EQUAL(lost(run), long_opens);
}

// What fits is shown, whatever the program takes of it; what does not is counted: kernels differ.
void long_paths_are_shown_or_counted()
{
	need("kprobes");
	Anyprobe opensnoop({"opensnoop", "--engine", "ftrace", "--output", "json"});
	Child child = run_child(open_long_and_short_paths);
	opensnoop.wait_for_lines(short_opens);
	sleep_seconds(0.3);
	Run run = opensnoop.finish(SIGINT);
	CHECK_EQUAL(run.status, 0);
	long seen_short = 0, seen_long = 0;
	for (const Json &row : run.rows())
		if (row["pid"] == child.pid)
			(row["path"] == "/dev/null" ? seen_short : seen_long)++;
	CHECK_EQUAL(seen_short, short_opens);
	CHECK_EQUAL(seen_long + lost(run), long_opens);
}

void sleep_until(std::atomic<bool> &end)
{
	prctl(PR_SET_NAME, "sleeper");
	timespec long_time{3600, 0};
	while (!end)
		syscall(SYS_nanosleep, &long_time, nullptr);
}

// More tasks inside of one function than a return probe has instances: the rest is missed.
int sleep_in_many_threads()
{
	std::atomic<bool> end = false;
	std::vector<std::thread> all;
	signal(SIGUSR1, [](int) {});
	for (int i = 0; i < sleepers; i++)
		all.emplace_back(sleep_until, std::ref(end));
	sleep_seconds(2);
	end = true;
	for (std::thread &thread : all)
		pthread_kill(thread.native_handle(), SIGUSR1);
	for (std::thread &thread : all)
		thread.join();
	return 0;
}

void what_a_return_probe_misses_is_counted()
{
	need("kprobes");
	Anyprobe funclatency({"funclatency", "hrtimer_nanosleep", "--comm", "sleeper", "--engine", "ftrace", "--output", "json"});
	Child child = run_child(sleep_in_many_threads);
	CHECK_EQUAL(child.status, 0);
	Run run = funclatency.finish(SIGINT);
	CHECK_EQUAL(run.status, 0);
	long seen = 0;
	for (const Json &row : run.rows())
		seen += row["count"].get<long>();
	CHECK(seen > 0);
	if (seen < sleepers && !lost(run))
		skip(fmt::format("this kernel does not count what return probes miss ({} of {} seen)", seen, sleepers));
	CHECK(seen + lost(run) >= sleepers);
}

void refuses_what_cannot_be_probed()
{
	need("kprobes");
	for (const char *function : {"exc_int3", "no_such_function_at_all"}) {
		Run run = run_anyprobe({"funclatency", function, "--engine", "ftrace", "-q", "-d", "1"});
		CHECK_EQUAL(run.status, 1);
		CHECK_EQUAL(std::count(run.err.begin(), run.err.end(), '\n'), 1);
		CHECK(run.err.find(function) != run.err.npos);
	}
}

// Threads that are there when the tracing begins, and one that is not.
int call_in_threads(int begin)
{
	auto call = [begin] {
		pollfd ready{begin, POLLIN, 0};
		poll(&ready, 1, -1);
		for (int i = 0; i < calls; i++)
			syscall(SYS_getppid);
	};
	std::vector<std::thread> all;
	for (int i = 0; i < threads; i++)
		all.emplace_back(call);
	call();
	all.emplace_back(call);
	for (std::thread &thread : all)
		thread.join();
	return 0;
}

void follows_all_threads_of_a_process()
{
	int begin[2];
	REQUIRE(pipe2(begin, O_CLOEXEC) == 0);
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0)
		_exit(call_in_threads(begin[0]));
	sleep_seconds(0.3);
	Anyprobe syscount({"syscount", "-p", std::to_string(pid), "--engine", "ftrace", "-T", "0", "--output", "json"});
	CHECK_EQUAL(write(begin[1], "", 1), 1);
	waitpid(pid, nullptr, 0);
	Run run = syscount.finish(SIGINT);
	close(begin[0]);
	close(begin[1]);
	CHECK_EQUAL(run.status, 0);
	long seen = 0;
	for (const Json &row : run.rows())
		if (row["syscall"] == "getppid")
			seen = row["count"];
	CHECK_EQUAL(seen, (threads + 2) * calls);
}

void a_process_that_ends_inside_a_function_has_no_return()
{
	need("uprobes");
	Anyprobe funclatency({"funclatency", own_path() + ":ftrace_test::may_end_inside", "--engine", "ftrace", "--output", "json"});
	for (int i = 0; i < 3; i++)
		run_child([] {
			ftrace_test::may_end_inside(false);
			ftrace_test::may_end_inside(true);
			return 1;
		});
	Run run = funclatency.finish(SIGINT);
	CHECK_EQUAL(run.status, 0);
	auto rows = run.rows();
	REQUIRE(rows.size() == 1);
	CHECK_EQUAL(rows[0]["count"].get<long>(), 3);
}

const Suite suite{"ftrace, what is not seen",
		  {{"an event that is too large for perf is counted", a_too_large_event_is_counted},
		   {"long paths are shown, or counted", long_paths_are_shown_or_counted},
		   {"what a return probe misses is counted", what_a_return_probe_misses_is_counted},
		   {"a function that cannot be probed is refused in one line", refuses_what_cannot_be_probed},
		   {"-p follows all threads of a process", follows_all_threads_of_a_process},
		   {"a process that ends in a function is no return", a_process_that_ends_inside_a_function_has_no_return}}};

} // namespace
