// SPDX-License-Identifier: GPL-2.0-only
#include "started.h"
#include "../suite.h"

#include <algorithm>
#include <csignal>
#include <cstddef>
#include <fcntl.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace
{

std::string read_whole(int fd)
{
	std::string text;
	char block[65536];
	for (ssize_t got; (got = pread(fd, block, sizeof(block), static_cast<off_t>(text.size()))) > 0;)
		text.append(block, static_cast<size_t>(got));
	return text;
}

[[noreturn]] void become(const Start &start, int program, int out, int err)
{
	std::vector<char *> argv;
	for (const std::string &argument : start.arguments)
		argv.push_back(const_cast<char *>(argument.c_str()));
	argv.push_back(nullptr);
	dup2(out, 1);
	dup2(err, 2);
	signal(SIGPIPE, SIG_DFL);
	if (start.user && (setgroups(0, nullptr) != 0 || setgid(start.user) != 0 || setuid(start.user) != 0))
		_exit(126);
	if (start.first_unknown_call) { // execve: fexecve may itself want a newer call
		if (refuse_calls(start.first_unknown_call, true, ENOSYS))
			execv(anyprobe_path().c_str(), argv.data());
		_exit(125);
	}
	fexecve(program, argv.data(), environ); // its path may be out of that user's sight
	_exit(127);
}

} // namespace

// seccomp (3.5) needs no privilege once nothing that is executed can give any.
bool refuse_calls(unsigned number, bool and_later, int error)
{
	sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
		BPF_JUMP(static_cast<__u16>(BPF_JMP | (and_later ? BPF_JGE : BPF_JEQ) | BPF_K), number, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<__u32>(error)),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	sock_fprog program = {std::size(filter), filter};
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

Run run_started(const Start &start)
{
	int program = open(anyprobe_path().c_str(), O_RDONLY | O_CLOEXEC);
	int kept = memfd_create("out", MFD_CLOEXEC), err = memfd_create("err", MFD_CLOEXEC);
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0)
		become(start, program, start.out >= 0 ? start.out : kept, err);
	if (start.kill_after) {
		sleep_seconds(start.kill_after);
		kill(pid, SIGKILL);
	}
	int status = 0;
	waitpid(pid, &status, 0);
	Run run{WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), read_whole(kept), read_whole(err)};
	close(program);
	close(kept);
	close(err);
	return run;
}

std::string test_object(const std::string &name)
{
	std::string own = own_path();
	return own.substr(0, own.rfind('/')) + "/" + name + ".bpf.o";
}

void need_feature(const std::string &feature, const std::string &object)
{
	static const std::vector<Json> doctor = run_anyprobe({"doctor", "--output", "json"}).rows();
	for (const Json &row : doctor) {
		if (row.value("feature", "") != feature)
			continue;
		if (row["here"] == true)
			return;
		Run refused = run_anyprobe({"run", test_object(object), "-d", "1", "-q"});
		CHECK_EQUAL(refused.status, 1);
		CHECK_EQUAL(refused.err.substr(0, refused.err.find('(')),
			    fmt::format("run: this kernel has no {} ", feature));
		CHECK_EQUAL(lines_in(refused.err), 1);
		skip("this kernel has no " + feature);
	}
	CHECK(!"doctor knows the feature");
}

long lines_in(const std::string &text)
{
	return std::count(text.begin(), text.end(), '\n');
}
