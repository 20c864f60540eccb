// SPDX-License-Identifier: GPL-2.0-only
#include "layer/output/open_flags.h"

#include <asm/fcntl.h>
#include <fmt/format.h>

namespace {

struct Flag {
	unsigned bits;
	const char *name;
};

// Those of several bits first: O_SYNC holds O_DSYNC, O_TMPFILE holds O_DIRECTORY.
constexpr Flag flags_by_name[] = {
	{O_SYNC, "SYNC"},	  {O_TMPFILE, "TMPFILE"}, {O_CREAT, "CREAT"},	      {O_EXCL, "EXCL"},
	{O_NOCTTY, "NOCTTY"},	  {O_TRUNC, "TRUNC"},	  {O_APPEND, "APPEND"},	      {O_NONBLOCK, "NONBLOCK"},
	{O_DSYNC, "DSYNC"},	  {FASYNC, "ASYNC"},	  {O_DIRECT, "DIRECT"},	      {O_LARGEFILE, "LARGEFILE"},
	{O_DIRECTORY, "DIRECTORY"}, {O_NOFOLLOW, "NOFOLLOW"}, {O_NOATIME, "NOATIME"}, {O_CLOEXEC, "CLOEXEC"},
	{O_PATH, "PATH"},
};

} // namespace

Cell open_flags(unsigned flags)
{
	constexpr const char *access[] = {"RDONLY", "WRONLY", "RDWR", "NOACCESS"};
	std::string text = access[flags & O_ACCMODE];
	unsigned rest = flags & ~static_cast<unsigned>(O_ACCMODE);
	for (const Flag &flag : flags_by_name) {
		if ((rest & flag.bits) != flag.bits)
			continue;
		text += fmt::format("|{}", flag.name);
		rest &= ~flag.bits;
	}
	if (rest)
		text += fmt::format("|{:#x}", rest);
	return {text, std::to_string(flags)};
}
