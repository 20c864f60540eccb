// SPDX-License-Identifier: GPL-2.0-only
// anyprobe where the kernel knows only the system calls of long ago: everything ends in an answer, nothing in a crash.
#include "../suite.h"
#include "started.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <sys/syscall.h>

namespace {

struct Profile {
	const char *linux;
	unsigned first_unknown_call; // x86-64's numbers were given out in order
};

// 2.6.33 brought recvmmsg, 3.14 sched_setattr.
constexpr Profile profiles[] = {{"2.6.32", SYS_recvmmsg}, {"3.10", SYS_sched_setattr}};

// Neither a signal (128 and up) nor the test's own failure (125).
bool ended_by_itself(const Run &run)
{
	return run.status == 0 || run.status == 1;
}

void need_seccomp()
{
	if (getenv("ANYPROBE"))
		skip("it is another build that is tested: a sanitizer wants newer system calls");
	if (run_started({.arguments = {"anyprobe", "version"}, .first_unknown_call = profiles[0].first_unknown_call}).status == 125)
		skip("this kernel has no seccomp filters");
}

void lists_and_examines()
{
	need_seccomp();
	for (const Profile &profile : profiles) {
		auto run = [&profile](std::vector<std::string> arguments) {
			arguments.insert(arguments.begin(), "anyprobe");
			return run_started({.arguments = std::move(arguments), .first_unknown_call = profile.first_unknown_call});
		};
		Run list = run({"list"});
		CHECK_EQUAL(list.status, 0);
		CHECK(list.out.find("execsnoop") != list.out.npos);
		CHECK(ended_by_itself(run({"doctor"})));
		Run doctor = run({"doctor", "--engine", "kernel", "--output", "json"});
		CHECK_EQUAL(doctor.status, 1); // it has no bpf(2)
		for (const Json &row : doctor.rows())
			for (const char *bpf : {"bpf(2)", "kprobe programs", "bpf_probe_read_kernel", "attach cookies", "ring buffer"})
				if (row.value("feature", "") == bpf)
					CHECK_EQUAL(row["here"].get<bool>(), false);
		for (const std::vector<std::string> &command :
		     {std::vector<std::string>{"module", "status"}, {"module", "load", "/nowhere/anyprobe.ko"}, {"module", "unload"},
		      {"btf", "check", own_path()}, {"btf", "check", "/sys/kernel/btf/vmlinux"}, {"btf", "from-vmlinux", own_path()},
		      {"btf", "make", "--headers", "/nowhere", "-o", "/nowhere/types"}, {"btf", "make", "--headers", "/", "-o", "/nowhere/types"}}) {
			Run told = run(command);
			CHECK(ended_by_itself(told) || told.status == 2);
			CHECK(told.status == 0 || lines_in(told.err + told.out) >= 1);
			CHECK(told.err.find(strerror(ENOSYS)) == told.err.npos || command[0] == "module");
		}
		CHECK_EQUAL(run({"version"}).status, 0);
		CHECK_EQUAL(run({"man", "execsnoop"}).status, 0);
	}
}

// With what is left of engines, or in one line without.
void every_sample_ends_in_an_answer()
{
	need_seccomp();
	int samples = 0;
	Run doctor = run_started({.arguments = {"anyprobe", "doctor", "--output", "json"}});
	for (const Profile &profile : profiles)
		for (const Json &row : doctor.rows()) {
			std::string sample = row.value("sample", "");
			if (sample.empty())
				continue;
			samples++;
			std::vector<std::string> arguments = {"anyprobe", sample, "-q", "-d", "0.1"};
			if (sample == "usdt" || sample == "funclatency")
				arguments.push_back(own_path() + (sample == "usdt" ? "" : ":main"));
			if (sample == "vfscount")
				arguments.push_back("vfs_read");
			Run run = run_started({.arguments = arguments, .first_unknown_call = profile.first_unknown_call});
			CHECK(ended_by_itself(run));
			if (run.status)
				CHECK_EQUAL(lines_in(run.err), 1);
			CHECK(run.err.find(strerror(ENOSYS)) == run.err.npos); // none that nobody expected
		}
	CHECK_EQUAL(samples, 2 * lines_in(run_started({.arguments = {"anyprobe", "list"}}).out));
}

const Suite suite{"old systems",
		  {{"list, doctor and manual pages with the system calls of 2.6.32 and 3.10", lists_and_examines},
		   {"every sample ends in an answer with them", every_sample_ends_in_an_answer}}};

} // namespace
