// SPDX-License-Identifier: GPL-2.0-only
// opensnoop: files opened, with result.
#include "layer/output/open_flags.h"
#include "layer/sample.h"
#include "opensnoop.h"
#include "opensnoop.skel.h"

namespace {

class Opensnoop final : public EventSample<opensnoop_kern, open_event> {
	bool failed_only_ = false;

	void options(Options &o) override { o.flag("-x,--failed", failed_only_, "only opens that failed"); }

	Result<void> configure(opensnoop_kern &k, Trace &) override
	{
		k.rodata->failed_only = failed_only_;
		return {};
	}

	void print(const open_event &e, Row &row) override
	{
		row << e.pid << e.comm << ReturnValue{e.result} << open_flags(e.flags) << e.path;
	}
};

constexpr Column columns[] = {
	{"PID", 7, "process id"},
	{"COMM", -16, "name of the thread"},
	{"RESULT", 8, "the file descriptor, or the error's name; in JSON a negative errno"},
	{"FLAGS", -20, "open(2)'s flags, without their O_"},
	{"PATH", 0, "the path as the program gave it, 255 bytes at most"},
};

const Register<Opensnoop> sample{{
	.name = "opensnoop",
	.summary = "files opened, with result",
	.description = "Shows every open(2), openat(2) and openat2(2): who opened what, how, and what came of it. "
		       "The path is the program's own, relative ones stay relative.",
	.columns = columns,
	.example = R"($ anyprobe opensnoop --comm cat
    PID COMM               RESULT FLAGS                PATH
  18084 cat                     3 RDONLY|CLOEXEC       /etc/ld.so.cache
  18084 cat                     3 RDONLY|CLOEXEC       /lib/x86_64-linux-gnu/libc.so.6
  18084 cat                     3 RDONLY               /etc/hostname
  18084 cat                ENOENT RDONLY               /nonexistent
)",
	.instead = "syscount counts the calls",
}};

} // namespace
