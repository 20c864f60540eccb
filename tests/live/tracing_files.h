// SPDX-License-Identifier: GPL-2.0-only
// The kernel's tracing files, as the tests look at them.
#pragma once

#include "../suite.h"

#include <cstdlib>
#include <dirent.h>
#include <fcntl.h>
#include <string>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

// The tracing files, mounted for as long as the case runs.
class TracingFiles {
	char place_[32] = "/tmp/anyprobe-tracefs-XXXXXX";

	std::string path(const char *file) const { return std::string(place_) + "/" + file; }

public:
	TracingFiles()
	{
		if (!mkdtemp(place_) || mount("anyprobe", place_, "tracefs", 0, nullptr) != 0)
			skip("tracefs cannot be mounted here");
		struct stat status;
		if (stat(path("uprobe_events").c_str(), &status) != 0)
			skip("this kernel has no uprobe_events");
	}
	~TracingFiles()
	{
		umount2(place_, MNT_DETACH);
		rmdir(place_);
	}
	std::string read(const char *file) const
	{
		std::string text;
		char block[4096];
		int fd = open(path(file).c_str(), O_RDONLY | O_CLOEXEC);
		for (ssize_t got; (got = ::read(fd, block, sizeof(block))) > 0;)
			text.append(block, static_cast<size_t>(got));
		close(fd);
		return text;
	}
	// The instances, with a blank behind each.
	std::string instances() const
	{
		std::string names;
		DIR *entries = opendir(path("instances").c_str());
		while (dirent *entry = entries ? readdir(entries) : nullptr)
			names += std::string(entry->d_name) + " ";
		if (entries)
			closedir(entries);
		return names;
	}
	bool append(const char *file, const std::string &line) const
	{
		int fd = open(path(file).c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
		bool done = write(fd, line.data(), line.size()) == static_cast<ssize_t>(line.size());
		close(fd);
		return done;
	}
};
