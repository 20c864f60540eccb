// SPDX-License-Identifier: GPL-2.0-only
// execsnoop: programs started, with arguments, parent and result.
#include "execsnoop.h"
#include "execsnoop.skel.h"
#include "layer/output/command_line.h"
#include "layer/sample.h"

namespace {

constexpr int every_user = -1;

class Execsnoop final : public EventSample<execsnoop_kern, exec_event> {
	bool failed_too_ = false;
	int uid_ = every_user;

	void options(Options &o) override
	{
		o.flag("-x,--failed", failed_too_, "show failed calls too");
		o.value("-u,--uid", uid_, "UID", "only this user's");
	}

	Result<void> configure(execsnoop_kern &k, Trace &) override
	{
		k.rodata->failed_too = failed_too_;
		k.rodata->filter_uid = static_cast<uint32_t>(uid_);
		return {};
	}

	void print(const exec_event &e, Row &row) override
	{
		std::vector<std::string_view> arguments;
		bool cut = e.more;
		for (uint32_t i = 0; i < std::min<uint32_t>(e.count, EXEC_MAX_ARGS); i++) {
			arguments.emplace_back(e.args[i], strnlen(e.args[i], EXEC_ARG_LEN));
			cut = cut || arguments.back().size() == EXEC_ARG_LEN - 1;
		}
		row << e.pid << e.parent_pid << e.uid << ReturnValue{e.result} << e.comm
		    << command_line(arguments, cut);
	}
};

constexpr Column columns[] = {
	{"PID", 7, "process id"},
	{"PPID", 7, "the parent's process id"},
	{"UID", 6, "user id after the call"},
	{"RESULT", 8, "0, or the error's name; in JSON a negative errno"},
	{"COMM", -16, "name of the task after the call"},
	{"ARGS", 0, "the arguments as a shell would take them, ... where some were cut off; in JSON a list"},
};

const Register<Execsnoop> sample{{
	.name = "execsnoop",
	.summary = "programs started, with arguments, parent and result",
	.description = "Shows every execve(2) and execveat(2) that succeeded, with -x also those that failed. Of the "
		       "arguments, the first 32 are kept, each up to 255 bytes.",
	.columns = columns,
	.example = R"($ anyprobe execsnoop
    PID    PPID    UID   RESULT COMM             ARGS
  18075   18071      0        0 ls               ls /etc/hostname
  18076   18071      0        0 sh               sh -c 'date "+%d %B" >/dev/null'
  18077   18076      0        0 date             date '+%d %B'
  18078   18071      0        0 git              git --version
)",
	.instead = "forkcount counts new processes",
}};

} // namespace
