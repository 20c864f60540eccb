// SPDX-License-Identifier: GPL-2.0-only
// The choice of engines where bpf(2) is there, but as old as in RHEL 7.9: tests/old stands before the kernel's own.
#include "../suite.h"
#include "started.h"

#include <cstdlib>

namespace {

// The program under test is behind tests/old, until this goes.
class OldKernel {
	std::string path_ = own_path().substr(0, own_path().rfind('/')) + "/old-kernel";

public:
	OldKernel()
	{
		if (getenv("ANYPROBE"))
			skip("it is another build that is tested");
		if (run_program(path_, {"anyprobe", "version"}).status != 0)
			skip("this kernel cannot be made to look older (needs Linux 5.5, CONFIG_SECCOMP_FILTER)");
		setenv("ANYPROBE", path_.c_str(), 1);
	}
	~OldKernel() { unsetenv("ANYPROBE"); }
	OldKernel(const OldKernel &) = delete;
	OldKernel &operator=(const OldKernel &) = delete;
};

Json doctors_row(const Run &doctor, const std::string &sample)
{
	for (const Json &row : doctor.rows())
		if (row.value("sample", "") == sample)
			return row;
	return {};
}

// A map type and a helper that it does not have: netcount's trie, cgroupcount's question for the cgroup.
void goes_on_to_the_next_engine()
{
	OldKernel old;
	Run doctor = run_started({.arguments = {"anyprobe", "doctor", "--output", "json"}});
	Run kernel = run_started({.arguments = {"anyprobe", "doctor", "--output", "json", "--engine", "kernel"}});
	for (const std::string sample : {"netcount", "cgroupcount"}) {
		Json by_kernel = doctors_row(kernel, sample);
		CHECK_EQUAL(by_kernel.value("runs_by", ""), "none");
		CHECK(by_kernel.value("why", "").find("object: failed to load") != std::string::npos);

		std::string next = doctors_row(doctor, sample).value("runs_by", "");
		Run run = run_started({.arguments = {"anyprobe", sample, "-d", "0.2"}});
		CHECK(run.err.find("object: failed to load") != run.err.npos);
		CHECK(run.err.starts_with(sample + ": engine kernel: "));
		if (next == "none") {
			CHECK_EQUAL(run.status, 1);
			continue;
		}
		CHECK_EQUAL(run.status, 0);
		size_t second = run.err.find("\n" + sample + ": engine " + next + ": ");
		CHECK(second != run.err.npos && run.err.find(", for object: failed to load", second) != run.err.npos);
	}
}

// Constants that the kernel never sees, perf buffers instead of rings: what fits is not refused.
void fits_what_an_old_kernel_runs()
{
	OldKernel old;
	Run kernel = run_started({.arguments = {"anyprobe", "doctor", "--output", "json", "--engine", "kernel"}});
	for (const std::string sample : {"biolatency", "execsnoop", "forkcount", "hello", "opensnoop", "profile", "raw_load",
					 "runqlat", "syscount"}) {
		Json row = doctors_row(kernel, sample);
		CHECK_EQUAL(row.value("runs_by", ""), "kernel");
		Run run = run_started({.arguments = {"anyprobe", sample, "-d", "0.1", "-q", "--engine", "kernel"}});
		CHECK_EQUAL(run.status, 0);
	}
}

const Suite suite{"old bpf",
		  {{"what does not fit an old kernel's bpf(2) goes on to the next engine, and doctor knows", goes_on_to_the_next_engine},
		   {"doctor says kernel of what it runs", fits_what_an_old_kernel_runs}}};

} // namespace
