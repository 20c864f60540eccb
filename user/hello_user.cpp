// SPDX-License-Identifier: GPL-2.0-only
// hello: the classic first program: a message for each clone(2), read from trace_pipe.
#include "hello.h"
#include "hello.skel.h"
#include "layer/sample.h"
#include "layer/trace_pipe.h"

#include <optional>

namespace {

constexpr Column columns[] = {
	{"TASK", -16, "name of the thread that called"},
	{"PID", 7, "its thread id"},
	{"CPU", 4, "the CPU it ran on"},
	{"STAMP", 16, "seconds on the trace clock"},
	{"MESSAGE", 0, "what the program said"},
};

class Hello final : public KernSample<hello_kern> {
	std::optional<TracePipe> pipe_;

	bool streams() const override { return true; }

	Result<void> attach(Trace &trace) override
	{
		auto pipe = TracePipe::open();
		if (!pipe)
			return pipe.error();
		pipe_ = std::move(*pipe);
		trace.watch(pipe_->fd(), [this, &trace] {
			pipe_->read([&](std::string_view line) { print(trace, line); });
		});
		return trace.attach_all();
	}

	void print(Trace &trace, std::string_view text)
	{
		trace.add_lost(parse_lost_line(text));
		auto line = parse_trace_line(text);
		if (!line || !line->message.starts_with(HELLO_MARK)) // somebody else's
			return;
		Cell stamp = cell(static_cast<double>(line->time) / 1e9, 6);
		trace.event_row(line->time, Row() << line->task << line->pid << line->cpu << stamp << line->message);
	}
};

const Register<Hello> sample{{
	.name = "hello",
	.summary = "a message for each clone(2), through bpf_trace_printk and trace_pipe",
	.description = "The first program of every BPF course. All programs of a machine share one trace_pipe, and a line "
		       "that one reader takes is gone for the others; what is not hello's own is left out here.",
	.columns = columns,
	.example = R"($ anyprobe hello
TASK                 PID  CPU            STAMP MESSAGE
bash               30530    0      3542.870118 hello from clone
make               30325    0      3543.645258 hello from clone3
)",
	.instead = "forkcount counts new processes",
}};

} // namespace
