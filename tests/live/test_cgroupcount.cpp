// SPDX-License-Identifier: GPL-2.0-only
#include "../suite.h"
#include "anyprobe.h"

#include <csignal>
#include <fstream>
#include <mntent.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace {

constexpr int calls = 20000, few = 60; // what fork, the move and the end add

std::string hierarchy()
{
	FILE *mounts = setmntent("/proc/self/mounts", "r");
	std::string root;
	while (const mntent *mount = mounts ? getmntent(mounts) : nullptr)
		if (mount->mnt_type == std::string_view("cgroup2"))
			root = mount->mnt_dir;
	if (mounts)
		endmntent(mounts);
	if (root.empty())
		skip("no cgroup v2 hierarchy is mounted");
	return root;
}

// A cgroup that is there as long as the object.
class Cgroup {
	std::string root_ = hierarchy(), name_ = fmt::format("/anyprobe-test-{}", getpid());

public:
	Cgroup()
	{
		if (mkdir((root_ + name_).c_str(), 0755) != 0)
			skip("no cgroup can be made in " + root_);
	}
	~Cgroup() { rmdir((root_ + name_).c_str()); }
	Cgroup(const Cgroup &) = delete;
	Cgroup &operator=(const Cgroup &) = delete;
	const std::string &name() const { return name_; }
	std::string procs() const { return root_ + name_ + "/cgroup.procs"; }
};

std::string procs_to_join;

int make_calls()
{
	std::ofstream(procs_to_join) << getpid() << std::flush;
	sleep_seconds(0.3); // the ftrace engine reads the cgroup from /proc, now and then
	for (int i = 0; i < calls; i++)
		syscall(SYS_getppid);
	sleep_seconds(0.3);
	return 0;
}

long calls_in(const Run &run, const std::string &cgroup)
{
	long count = 0;
	for (const Json &row : run.rows())
		if (row["cgroup"] == cgroup)
			count += row["calls"].get<long>();
	return count;
}

void counts_by_cgroup()
{
	need_sample("cgroupcount");
	Cgroup own;
	procs_to_join = own.procs();
	Anyprobe cgroupcount({"cgroupcount", "--output", "json"});
	run_child(make_calls);
	Run run = cgroupcount.finish(SIGINT);
	CHECK_EQUAL(run.status, 0);
	long count = calls_in(run, own.name());
	CHECK(count >= calls && count < calls + few);
}

void counts_one_cgroup_alone()
{
	need_sample("cgroupcount");
	Cgroup own;
	procs_to_join = own.procs();
	Anyprobe cgroupcount({"cgroupcount", "--output", "json", "-g", own.name()});
	run_child(make_calls);
	Run run = cgroupcount.finish(SIGINT);
	CHECK_EQUAL(run.rows().size(), 1);
	CHECK(calls_in(run, own.name()) >= calls);
}

// 2500 of 20,000 are expected, and 47 is the standard deviation: six of them.
void estimates_from_a_sample()
{
	need_sample("cgroupcount");
	Cgroup own;
	procs_to_join = own.procs();
	Anyprobe cgroupcount({"cgroupcount", "--output", "json", "-N", "8"});
	run_child(make_calls);
	long count = calls_in(cgroupcount.finish(SIGINT), own.name());
	CHECK_EQUAL(count % 8, 0);
	CHECK(count > calls - 6 * 47 * 8 && count < calls + few + 6 * 47 * 8);
}

void says_what_is_no_cgroup()
{
	hierarchy();
	Run run = run_anyprobe({"cgroupcount", "-g", "/no such cgroup"});
	CHECK_EQUAL(run.status, 2);
	CHECK(run.err.find("no such cgroup: No such file or directory") != run.err.npos);
}

const Suite suite{"cgroupcount",
		  {{"counts system calls by cgroup", counts_by_cgroup},
		   {"counts one cgroup alone with -g", counts_one_cgroup_alone},
		   {"estimates from a random sample with -N", estimates_from_a_sample},
		   {"says what is no cgroup", says_what_is_no_cgroup}}};

} // namespace
