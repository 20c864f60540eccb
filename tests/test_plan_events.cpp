// SPDX-License-Identifier: GPL-2.0-only
// Which event stands for a hook, where it has the context, and what is refused, on new and old kernels.
#include "plan_case.h"

#include <fmt/format.h>
#include <linux/bpf.h>

namespace
{

constexpr const char *read_argument =
	"r3 = *(u64 *)(r1 +{})\nr1 = r10\nr1 += -64\nr2 = 64\ncall probe_read_user_str\nr0 = 0\nexit\n";
constexpr const char *use_argument = "r2 = *(u64 *)(r1 +{})\nr0 = 0\nexit\n";

PlanCase syscall(const std::string &format, const std::string &text, Kernel kernel = new_kernel())
{
	PlanCase test(std::move(kernel));
	test.format(format).program("enter", text, BPF_PROG_TYPE_TRACEPOINT);
	test.target = "syscalls/" + format.substr(format.find('/') + 1);
	return test;
}

// "OFFSET+SIZE from RECORD_OFFSET+SIZE" of each part.
std::string parts(const Result<Plan> &plan)
{
	std::string text;
	if (!plan)
		return plan.error().message;
	for (const ContextPart &part : plan->context)
		text += fmt::format("{}{}+{} {} {}{}", text.empty() ? "" : ", ", part.offset, part.size,
				    part.from == ContextPart::From::record ? "record" : "fetch", part.index,
				    part.from == ContextPart::From::record ? fmt::format("+{}", part.record_size) : "");
	return text;
}

void takes_a_tracepoint_as_it_is()
{
	PlanCase test;
	test.format("6.1/task_newtask")
		.program("count", "r2 = *(u64 *)(r1 +32)\nr0 = 0\nexit\n", BPF_PROG_TYPE_TRACEPOINT);
	test.target = "task/task_newtask";
	auto plan = test.plan(HookKind::tracepoint);
	CHECK_EQUAL(shown(plan), "tracepoint task/task_newtask");
	CHECK(plan && plan->context_is_record && plan->context.empty());
	CHECK_EQUAL(plan->context_size, 42);
}

void follows_no_pointer_of_a_record()
{
	PlanCase test;
	test.format("6.1/inet_sock_set_state")
		.program("state", fmt::format(fmt::runtime(read_argument), 8), BPF_PROG_TYPE_TRACEPOINT);
	test.target = "sock/inet_sock_set_state";
	test.line = [](uint32_t insn) { return fmt::format("tcp_kern.c:{}: read(sk);", 100 + insn); };
	CHECK_EQUAL(test.refusal(HookKind::tracepoint),
		    "ftrace: failed to plan state: insn 4 `call bpf_probe_read_user_str#114` at tcp_kern.c:104: "
		    "read(sk);: tracepoint "
		    "sock/inet_sock_set_state gives a record, and nothing can follow a pointer that is in it, nor read "
		    "anything else");
}

void makes_a_system_calls_context_of_its_record()
{
	PlanCase test = syscall("6.1/sys_enter_openat", fmt::format(fmt::runtime(use_argument), 24));
	auto plan = test.plan(HookKind::tracepoint);
	CHECK_EQUAL(shown(plan), "tracepoint syscalls/sys_enter_openat");
	CHECK_EQUAL(parts(plan), "0+8 record 0+8, 24+8 record 24+8");
	CHECK_EQUAL(plan->context_size, 64);
	CHECK_EQUAL(parts(syscall("6.1/sys_enter_openat", fmt::format(fmt::runtime(use_argument), 8))
				  .plan(HookKind::tracepoint)),
		    "0+8 record 0+8, 8+8 record 8+4");
	CHECK_EQUAL(parts(syscall("6.1/sys_exit_openat", fmt::format(fmt::runtime(use_argument), 16))
				  .plan(HookKind::tracepoint)),
		    "0+8 record 0+8, 16+8 record 16+8");
}

void wants_a_records_format()
{
	PlanCase test;
	test.program("enter", fmt::format(fmt::runtime(use_argument), 24), BPF_PROG_TYPE_TRACEPOINT);
	test.target = "syscalls/sys_enter_openat";
	CHECK_EQUAL(test.refusal(HookKind::tracepoint), "ftrace: failed to plan enter: insn 0 `r2 = *(u64 *)(r1 +24)`: "
							"the format of syscalls/sys_enter_openat is "
							"not known");
}

void makes_it_of_an_old_record_with_a_longer_header_and_no_number()
{
	// As the kernel's structs have it, the header's 12 bytes are followed by a long: args[0] is at 24.
	auto old = [](int offset) {
		return syscall("rhel6/sys_enter_open", fmt::format(fmt::runtime(use_argument), offset), old_kernel());
	};
	CHECK_EQUAL(parts(old(24).plan(HookKind::tracepoint)), "0+8 record 0+8, 8+8 record 8+8, 24+8 record 16+8");
	CHECK_EQUAL(parts(old(32).plan(HookKind::tracepoint)), "0+8 record 0+8, 8+8 record 8+8, 32+8 record 24+8");
	CHECK_EQUAL(old(16).refusal(HookKind::tracepoint), "ftrace: failed to plan enter: insn 0 `r2 = *(u64 *)(r1 "
							   "+16)`: the record of syscalls/sys_enter_open has no number "
							   "of the call");
	CHECK_EQUAL(parts(syscall("rhel7/sys_enter_open", fmt::format(fmt::runtime(use_argument), 24), old_kernel())
				  .plan(HookKind::tracepoint)),
		    "0+8 record 0+8, 24+8 record 24+8");
}

void probes_a_system_calls_function_where_memory_is_read()
{
	auto plan = syscall("6.1/sys_enter_openat", fmt::format(fmt::runtime(read_argument), 24))
			    .plan(HookKind::tracepoint);
	CHECK_EQUAL(shown(plan), "kprobe __x64_sys_openat a0=+104(%di):x64 a1=+0(+104(%di)):ustring");
	CHECK_EQUAL(parts(plan), "0+8 record 0+8, 24+8 fetch 0");
	REQUIRE(plan && !plan->explanation.empty());
	CHECK_EQUAL(plan->explanation[0],
		    "kprobe on __x64_sys_openat in place of tracepoint syscalls/sys_enter_openat: the program "
		    "follows a pointer, which a tracepoint's record cannot");
	Kernel middle = new_kernel(); // 4.10, say
	middle.syscall_registers = false;
	middle.has_function = [](const std::string &name) { return name == "SyS_openat"; };
	CHECK_EQUAL(shown(syscall("6.1/sys_enter_openat", fmt::format(fmt::runtime(read_argument), 24), middle)
				  .plan(HookKind::tracepoint)),
		    "kprobe SyS_openat a0=%si:x64 a1=+0(%si):ustring");
	auto old = syscall("rhel6/sys_enter_open", fmt::format(fmt::runtime(read_argument), 24), old_kernel());
	CHECK_EQUAL(shown(old.plan(HookKind::tracepoint)), "kprobe sys_open a0=%di:u64 a1=+0(%di):string");
	CHECK_EQUAL(shown(syscall("rhel7/sys_enter_open", fmt::format(fmt::runtime(read_argument), 16), old_kernel())
				  .plan(HookKind::tracepoint)),
		    "kprobe sys_open a0=%di:u64 a1=+0(%di):string");
}

void says_what_a_system_call_lacks()
{
	auto test = syscall("6.1/sys_enter_openat", fmt::format(fmt::runtime(read_argument), 24));
	test.kernel.has_function = [](const std::string &) { return false; };
	CHECK_EQUAL(
		test.refusal(HookKind::tracepoint),
		"ftrace: failed to plan enter: insn 4 `call bpf_probe_read_user_str#114`: the program reads what the "
		"record of tracepoint syscalls/sys_enter_openat does not have; the system call's function is not to be "
		"found "
		"(__x64_sys_openat, sys_openat)");
	test.kernel.kprobes = false;
	CHECK_EQUAL(
		test.refusal(HookKind::tracepoint),
		"ftrace: failed to plan enter: insn 4 `call bpf_probe_read_user_str#114`: the program reads what the "
		"record of tracepoint syscalls/sys_enter_openat does not have: it takes a kprobe, and this kernel has "
		"no kprobe_events "
		"(CONFIG_KPROBE_EVENTS)");
}

void reads_the_task_when_a_system_call_returns()
{
	auto test = syscall("6.1/sys_exit_execve",
			    "r6 = r1\ncall get_current_task\nr3 = r0\nr3 += 100\nr1 = r10\nr1 += -8\nr2 = 4\n"
			    "call probe_read_kernel\nr0 = *(u64 *)(r6 +16)\nexit\n");
	auto plan = test.plan(HookKind::tracepoint);
	CHECK_EQUAL(shown(plan), "kretprobe __x64_sys_execve a0=$retval:x64 a1=@0x1000:x64 a2=+100(@0x1000):x32");
	CHECK_EQUAL(parts(plan), "0+8 record 0+8, 16+8 fetch 0");
}

void finds_a_raw_tracepoints_arguments_in_registers()
{
	PlanCase test;
	test.program(
		"switched",
		"r3 = *(u64 *)(r1 +16)\nr3 += 100\nr1 = r10\nr1 += -8\nr2 = 4\ncall probe_read_kernel\nr0 = 0\nexit\n",
		BPF_PROG_TYPE_RAW_TRACEPOINT);
	test.target = "sched_switch";
	auto plan = test.plan(HookKind::raw_tracepoint);
	CHECK_EQUAL(shown(plan), "kprobe __traceiter_sched_switch a0=%cx:x64 a1=+100(%cx):x32");
	CHECK_EQUAL(plan->listener, "sched_switch");
	CHECK_EQUAL(parts(plan), "16+8 fetch 0");
	test.kernel.has_function = [](const std::string &) { return false; };
	CHECK_EQUAL(test.refusal(HookKind::raw_tracepoint),
		    "ftrace: failed to plan switched: insn 5 `call bpf_probe_read_kernel#113`: the arguments of raw "
		    "tracepoint "
		    "sched_switch are had from the registers of __traceiter_sched_switch (5.10), which this kernel "
		    "does not have");
}

void takes_the_classic_event_of_a_raw_system_call()
{
	PlanCase test;
	test.format("6.1/sys_enter")
		.program("count", "r2 = *(u64 *)(r1 +8)\nr0 = 0\nexit\n", BPF_PROG_TYPE_RAW_TRACEPOINT);
	test.target = "sys_enter";
	test.kernel.kprobes = false;
	auto plan = test.plan(HookKind::raw_tracepoint);
	CHECK_EQUAL(shown(plan), "tracepoint raw_syscalls/sys_enter");
	CHECK_EQUAL(parts(plan), "8+8 record 8+8");
	PlanCase registers;
	registers.format("6.1/sys_enter")
		.program("count", "r2 = *(u64 *)(r1 +0)\nr0 = 0\nexit\n", BPF_PROG_TYPE_RAW_TRACEPOINT);
	registers.target = "sys_enter";
	CHECK_EQUAL(shown(registers.plan(HookKind::raw_tracepoint)), "kprobe __traceiter_sys_enter a0=%si:x64");
}

void takes_a_clock_without_memory()
{
	PlanCase test;
	test.program("sample", "call get_current_pid_tgid\nr0 = 0\nexit\n", BPF_PROG_TYPE_PERF_EVENT);
	CHECK_EQUAL(shown(test.plan(HookKind::perf_event)), "clock some_function");
	PlanCase registers;
	registers.program("sample", "r2 = *(u64 *)(r1 +128)\nr0 = 0\nexit\n", BPF_PROG_TYPE_PERF_EVENT);
	CHECK_EQUAL(registers.refusal(HookKind::perf_event), "ftrace: failed to plan sample: insn 0 `r2 = *(u64 *)(r1 "
							     "+128)`: it reads the registers of what was interrupted, "
							     "which the clock's event does not have");
}

void refuses_what_no_event_can_do()
{
	auto refusal = [](const std::string &text, HookKind kind = HookKind::kprobe) {
		std::string whole = PlanCase().program("p", text + "r0 = 0\nexit\n").refusal(kind);
		constexpr std::string_view start = "ftrace: failed to plan p: ";
		return whole.starts_with(start) ? whole.substr(start.size()) : whole;
	};
	const std::string read = "r1 = r10\nr1 += -16\nr2 = 8\ncall probe_read_kernel\n";
	CHECK_EQUAL(refusal("call get_prandom_u32\nr3 = r0\n" + read),
		    "insn 5 `call bpf_probe_read_kernel#113`: the address that it reads is only known when the program "
		    "runs");
	CHECK_EQUAL(refusal("r3 = *(u32 *)(r1 +112)\n" + read),
		    "insn 4 `call bpf_probe_read_kernel#113`: the address that it reads, context+112, is made from 4 "
		    "bytes, which are no "
		    "whole pointer");
	CHECK_EQUAL(refusal("r3 = *(u64 *)(r1 +112)\nr3 &= -8\n" + read),
		    "insn 5 `call bpf_probe_read_kernel#113`: the address that it reads is computed: (context+112 & "
		    "0xfffffffffffffff8); "
		    "an event can follow a pointer and add a constant, no more");
	CHECK_EQUAL(refusal("r3 = *(u64 *)(r1 +112)\nr2 = *(u64 *)(r1 +104)\nr2 &= 7\nr1 = r10\nr1 += -16\ncall "
			    "probe_read_kernel\n"),
		    "insn 5 `call bpf_probe_read_kernel#113`: how many bytes it reads is only known when it runs");
	CHECK_EQUAL(refusal("r2 = map[0]\nr3 = 1\ncall tail_call\n"),
		    "insn 3 `call bpf_tail_call#12`: it goes on in another program, which is only known when it runs");
	CHECK_EQUAL(refusal("call 195896080\n"),
		    "insn 0 `call unresolved CO-RE relocation`: it uses a field or type that this kernel's "
		    "BTF does not have");
	CHECK_EQUAL(refusal("r2 = *(u64 *)(r1 +168)\n"),
		    "insn 0 `r2 = *(u64 *)(r1 +168)`: it reads byte 168 of the context, which has 168");
	CHECK_EQUAL(refusal("r2 = *(u64 *)(r1 +112)\nr3 = r1\nr3 += r2\nr2 = *(u64 *)(r3 +0)\n"),
		    "insn 3 `r2 = *(u64 *)(r3 +0)`: which register it reads ((the context + context+112)) is only "
		    "known when it runs");
	CHECK_EQUAL(
		refusal("r2 = *(u64 *)(r1 +112)\nagain:\nr2 += 1\nif r2 != 0 goto again\n"),
		"insn 2 `if r2 != 0 goto 1`: the end of this loop depends on what is only known when the program runs");
	CHECK_EQUAL(refusal("", HookKind::socket_filter), "no classic event stands for a socket's packets");
}

void refuses_what_an_event_has_no_room_for()
{
	std::string list =
		"r6 = *(u64 *)(r1 +112)\nr7 = {}\nagain:\nr3 = r6\nr1 = r10\nr1 += -8\nr2 = 8\ncall probe_read_kernel\n"
		"r6 = *(u64 *)(r10 -8)\nr7 += -1\nif r7 != 0 goto again\nr0 = 0\nexit\n";
	auto walk = [&](int count) { return fmt::format(fmt::runtime(list), count); };
	CHECK_EQUAL(PlanCase().program("walk", walk(3)).arguments(HookKind::kprobe),
		    "a0=%di:x64 a1=+0(%di):x64 a2=+0(+0(%di)):x64 a3=+0(+0(+0(%di))):x64");
	CHECK_EQUAL(PlanCase().program("walk", walk(9)).refusal(HookKind::kprobe),
		    "ftrace: failed to plan walk: insn 6 `call bpf_probe_read_kernel#113`: it follows 9 pointers one "
		    "behind the other; an "
		    "event follows 8 at most");
	std::string wide = "r6 = *(u64 *)(r1 +112)\nr7 = 0\nagain:\nr3 = r6\nr3 += r7\nr1 = r10\nr1 += -8\nr2 = "
			   "4\ncall probe_read_kernel\n"
			   "r7 += 8\nif r7 != {} goto again\nr0 = 0\nexit\n";
	CHECK(PlanCase().program("wide", fmt::format(fmt::runtime(wide), 8 * 127)).plan(HookKind::kprobe));
	CHECK_EQUAL(PlanCase().program("wide", fmt::format(fmt::runtime(wide), 8 * 128)).refusal(HookKind::kprobe),
		    "ftrace: failed to plan wide: it reads 129 pieces of memory and registers; an event carries 128");
	PlanCase small;
	small.kernel.max_event = 256;
	CHECK_EQUAL(small.program("wide", fmt::format(fmt::runtime(wide), 8 * 64)).refusal(HookKind::kprobe),
		    "ftrace: failed to plan wide: it reads 296 bytes of memory; an event carries 256");
}

// What a string is, not what the program takes of it, decides how long a record gets.
void knows_when_strings_make_an_event_too_large()
{
	const char *text = "r3 = *(u64 *)(r1 +112)\nr1 = r10\nr1 += -64\nr2 = 64\ncall probe_read_kernel_str\nr0 = 0\nexit\n";
	auto explained = [&](unsigned max_event) {
		PlanCase test;
		test.kernel.max_event = max_event;
		auto plan = test.program("text", text).plan(HookKind::kprobe);
		REQUIRE(plan);
		bool is_said = false;
		for (const std::string &line : plan->explanation)
			is_said |= line.find(fmt::format("larger than {} bytes is not recorded", max_event)) != line.npos;
		CHECK_EQUAL(is_said, plan->may_overflow);
		return is_said;
	};
	CHECK(explained(2048));
	CHECK(!explained(8192));
}

void says_which_files_are_missing()
{
	Kernel bare = new_kernel();
	bare.kprobes = bare.uprobes = false;
	const char *text = "r0 = 0\nexit\n";
	CHECK_EQUAL(PlanCase(bare).program("p", text).refusal(HookKind::kprobe),
		    "ftrace: failed to plan p: this kernel has no kprobe_events (CONFIG_KPROBE_EVENTS)");
	CHECK_EQUAL(PlanCase(bare).program("p", text).refusal(HookKind::uretprobe),
		    "ftrace: failed to plan p: this kernel has no uprobe_events (CONFIG_UPROBE_EVENTS)");
}

const Suite suite(
	"plan events",
	{
		{"takes a tracepoint as it is", takes_a_tracepoint_as_it_is},
		{"follows no pointer of a record", follows_no_pointer_of_a_record},
		{"makes a system call's context of its record", makes_a_system_calls_context_of_its_record},
		{"wants a record's format", wants_a_records_format},
		{"makes it of an old record with a longer header and no number",
		 makes_it_of_an_old_record_with_a_longer_header_and_no_number},
		{"probes a system call's function where memory is read",
		 probes_a_system_calls_function_where_memory_is_read},
		{"says what a system call lacks", says_what_a_system_call_lacks},
		{"reads the task when a system call returns", reads_the_task_when_a_system_call_returns},
		{"finds a raw tracepoint's arguments in registers", finds_a_raw_tracepoints_arguments_in_registers},
		{"takes the classic event of a raw system call", takes_the_classic_event_of_a_raw_system_call},
		{"takes a clock without memory", takes_a_clock_without_memory},
		{"refuses what no event can do", refuses_what_no_event_can_do},
		{"refuses what an event has no room for", refuses_what_an_event_has_no_room_for},
		{"knows when strings make an event too large", knows_when_strings_make_an_event_too_large},
		{"says which files are missing", says_which_files_are_missing},
	});

} // namespace
