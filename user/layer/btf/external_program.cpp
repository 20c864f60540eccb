// SPDX-License-Identifier: GPL-2.0-only
#include "layer/btf/external_program.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

Result<void> run_external(const std::vector<std::string> &arguments, const Streams &streams)
{
	std::vector<char *> argv;
	for (const std::string &argument : arguments)
		argv.push_back(const_cast<char *>(argument.c_str()));
	argv.push_back(nullptr);

	posix_spawn_file_actions_t files;
	posix_spawn_file_actions_init(&files);
	int place = 0;
	for (int fd : {streams.in, streams.out, streams.err}) {
		if (fd >= 0)
			posix_spawn_file_actions_adddup2(&files, fd, place);
		else
			posix_spawn_file_actions_addopen(&files, place, "/dev/null", place ? O_WRONLY : O_RDONLY, 0);
		place++;
	}
	pid_t pid;
	int err = posix_spawnp(&pid, argv[0], &files, nullptr, argv.data(), environ);
	posix_spawn_file_actions_destroy(&files);
	if (err)
		return errno_error(fmt::format("failed to run {}", arguments[0]), err);
	int status = 0;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return errno_error(fmt::format("failed to run {}", arguments[0]), ENOENT); // glibc before 2.24 tells it so
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return Error{fmt::format("{} failed with status {}", arguments[0],
					 WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status))};
	return {};
}
