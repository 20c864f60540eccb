// SPDX-License-Identifier: GPL-2.0-only
// Files for tests that write nowhere: contents recorded in the tree become part of the test program, and get a path
// while a test runs.
#pragma once

#include <string>
#include <string_view>
#include <sys/mman.h>

#include "layer/unique_fd.h"

class MemoryFile
{
	UniqueFd fd_;

public:
	explicit MemoryFile(std::string_view content) : fd_(memfd_create("test", MFD_CLOEXEC))
	{
		while (!content.empty()) {
			ssize_t done = write(fd_.get(), content.data(), content.size());
			if (done <= 0)
				break;
			content.remove_prefix(done);
		}
	}
	std::string path() const { return "/proc/self/fd/" + std::to_string(fd_.get()); }
	// For a program that this one starts: it has no such descriptor.
	std::string path_for_others() const { return "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(fd_.get()); }
};

// Makes the file `path`, relative to the project's folder, the string `name` of the test program.
#define RECORDED(name, path)                                                                                           \
	__asm__(".pushsection .rodata\n" #name "_start: .incbin \"" path "\"\n" #name "_end: .byte 0\n.popsection");   \
	extern "C" const char name##_start[], name##_end[];                                                            \
	static std::string_view name() { return {name##_start, static_cast<size_t>(name##_end - name##_start)}; }
