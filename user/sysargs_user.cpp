// SPDX-License-Identifier: GPL-2.0-only
// sysargs: system calls with their arguments, each kind decoded by a program of its own.
#include "layer/sample.h"
#include "sysargs.h"
#include "sysargs.skel.h"

#include <algorithm>
#include <bpf/bpf.h>
#include <fmt/format.h>
#include <sys/syscall.h>

namespace {

constexpr Column columns[] = {
	{"PID", 7, "process id"},
	{"COMM", -16, "name of the thread"},
	{"SYSCALL", -12, "the call's name"},
	{"ARGUMENTS", 0, "name=value; a path that could not be read is ?"},
};

enum Decoder { numbers, mapping, path };
enum Format { none, plain, file, hex };

struct Argument {
	const char *name = nullptr;
	Format format = none; // none: there is no such argument
};

struct Call {
	const char *name;
	uint32_t number;
	Decoder decoder;
	Argument arguments[3];
};

constexpr Call calls[] = {
	{"read", SYS_read, numbers, {{"fd", file}, {}, {"count", plain}}},
	{"write", SYS_write, numbers, {{"fd", file}, {}, {"count", plain}}},
	{"close", SYS_close, numbers, {{"fd", file}}},
	{"lseek", SYS_lseek, numbers, {{"fd", file}, {"offset", plain}, {"whence", plain}}},
	{"kill", SYS_kill, numbers, {{"pid", plain}, {"signal", plain}}},
	{"mmap", SYS_mmap, mapping, {{"length", plain}, {"prot", hex}, {"flags", hex}}},
	{"openat", SYS_openat, path, {{"dirfd", file}, {"flags", hex}}},
	{"unlinkat", SYS_unlinkat, path, {{"dirfd", file}, {"flags", hex}}},
	{"newfstatat", SYS_newfstatat, path, {{"dirfd", file}}},
};

std::string shown(const Argument &argument, uint64_t value)
{
	switch (argument.format) {
	case plain: return fmt::format("{}={} ", argument.name, static_cast<int64_t>(value));
	case file: return fmt::format("{}={} ", argument.name, static_cast<int32_t>(value)); // AT_FDCWD is -100
	case hex: return fmt::format("{}={:#x} ", argument.name, value);
	default: return "";
	}
}

const Call *find_call(std::string_view name)
{
	auto found = std::ranges::find(calls, name, [](const Call &call) { return std::string_view(call.name); });
	return found == std::end(calls) ? nullptr : found;
}

class Sysargs final : public EventSample<sysargs_kern, call_event> {
	std::vector<std::string> names_;

	void options(Options &o) override { o.arguments("SYSCALL", names_, "only these; else all that it can decode", false); }

	Result<void> check(const CommonOptions &) override
	{
		std::string known;
		for (const Call &call : calls)
			known += fmt::format(" {}", call.name);
		for (const std::string &name : names_)
			if (!find_call(name))
				return Error{fmt::format("{}: not decoded here; these are:{}", name, known), EINVAL};
		return {};
	}

	// Fills the slots of the calls that are wanted; then the program that jumps may start.
	Result<void> attach(Trace &trace) override
	{
		bpf_program *const decoders[] = {kern().progs.decode_numbers, kern().progs.decode_mapping, kern().progs.decode_path};
		for (const Call &call : calls) {
			if (!names_.empty() && std::ranges::find(names_, call.name) == names_.end())
				continue;
			int program = bpf_program__fd(decoders[call.decoder]);
			if (bpf_map_update_elem(bpf_map__fd(kern().maps.decoders), &call.number, &program, BPF_ANY) != 0)
				return errno_error(fmt::format("sysargs: failed to put a program into slot {}", call.number));
		}
		Hook hook;
		hook.kind = HookKind::tracepoint;
		hook.target = "raw_syscalls/sys_enter";
		return trace.attach(kern().progs.enter, hook);
	}

	void print(const call_event &e, Row &row) override
	{
		auto call = std::ranges::find(calls, e.number, &Call::number);
		if (call == std::end(calls))
			return;
		std::string text;
		for (int i = 0; i < 3; i++)
			text += shown(call->arguments[i], e.values[i]);
		if (call->decoder == path)
			text += fmt::format("path={} ", std::string_view(e.text, strnlen(e.text, sizeof(e.text))));
		text.pop_back();
		row << e.pid << e.comm << call->name << text;
	}
};

const Register<Sysargs> sample{{
	.name = "sysargs",
	.summary = "system calls with their arguments, decoded by tail calls",
	.description = "Shows system calls as they begin, with what their arguments mean, a row each. The program at the tracepoint jumps "
		       "to the one that knows the call: one for numbers, one for mmap(2), one for paths.",
	.columns = columns,
	.example = R"($ anyprobe sysargs -q newfstatat mmap
    PID COMM             SYSCALL      ARGUMENTS
   3510 as               mmap         length=353616 prot=0x1 flags=0x2
   3510 as               newfstatat   dirfd=-100 path=kernel/trace/trace_uprobe.o
)",
	.instead = "syscount counts system calls",
}};

} // namespace
