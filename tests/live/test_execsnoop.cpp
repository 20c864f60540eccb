// SPDX-License-Identifier: GPL-2.0-only
#include "../suite.h"
#include "anyprobe.h"

#include <csignal>
#include <fcntl.h>
#include <thread>
#include <unistd.h>

namespace {

constexpr int starts = 12;

// This test's own file, which with such arguments does nothing.
std::vector<std::string> nothing_to_do(std::vector<std::string> more)
{
	more.insert(more.begin(), {"tests", "no suite of this name"});
	return more;
}

std::vector<Json> rows_of(const Run &run, pid_t pid)
{
	std::vector<Json> rows;
	for (const Json &row : run.rows())
		if (row["pid"] == pid)
			rows.push_back(row);
	return rows;
}

void sees_every_program_with_its_arguments()
{
	need_sample("execsnoop");
	Anyprobe execsnoop({"execsnoop", "--output", "json"});
	std::vector<std::pair<pid_t, std::vector<std::string>>> started;
	for (int i = 0; i < starts; i++) {
		auto arguments = nothing_to_do({"", "with blank", "it's", std::string(static_cast<size_t>(i * 20), 'x')});
		started.emplace_back(run_program(own_path(), arguments).pid, arguments);
	}
	execsnoop.wait_for_lines(starts);
	sleep_seconds(0.2);
	Run run = execsnoop.finish(SIGINT);
	CHECK_EQUAL(run.status, 0);
	for (const auto &[pid, arguments] : started) {
		auto rows = rows_of(run, pid);
		REQUIRE(rows.size() == 1);
		CHECK_EQUAL(rows[0]["args"].dump(), Json(arguments).dump());
		CHECK_EQUAL(rows[0]["ppid"].get<int>(), getpid());
		CHECK_EQUAL(rows[0]["uid"].get<unsigned>(), getuid());
		CHECK_EQUAL(rows[0]["result"].get<int>(), 0);
		CHECK_EQUAL(rows[0]["comm"].get<std::string>(), own_path().substr(own_path().rfind('/') + 1, 15));
	}
}

int fail_to_start()
{
	char name[] = "nowhere";
	char *arguments[] = {name, nullptr};
	execv("/nonexistent/program", arguments);
	return 0;
}

void shows_failures_when_asked()
{
	need_sample("execsnoop");
	Anyprobe failed_too({"execsnoop", "-x", "--output", "json"});
	Anyprobe good_only({"execsnoop", "--output", "json"});
	Child child = run_child(fail_to_start);
	failed_too.wait_for_lines(1);
	sleep_seconds(0.2);
	auto rows = rows_of(failed_too.finish(SIGINT), child.pid);
	REQUIRE(rows.size() == 1);
	CHECK_EQUAL(rows[0]["result"].get<int>(), -ENOENT);
	CHECK_EQUAL(rows[0]["args"].dump(), "[\"nowhere\"]");
	CHECK(rows_of(good_only.finish(SIGINT), child.pid).empty());
}

// A thread that is not the leader: on success its thread id becomes the process's.
int start_from_a_thread()
{
	int null = open("/dev/null", O_WRONLY);
	dup2(null, 1);
	std::thread([] {
		std::string path = own_path();
		char name[] = "tests", nothing[] = "no suite of this name", mark[] = "from a thread";
		char *arguments[] = {name, nothing, mark, nullptr};
		execv(path.c_str(), arguments);
	}).join();
	return 1;
}

void follows_a_thread_that_becomes_the_process()
{
	need_sample("execsnoop");
	Anyprobe execsnoop({"execsnoop", "--output", "json"});
	Child child = run_child(start_from_a_thread);
	execsnoop.wait_for_lines(1);
	sleep_seconds(0.2);
	auto rows = rows_of(execsnoop.finish(SIGINT), child.pid);
	REQUIRE(rows.size() == 1);
	CHECK_EQUAL(rows[0]["args"][2].get<std::string>(), "from a thread");
}

void says_when_arguments_were_cut()
{
	need_sample("execsnoop");
	Anyprobe execsnoop({"execsnoop"});
	std::vector<std::string> many = nothing_to_do({});
	for (int i = 0; i < 40; i++)
		many.push_back(fmt::format("argument{}", i));
	run_program(own_path(), many);
	execsnoop.wait_for_lines(2);
	sleep_seconds(0.2);
	Run run = execsnoop.finish(SIGINT);
	CHECK(run.out.find("argument29 ...") != std::string::npos); // the 32nd of all
	CHECK(run.out.find("argument30") == std::string::npos);
}

const Suite suite{"execsnoop",
		  {{"sees every program started, with arguments, parent, user and result", sees_every_program_with_its_arguments},
		   {"shows failed calls with -x alone", shows_failures_when_asked},
		   {"follows a thread that becomes the process", follows_a_thread_that_becomes_the_process},
		   {"says when arguments were cut", says_when_arguments_were_cut}}};

} // namespace
