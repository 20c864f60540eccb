// SPDX-License-Identifier: GPL-2.0-only
#include "../suite.h"
#include "anyprobe.h"

#include <csignal>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace {

constexpr int good = 25, bad = 7;

// `good` opens of /dev/null that work, `bad` of files that are not there.
int open_files()
{
	for (int i = 0; i < good; i++)
		close(open("/dev/null", O_RDONLY | O_CLOEXEC));
	for (int i = 0; i < bad; i++)
		open(fmt::format("/nonexistent/{}", i).c_str(), O_RDWR);
	return 0;
}

void sees_every_open_of_a_process()
{
	need_sample("opensnoop");
	Anyprobe opensnoop({"opensnoop", "--output", "json"});
	Child child = run_child(open_files);
	opensnoop.wait_for_lines(good + bad);
	sleep_seconds(0.2);
	Run run = opensnoop.finish(SIGINT);
	CHECK_EQUAL(run.status, 0);

	int opened = 0, failed = 0;
	for (const Json &row : run.rows()) {
		if (row["pid"] != child.pid)
			continue;
		if (row["path"] == "/dev/null") {
			opened++;
			CHECK(row["result"] >= 0);
			CHECK_EQUAL(row["flags"].get<long>() & O_CLOEXEC, O_CLOEXEC);
		} else {
			CHECK_EQUAL(row["path"].get<std::string>(), fmt::format("/nonexistent/{}", failed));
			CHECK_EQUAL(row["result"].get<long>(), -ENOENT);
			CHECK_EQUAL(row["flags"].get<long>() & O_ACCMODE, O_RDWR);
			failed++;
		}
	}
	CHECK_EQUAL(opened, good);
	CHECK_EQUAL(failed, bad);
}

void shows_failed_opens_alone()
{
	need_sample("opensnoop");
	Anyprobe opensnoop({"opensnoop", "-x", "--output", "json"});
	Child child = run_child(open_files);
	opensnoop.wait_for_lines(bad);
	sleep_seconds(0.2);
	int failed = 0;
	for (const Json &row : opensnoop.finish(SIGINT).rows()) {
		CHECK(row["result"] < 0);
		failed += row["pid"] == child.pid;
	}
	CHECK_EQUAL(failed, bad);
}

int open_in_a_renamed_task()
{
	int name = open("/proc/self/comm", O_WRONLY);
	if (write(name, "renamed", 7) != 7)
		return 1;
	open("/nonexistent/by-name", O_RDONLY);
	return 0;
}

void filters_by_name_and_by_process()
{
	need_sample("opensnoop");
	Anyprobe by_name({"opensnoop", "--comm", "renamed", "--output", "json"});
	Anyprobe by_pid({"opensnoop", "-p", std::to_string(getpid()), "--output", "json"});
	run_child(open_in_a_renamed_task);
	open("/nonexistent/by-pid", O_RDONLY);
	by_name.wait_for_lines(1);
	by_pid.wait_for_lines(1);
	sleep_seconds(0.2);
	bool seen = false;
	for (const Json &row : by_name.finish(SIGINT).rows()) {
		CHECK_EQUAL(row["comm"].get<std::string>(), "renamed");
		seen = seen || row["path"] == "/nonexistent/by-name";
	}
	CHECK(seen);
	seen = false;
	for (const Json &row : by_pid.finish(SIGINT).rows()) {
		CHECK_EQUAL(row["pid"].get<int>(), getpid());
		seen = seen || row["path"] == "/nonexistent/by-pid";
	}
	CHECK(seen);
}

// openat2's number and its argument, for C libraries that lack both.
void sees_openat2()
{
	need_sample("opensnoop");
	struct {
		uint64_t flags, mode, resolve;
	} how = {O_RDONLY | O_NOFOLLOW, 0, 0};
	constexpr long openat2_number = 437;
	if (syscall(openat2_number, AT_FDCWD, "/dev/null", &how, sizeof(how)) < 0 && errno == ENOSYS)
		skip("this kernel has no openat2(2)");
	Anyprobe opensnoop({"opensnoop", "-p", std::to_string(getpid()), "--output", "json"});
	syscall(openat2_number, AT_FDCWD, "/nonexistent/openat2", &how, sizeof(how));
	opensnoop.wait_for_lines(1);
	bool seen = false;
	for (const Json &row : opensnoop.finish(SIGINT).rows())
		if (row["path"] == "/nonexistent/openat2") {
			seen = true;
			CHECK_EQUAL(row["flags"].get<long>(), O_RDONLY | O_NOFOLLOW);
		}
	CHECK(seen);
}

const Suite suite{"opensnoop",
		  {{"sees every open of a process, with flags and result", sees_every_open_of_a_process},
		   {"shows failed opens alone with -x", shows_failed_opens_alone},
		   {"shows only what --comm and -p ask for", filters_by_name_and_by_process},
		   {"sees openat2(2)", sees_openat2}}};

} // namespace
