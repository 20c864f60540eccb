// SPDX-License-Identifier: GPL-2.0-only
// What scripts/bench.d/samples measures with. Each prints numbers on one line:
//
//	measure first-event COMMAND...   ms from the start of COMMAND to its first line about the program
//	                                 `true`, and its peak memory in KiB
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
	bool opens = !strcmp(call, "openat");
	double start = now_ms(), busy = 0, calls = 0;
	for (double now = start; now - start < seconds * 1e3; now = now_ms()) {
		if (rate && calls > (now - start) / 1e3 * rate)
			continue;
		double before = now_ms();
		for (int i = 0; i < batch; i++)
			opens ? syscall(SYS_openat, AT_FDCWD, "/nonexistent/file", 0) : syscall(SYS_getppid);
		busy += now_ms() - before;
		calls += batch;
	}
	printf("%.0f %.1f\n", calls, busy * 1e6 / calls);
	return 0;
}

} // namespace

int main(int argc, char **argv)
{
	if (argc > 2 && !strcmp(argv[1], "first-event"))
		return first_event(argv + 2);
	if (argc == 2 && !strcmp(argv[1], "syscall"))
		return syscall_cost();
	if (argc == 5 && !strcmp(argv[1], "storm"))
		return storm(argv[2], atof(argv[3]), atof(argv[4]));
	fprintf(stderr, "usage: measure first-event COMMAND... | syscall | storm getppid|openat RATE SECONDS\n");
	return 2;
}
