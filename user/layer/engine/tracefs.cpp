// SPDX-License-Identifier: GPL-2.0-only
#include "layer/engine/tracefs.h"

#include <cstdlib>
#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace {

// "debugfs/tracing" is where kernels before 4.1 have it.
constexpr const char *places[] = {"/sys/kernel/tracing", "/sys/kernel/debug/tracing"};

UniqueFd open_directory(const char *path)
{
	return UniqueFd(::open(path, O_PATH | O_DIRECTORY | O_CLOEXEC));
}

bool holds_tracefs(const UniqueFd &directory)
{
	return directory && faccessat(directory.get(), "trace_pipe", F_OK, 0) == 0;
}

// A mount that stands in no one's mount table (the numbers are Linux 5.2's, fixed for all machines).
UniqueFd mount_detached()
{
	constexpr int fsopen_number = 430, fsconfig_number = 431, fsmount_number = 432;
	constexpr unsigned cloexec = 1, config_create = 6;
	UniqueFd context(static_cast<int>(syscall(fsopen_number, "tracefs", cloexec)));
	if (!context || syscall(fsconfig_number, context.get(), config_create, nullptr, nullptr, 0) != 0)
		return {};
	return UniqueFd(static_cast<int>(syscall(fsmount_number, context.get(), cloexec, 0)));
}

UniqueFd mount_in_own_namespace()
{
	if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
		return {};
	if (mount("anyprobe", places[0], "tracefs", 0, nullptr) == 0)
		return open_directory(places[0]);
	if (mount("anyprobe", "/sys/kernel/debug", "debugfs", 0, nullptr) == 0)
		return open_directory(places[1]);
	return {};
}

} // namespace

Result<Tracefs> Tracefs::open()
{
	for (const char *place : places) {
		UniqueFd directory = open_directory(place);
		if (holds_tracefs(directory))
			return Tracefs(std::move(directory), place);
	}
	if (geteuid() != 0)
		return Error{"tracefs: failed to open /sys/kernel/tracing: it needs root: run with sudo", EPERM};
	UniqueFd directory = mount_detached();
	if (!holds_tracefs(directory))
		directory = mount_in_own_namespace();
	if (!holds_tracefs(directory))
		return Error{"tracefs: failed to mount it: this kernel has no tracefs (CONFIG_TRACING)", ENODEV};
	return Tracefs(std::move(directory), places[0]);
}

Result<Tracefs> Tracefs::open_at(const std::string &directory)
{
	UniqueFd fd = open_directory(directory.c_str());
	if (!fd)
		return errno_error("tracefs: failed to open " + directory);
	return Tracefs(std::move(fd), directory);
}

bool Tracefs::exists(const std::string &file) const
{
	return faccessat(directory_.get(), file.c_str(), F_OK, 0) == 0;
}

std::string Tracefs::file_path(const std::string &file) const
{
	return fmt::format("/proc/self/fd/{}/{}", directory_.get(), file);
}

Result<UniqueFd> Tracefs::open_file(const std::string &file, int flags) const
{
	UniqueFd fd(openat(directory_.get(), file.c_str(), flags | O_CLOEXEC));
	if (!fd)
		return errno_error(fmt::format("tracefs: failed to open {}/{}", path_, file));
	return fd;
}

Result<std::string> Tracefs::read(const std::string &file) const
{
	auto fd = open_file(file, O_RDONLY);
	if (!fd)
		return fd.error();
	std::string text;
	char block[4096];
	for (;;) {
		ssize_t got = ::read(fd->get(), block, sizeof(block));
		if (got < 0)
			return errno_error(fmt::format("tracefs: failed to read {}/{}", path_, file));
		if (got == 0)
			return text;
		text.append(block, static_cast<size_t>(got));
	}
}

Result<int> Tracefs::event_id(const std::string &event) const
{
	auto text = read("events/" + event + "/id");
	if (!text)
		return text.error();
	return atoi(text->c_str());
}
