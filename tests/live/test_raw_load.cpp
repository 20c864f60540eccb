// SPDX-License-Identifier: GPL-2.0-only
#include "../suite.h"
#include "anyprobe.h"

#include <csignal>
#include <sched.h>
#include <unistd.h>

namespace {

constexpr int starts = 23;

// This test's own file under a name that nobody else has.
class Copy {
	std::string path_;

public:
	explicit Copy(const char *name) : path_(fmt::format("/tmp/{}", name))
	{
		unlink(path_.c_str());
		if (symlink(own_path().c_str(), path_.c_str()) != 0)
			skip("no link can be made in /tmp");
	}
	~Copy() { unlink(path_.c_str()); }
	Copy(const Copy &) = delete;
	Copy &operator=(const Copy &) = delete;
	void start() const { run_program(path_, {"tests", "no suite of this name"}); }
};

long count_of(const Run &run, int cpu = -1)
{
	long count = 0;
	for (const Json &row : run.rows())
		if (cpu < 0 || row["cpu"] == cpu)
			count += row["programs"].get<long>();
	return count;
}

// On CPU 0 alone, while the object is there.
class OnFirstCpu {
	cpu_set_t before_;

public:
	OnFirstCpu()
	{
		cpu_set_t first;
		CPU_ZERO(&first);
		CPU_SET(0, &first);
		sched_getaffinity(0, sizeof(before_), &before_);
		sched_setaffinity(0, sizeof(first), &first);
	}
	~OnFirstCpu() { sched_setaffinity(0, sizeof(before_), &before_); }
	OnFirstCpu(const OnFirstCpu &) = delete;
	OnFirstCpu &operator=(const OnFirstCpu &) = delete;
};

void counts_programs_started_by_cpu()
{
	need_sample("raw_load");
	Copy named("raw load test"), other("raw load other");
	Anyprobe raw_load({"raw_load", "--comm", "raw load test", "--output", "json"});
	{
		OnFirstCpu pinned;
		for (int i = 0; i < starts; i++) {
			named.start();
			other.start();
		}
	}
	Run run = raw_load.finish(SIGINT);
	CHECK_EQUAL(run.status, 0);
	CHECK_EQUAL(count_of(run), starts);
	CHECK_EQUAL(count_of(run, 0), starts);
}

// This process starts none; its children are others.
void counts_of_one_process_alone()
{
	need_sample("raw_load");
	Copy other("raw load other");
	Anyprobe raw_load({"raw_load", "-p", std::to_string(getpid()), "--output", "json"});
	other.start();
	CHECK_EQUAL(count_of(raw_load.finish(SIGINT)), 0);
}

void explains_each_instruction()
{
	need_sample("raw_load");
	Anyprobe raw_load({"raw_load", "--explain", "-p", "1"});
	Run run = raw_load.finish(SIGINT);
	for (std::string line : {" 0: call bpf_get_current_pid_tgid#14\n", " 2: if r0 == 1 goto 5\n",
				 "14: lock *(u64 *)(r0 +0) += r1\n", "16: exit\n"})
		CHECK_EQUAL(run.err.find(line) == run.err.npos ? "missing: " + line : "", "");
}

const Suite suite{"raw_load",
		  {{"counts programs started, by CPU and by name", counts_programs_started_by_cpu},
		   {"counts a process's own with -p", counts_of_one_process_alone},
		   {"explains each instruction", explains_each_instruction}}};

} // namespace
