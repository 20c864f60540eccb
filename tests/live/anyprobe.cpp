// SPDX-License-Identifier: GPL-2.0-only
#include "anyprobe.h"
#include "../suite.h"

#include <algorithm>
#include <cstdlib>
#include <csignal>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <set>
#include <sstream>
#include <sys/wait.h>
#include <unistd.h>

namespace {

constexpr double start_seconds = 120; // an emulated kernel takes its time

std::string read_whole(int fd)
{
	std::string text;
	char block[65536];
	off_t at = 0;
	for (ssize_t got; (got = pread(fd, block, sizeof(block), at)) > 0; at += got)
		text.append(block, static_cast<size_t>(got));
	return text;
}

int temporary_file()
{
	char name[] = "/tmp/anyprobe-test-XXXXXX";
	int fd = mkostemp(name, O_CLOEXEC);
	unlink(name);
	return fd;
}

int exit_status(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

pid_t spawn(const std::string &path, std::vector<std::string> arguments, int out, int err)
{
	std::vector<char *> argv;
	for (std::string &argument : arguments)
		argv.push_back(argument.data());
	argv.push_back(nullptr);
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		dup2(out, 1);
		dup2(err, 2);
		execv(path.c_str(), argv.data());
		_exit(127);
	}
	return pid;
}

// The commands that only tell something run no programs.
bool takes_engine(const std::vector<std::string> &arguments)
{
	static const std::set<std::string> others = {"btf", "list", "man", "module", "complete", "help", "version", "--help", "-h", "--version"};
	bool is_given = std::find(arguments.begin(), arguments.end(), "--engine") != arguments.end();
	return arguments.size() > 1 && !others.contains(arguments[1]) && !is_given;
}

} // namespace

void sleep_seconds(double seconds)
{
	timespec time{static_cast<time_t>(seconds), static_cast<long>((seconds - static_cast<double>(static_cast<time_t>(seconds))) * 1e9)};
	while (nanosleep(&time, &time) != 0 && errno == EINTR) {
	}
}

std::string own_path()
{
	char path[4096];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path));
	return std::string(path, static_cast<size_t>(std::max<ssize_t>(length, 0)));
}

bool run_tool(const std::vector<std::string> &arguments)
{
	for (const char *directory : {"/sbin/", "/bin/"})
		if (std::string path = directory + arguments[0]; access(path.c_str(), X_OK) == 0)
			return run_program(path, arguments).status == 0;
	return false;
}

std::string anyprobe_path()
{
	if (const char *given = getenv("ANYPROBE"))
		return given;
	std::string own = own_path();
	std::string tests = own.substr(0, own.rfind('/'));
	return tests.substr(0, tests.rfind('/')) + "/anyprobe";
}

std::vector<Json> Run::rows() const
{
	std::vector<Json> rows;
	std::istringstream lines(out);
	for (std::string line; std::getline(lines, line);) {
		Json row = Json::parse(line, nullptr, false);
		CHECK(!row.is_discarded());
		if (!row.is_discarded())
			rows.push_back(std::move(row));
	}
	return rows;
}

Anyprobe::Anyprobe(std::vector<std::string> arguments) : out_(temporary_file()), err_(temporary_file())
{
	arguments.insert(arguments.begin(), "anyprobe");
	const char *engine = getenv("ANYPROBE_ENGINE");
	if (engine && engine != std::string("auto") && takes_engine(arguments))
		arguments.insert(arguments.end(), {"--engine", engine});
	pid_ = spawn(anyprobe_path(), std::move(arguments), out_, err_);
	for (double waited = 0; waited < start_seconds; waited += 0.005) {
		std::string err = written_to_err();
		if (err.find(": tracing") != err.npos || err.find(": collecting") != err.npos)
			return;
		siginfo_t info{};
		if (waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid)
			return;
		sleep_seconds(0.005);
	}
	CHECK(!"it says that it has started, or ends");
}

Anyprobe::~Anyprobe()
{
	if (pid_ > 0)
		finish(SIGKILL);
	close(out_);
	close(err_);
}

std::string Anyprobe::written_to_err() const
{
	return read_whole(err_);
}

std::string Anyprobe::out() const
{
	return read_whole(out_);
}

void Anyprobe::wait_for_lines(size_t lines, double seconds)
{
	for (double waited = 0; waited < seconds; waited += 0.01) {
		std::string text = out();
		if (static_cast<size_t>(std::count(text.begin(), text.end(), '\n')) >= lines)
			return;
		sleep_seconds(0.01);
	}
}

Run Anyprobe::finish(int signal)
{
	int status = 0;
	if (signal)
		kill(pid_, signal);
	waitpid(pid_, &status, 0);
	pid_ = -1;
	return {exit_status(status), read_whole(out_), read_whole(err_)};
}

Run run_anyprobe(std::vector<std::string> arguments)
{
	return Anyprobe(std::move(arguments)).finish(0);
}

void need_sample(const std::string &sample)
{
	static const std::vector<Json> doctor = run_anyprobe({"doctor", "--output", "json"}).rows();
	for (const Json &row : doctor) {
		if (row.value("sample", "") != sample)
			continue;
		if (row["runs_by"] != "none")
			return;
		Run refused = run_anyprobe({sample, "-d", "1", "-q"});
		if (refused.status != 2) { // it wants arguments, and says so first
			CHECK_EQUAL(refused.status, 1);
			CHECK_EQUAL(std::count(refused.err.begin(), refused.err.end(), '\n'), 1);
			CHECK(refused.err.find("this kernel has no") != std::string::npos ||
			      refused.err.find(": failed to plan ") != std::string::npos ||
			      refused.err.find("object: failed to load") != std::string::npos);
		}
		skip(row["why"]);
	}
	CHECK(!"doctor knows the sample");
}

void skip_with_engine(const char *engine, const char *reason)
{
	const char *used = getenv("ANYPROBE_ENGINE");
	if (used && !strcmp(used, engine))
		skip(reason);
}

Child run_child(int (*work)())
{
	fflush(stdout);
	Child child{fork(), 0};
	if (child.pid == 0)
		_exit(work());
	waitpid(child.pid, &child.status, 0);
	return child;
}

Child run_program(const std::string &path, std::vector<std::string> arguments)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	Child child{spawn(path, std::move(arguments), null, null), 0};
	waitpid(child.pid, &child.status, 0);
	close(null);
	return child;
}
