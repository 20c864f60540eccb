// SPDX-License-Identifier: GPL-2.0-only
// What the scripts of scripts/bench.d measure with. Each prints numbers on one line:
//
//	measure first-event COMMAND...   ms from the start of COMMAND to its first line about the program
//	                                 `true`, and its peak memory in KiB
//	measure started COMMAND...       ms until its first line on stderr
//	measure storm CALL RATE SECONDS  so many calls a second: how many there were, ns per call
//	measure fastest CALL SECONDS     ns per call, in the fastest batch
//	measure syscall                  ns per getppid(2), the best of five rounds
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <ctime>
#include <poll.h>
#include <pty.h>
#include <spawn.h>
#include <string>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

namespace {

constexpr double patience_ms = 20000;

double now_ms()
{
	timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

void run_true()
{
	char name[] = "true";
	char *arguments[] = {name, nullptr};
	pid_t pid;
	if (posix_spawn(&pid, "/bin/true", nullptr, nullptr, arguments, environ) == 0)
		waitpid(pid, nullptr, 0);
}

// The command writes to a terminal, as for a person, so that no library holds lines back.
int first_event(char **command)
{
	int terminal;
	double start = now_ms();
	pid_t pid = forkpty(&terminal, nullptr, nullptr, nullptr);
	if (pid == 0) {
		execvp(command[0], command);
		_exit(127);
	}
	std::string text;
	double first = 0;
	while (!first && now_ms() - start < patience_ms) {
		run_true();
		pollfd ready = {terminal, POLLIN, 0};
		char block[4096];
		if (poll(&ready, 1, 0) <= 0)
			continue;
		ssize_t got = read(terminal, block, sizeof(block));
		if (got <= 0)
			break;
		text.append(block, static_cast<size_t>(got));
		if (text.find("true") != text.npos)
			first = now_ms() - start;
	}
	kill(pid, SIGINT);
	rusage used;
	int status;
	wait4(pid, &status, 0, &used);
	if (!first) {
		fprintf(stderr, "measure: %s printed no event: %s\n", command[0], text.c_str());
		return 1;
	}
	printf("%.2f %ld\n", first, used.ru_maxrss);
	return 0;
}

// A sample says on stderr that it is attached: "tracing …" or "collecting …".
int started(char **command)
{
	int ends[2];
	if (pipe(ends) != 0)
		return 1;
	double start = now_ms();
	pid_t pid = fork();
	if (pid == 0) {
		dup2(ends[1], 2);
		dup2(open("/dev/null", O_WRONLY), 1); // a table's head is not our number
		close(ends[0]);
		execvp(command[0], command);
		_exit(127);
	}
	close(ends[1]);
	char block[4096];
	ssize_t got;
	std::string text;
	while (text.find("tracing") == text.npos && text.find("collecting") == text.npos &&
	       (got = read(ends[0], block, sizeof(block))) > 0)
		text.append(block, static_cast<size_t>(got));
	double ms = now_ms() - start;
	int status = 0;
	kill(pid, SIGINT);
	waitpid(pid, &status, 0);
	if (status) {
		fprintf(stderr, "measure: %s did not start: %s\n", command[0], text.c_str());
		return 1;
	}
	printf("%.2f\n", ms);
	return 0;
}

// Calls that fail early, so that what is added to them shows.
void one_call(const char *call)
{
	static const char *const arguments[] = {"first", "second", "third", nullptr};
	if (!strcmp(call, "openat"))
		syscall(SYS_openat, AT_FDCWD, "/nonexistent/file", 0);
	else if (!strcmp(call, "execve"))
		syscall(SYS_execve, 1L, arguments, arguments + 3); // no path there
	else
		syscall(SYS_getppid);
}

int syscall_cost()
{
	constexpr int calls = 2000000;
	double best = 1e9;
	for (int round = 0; round < 5; round++) {
		double start = now_ms();
		for (int i = 0; i < calls; i++)
			syscall(SYS_getppid);
		best = std::min(best, (now_ms() - start) * 1e6 / calls);
	}
	printf("%.2f\n", best);
	return 0;
}

// So many calls a second (0: as many as go), for so long; prints how many there were, and ns of a call's own time.
int storm(const char *call, double rate, double seconds)
{
	constexpr int batch = 100;
	double start = now_ms(), busy = 0, calls = 0;
	for (double now = start; now - start < seconds * 1e3; now = now_ms()) {
		if (rate && calls > (now - start) / 1e3 * rate)
			continue;
		double before = now_ms();
		for (int i = 0; i < batch; i++)
			one_call(call);
		busy += now_ms() - before;
		calls += batch;
	}
	printf("%.0f %.1f\n", calls, busy * 1e6 / calls);
	return 0;
}

// Of batches, the one that nothing disturbed.
int fastest(const char *call, double seconds)
{
	constexpr int batch = 50;
	double start = now_ms(), best = 1e18;
	for (double now = start; now - start < seconds * 1e3; now = now_ms()) {
		double before = now_ms();
		for (int i = 0; i < batch; i++)
			one_call(call);
		best = std::min(best, (now_ms() - before) * 1e6 / batch);
	}
	printf("%.1f\n", best);
	return 0;
}

} // namespace

int main(int argc, char **argv)
{
	if (argc > 2 && !strcmp(argv[1], "first-event"))
		return first_event(argv + 2);
	if (argc > 2 && !strcmp(argv[1], "started"))
		return started(argv + 2);
	if (argc == 2 && !strcmp(argv[1], "syscall"))
		return syscall_cost();
	if (argc == 5 && !strcmp(argv[1], "storm"))
		return storm(argv[2], atof(argv[3]), atof(argv[4]));
	if (argc == 4 && !strcmp(argv[1], "fastest"))
		return fastest(argv[2], atof(argv[3]));
	fprintf(stderr, "usage: measure first-event COMMAND... | started COMMAND... | syscall | storm getppid|openat|execve RATE SECONDS | fastest CALL SECONDS\n");
	return 2;
}
