// SPDX-License-Identifier: GPL-2.0-only
#include "../suite.h"
#include "anyprobe.h"

#include <cstdlib>
#include <ctime>
#include <map>
#include <sched.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SCHED_RESET_ON_FORK
#define SCHED_RESET_ON_FORK 0x40000000
#endif

namespace {

uint64_t since_boot()
{
	timespec time;
	clock_gettime(CLOCK_BOOTTIME, &time);
	return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(time.tv_nsec);
}

// Runs it in a task whose bit is set or not; a shell in between would have the kernel clear it.
std::map<std::string, Json> facts(bool reset_on_fork)
{
	const char *engine = getenv("ANYPROBE_ENGINE");
	int out = memfd_create("out", 0);
	pid_t pid = fork();
	if (pid == 0) {
		sched_param param{};
		dup2(out, 1);
		sched_setscheduler(0, SCHED_OTHER | (reset_on_fork ? SCHED_RESET_ON_FORK : 0), &param);
		execl(anyprobe_path().c_str(), "anyprobe", "core_fields", "-q", "--output", "json", "--engine",
		      engine ? engine : "auto", nullptr);
		_exit(127);
	}
	int status = -1;
	waitpid(pid, &status, 0);
	CHECK_EQUAL(status, 0);
	std::string text(static_cast<size_t>(lseek(out, 0, SEEK_END)), 0);
	CHECK(pread(out, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()));
	close(out);
	std::map<std::string, Json> facts;
	for (const Json &row : Run{0, text, ""}.rows())
		facts[row["what"].get<std::string>()] = row;
	return facts;
}

void finds_its_own_task()
{
	need_sample("core_fields");
	uint64_t before = since_boot();
	auto all = facts(false);
	uint64_t after = since_boot();
	REQUIRE(all.size() == 11);
	CHECK_EQUAL(all["task_struct.comm"]["value"].get<std::string>(), "anyprobe");
	CHECK_EQUAL(all["signal_struct.pids[PIDTYPE_SID] (4.19)"]["value"].get<int>(), getsid(0));
	const Json &start = all["task_struct.start_boottime (5.5)"], &old_start = all["task_struct.real_start_time (until 5.4)"];
	CHECK(start["here"] != old_start["here"]);
	uint64_t started = (start["here"].get<bool>() ? start : old_start)["value"].get<uint64_t>();
	CHECK(started >= before && started <= after);
}

void finds_where_things_lie()
{
	need_sample("core_fields");
	auto all = facts(false);
	CHECK(all["task_struct.__state (5.14)"]["here"] != all["task_struct.state (until 5.13)"]["here"]);
	int size = all["struct task_struct"]["bytes"].get<int>();
	for (const auto &[what, fact] : all)
		if (what.starts_with("task_struct.") && fact["here"].get<bool>())
			CHECK(fact["offset"].get<int>() + fact["bytes"].get<int>() <= size);
	CHECK_EQUAL(all["task_struct.comm"]["bytes"].get<int>(), 16);
	utsname name;
	uname(&name);
	int major = 0, minor = 0;
	sscanf(name.release, "%d.%d", &major, &minor);
	CHECK(all["LINUX_KERNEL_VERSION"]["value"].get<std::string>().starts_with(fmt::format("{}.{}.", major, minor)));
}

void reads_one_bit()
{
	need_sample("core_fields");
	const char *bit = "task_struct.sched_reset_on_fork (one bit)";
	CHECK_EQUAL(facts(false)[bit]["value"].get<int>(), 0);
	CHECK(facts(true)[bit]["value"].get<int>() != 0);
}

const Suite suite{"core_fields",
		  {{"finds what the kernel knows of its own task", finds_its_own_task},
		   {"finds where things lie", finds_where_things_lie},
		   {"reads one bit", reads_one_bit}}};

} // namespace
