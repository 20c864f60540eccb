// SPDX-License-Identifier: GPL-2.0-only
// From a program to the lines that a person would echo into kprobe_events.
#include "plan_case.h"

#include <fmt/format.h>
#include <linux/bpf.h>

namespace
{

// Reads `size` bytes at r3 to the stack, with helper 113 (kernel) or another one.
std::string read_to(int at, int size, const char *helper = "call probe_read_kernel\n")
{
	return fmt::format("r1 = r10\nr1 += {}\nr2 = {}\n{}", at, size, helper);
}

constexpr const char *done = "r0 = 0\nexit\n";

// r3 = the first argument of a function.
const std::string first_argument = "r6 = r1\nr3 = *(u64 *)(r6 +112)\n";

void fetches_each_register_once()
{
	PlanCase test;
	test.program("twice", "r2 = *(u64 *)(r1 +112)\nr3 = *(u32 *)(r1 +104)\nr4 = *(u64 *)(r1 +112)\nr0 = 0\nexit\n");
	auto plan = test.plan(HookKind::kprobe);
	CHECK_EQUAL(shown(plan), "kprobe some_function a0=%si:x64 a1=%di:x64");
	REQUIRE(plan && plan->context.size() == 2);
	CHECK_EQUAL(plan->context[1].offset, 112);
	CHECK_EQUAL(plan->context[1].index, 1);
	CHECK_EQUAL(plan->context_size, 168);
}

void takes_the_probes_own_address_for_the_instruction_pointer()
{
	PlanCase test;
	test.program("where", "r2 = *(u64 *)(r1 +128)\nr0 = 0\nexit\n");
	auto plan = test.plan(HookKind::kprobe);
	CHECK_EQUAL(shown(plan), "kprobe some_function");
	REQUIRE(plan && plan->context.size() == 1);
	CHECK(plan->context[0].from == ContextPart::From::probe_address);
	CHECK_EQUAL(shown(test.plan(HookKind::kretprobe)), "kretprobe some_function a0=%ip:x64");
}

void nests_what_pointers_nest()
{
	PlanCase test;
	test.program("nested", first_argument + "r3 += 24\n" + read_to(-8, 8) + "r3 = *(u64 *)(r10 -8)\nr3 += 532\n" +
				       read_to(-16, 2) + done);
	auto plan = test.plan(HookKind::kprobe);
	CHECK_EQUAL(shown(plan), "kprobe some_function a0=%di:x64 a1=+24(%di):x64 a2=+532(+24(%di)):x16");
	REQUIRE(plan && plan->fetches.size() == 3);
	CHECK_EQUAL(plan->fetches[1].pointer, 0);
	CHECK_EQUAL(plan->fetches[1].distance, 24);
	CHECK_EQUAL(plan->fetches[2].pointer, 1);
	CHECK_EQUAL(plan->fetches[2].distance, 532);
	CHECK(!plan->fetches[0].is_region && plan->fetches[2].is_region);
	CHECK_EQUAL(plan->fetches[2].bytes(), 2);
}

void finds_a_pointer_inside_of_a_longer_read()
{
	PlanCase test;
	test.program("inside",
		     first_argument + read_to(-24, 24) + "r3 = *(u64 *)(r10 -16)\nr3 += -4\n" + read_to(-28, 4) + done);
	auto plan = test.plan(HookKind::kprobe);
	CHECK_EQUAL(shown(plan), "kprobe some_function a0=%di:x64 a1=+0(%di):x64[3] a2=-4(+8(%di)):x32");
	REQUIRE(plan && plan->fetches.size() == 3);
	CHECK_EQUAL(plan->fetches[2].pointer, 1);
	CHECK_EQUAL(plan->fetches[2].pointer_at, 8);
	CHECK_EQUAL(plan->fetches[2].distance, -4);
}

void follows_loads_as_it_follows_reads()
{
	PlanCase test;
	test.program("direct", "r6 = *(u64 *)(r1 +0)\nr6 = *(u64 *)(r6 +16)\nr0 = *(u32 *)(r6 +4)\nexit\n",
		     BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY);
	CHECK_EQUAL(shown(test.plan(HookKind::fentry)),
		    "kprobe some_function a0=%di:x64 a1=+16(%di):x64 a2=+4(+16(%di)):x32");
}

void reads_user_memory_as_the_kernel_wants_it()
{
	std::string text = first_argument + read_to(-8, 8, "call probe_read_user\n") + "r3 = *(u64 *)(r10 -8)\n" +
			   read_to(-80, 64, "call probe_read_user_str\n") + done;
	CHECK_EQUAL(PlanCase().program("user", text).arguments(HookKind::kprobe),
		    "a0=%di:x64 a1=+u0(%di):x64 a2=+0(+u0(%di)):ustring");
	CHECK_EQUAL(PlanCase(old_kernel()).program("user", text).arguments(HookKind::kprobe),
		    "a0=%di:u64 a1=+0(%di):u64 a2=+0(+0(%di)):string");
	CHECK_EQUAL(PlanCase().program("user", text).arguments(HookKind::uprobe),
		    "a0=%di:x64 a1=+0(%di):x64 a2=+0(+0(%di)):string");
}

void reads_longer_pieces_as_arrays_or_words()
{
	auto text = [](int size, const char *helper) { return first_argument + read_to(-512, size, helper) + done; };
	const char *kernel = "call probe_read_kernel\n", *user = "call probe_read_user\n";
	auto with = [&](int size, const char *helper, Kernel of = new_kernel()) {
		return PlanCase(std::move(of))
			.program("long", text(size, helper))
			.arguments(HookKind::kprobe)
			.substr(10);
	};
	CHECK_EQUAL(with(16, kernel), " a1=+0(%di):x64[2]");
	CHECK_EQUAL(with(12, kernel), " a1=+0(%di):x32[3]");
	CHECK_EQUAL(with(3, kernel), " a1=+0(%di):x8[3]");
	CHECK_EQUAL(with(256, kernel), " a1=+0(%di):x64[32]");
	CHECK_EQUAL(with(100, kernel), " a1=+0(%di):x32[25]");
	CHECK_EQUAL(with(16, user), " a1=+u0(%di):x64 a2=+u8(%di):x64"); // no kernel takes arrays of user memory
	CHECK_EQUAL(with(15, kernel, old_kernel()), " a1=+0(%di):u64 a2=+8(%di):u32 a3=+12(%di):u16 a4=+14(%di):u8");
	Kernel small = new_kernel();
	small.max_array = 4;
	CHECK_EQUAL(with(48, kernel, small), " a1=+0(%di):x64[4] a2=+32(%di):x64[2]");
}

void reads_nothing_twice()
{
	PlanCase test;
	test.program("twice", first_argument + "r7 = r3\n" + read_to(-8, 8) + "r3 = r7\n" + read_to(-40, 24) +
				      "r3 = r7\nr3 += 4\n" + read_to(-48, 4) + "r3 = r7\n" +
				      read_to(-96, 16, "call probe_read_kernel_str\n") + "r3 = r7\n" +
				      read_to(-96, 32, "call probe_read_kernel_str\n") + done);
	auto plan = test.plan(HookKind::kprobe);
	CHECK_EQUAL(shown(plan), "kprobe some_function a0=%di:x64 a1=+0(%di):x64[3] a2=+0(%di):string");
	REQUIRE(plan && plan->fetches.size() == 3);
	CHECK_EQUAL(plan->fetches[2].size, 32);
}

void takes_the_result_at_a_return()
{
	PlanCase test;
	test.program("result", "r3 = *(u64 *)(r1 +80)\n" + read_to(-8, 8) + done);
	CHECK_EQUAL(shown(test.plan(HookKind::kretprobe)), "kretprobe some_function a0=$retval:x64 a1=+0($retval):x64");
	CHECK_EQUAL(shown(test.plan(HookKind::uretprobe)), "uretprobe some_function a0=$retval:x64 a1=+0($retval):x64");
	CHECK_EQUAL(shown(test.plan(HookKind::kprobe)), "kprobe some_function a0=%ax:x64 a1=+0(%ax):x64");
}

void finds_an_exits_result_behind_the_arguments()
{
	PlanCase test;
	test.argument_count = 2;
	test.program("leave", "r2 = *(u64 *)(r1 +16)\nr3 = *(u64 *)(r1 +8)\nr0 = 0\nexit\n", BPF_PROG_TYPE_TRACING,
		     BPF_TRACE_FEXIT);
	CHECK_EQUAL(test.refusal(HookKind::fentry),
		    "ftrace: failed to plan leave: insn 1 `r3 = *(u64 *)(r1 +8)`: at the return the function's "
		    "arguments are no "
		    "longer in its registers, and this kernel's return probes do not keep them (6.9)");
	test.kernel.return_arguments = true;
	CHECK_EQUAL(shown(test.plan(HookKind::fentry)), "kretprobe some_function a0=$arg2:x64 a1=$retval:x64");
}

void starts_at_the_running_task()
{
	std::string text = "call get_current_task\nr3 = r0\nr3 += 1280\n" + read_to(-8, 8) +
			   "r3 = *(u64 *)(r10 -8)\nr3 += 1268\n" + read_to(-12, 4) + done;
	PlanCase test;
	test.program("parent", text);
	auto plan = test.plan(HookKind::kprobe);
	CHECK_EQUAL(shown(plan),
		    "kprobe some_function a0=@0x1000:x64 a1=+1280(@0x1000):x64 a2=+1268(+1280(@0x1000)):x32");
	CHECK(plan && plan->uses_current && plan->current_fetch == 0);
	CHECK_EQUAL(plan->arguments(0xffff88800021fb80), "a0=@0xffff88800021fb80:x64 a1=+1280(@0xffff88800021fb80):x64 "
							 "a2=+1268(+1280(@0xffff88800021fb80)):x32");
	test.kernel.current = false;
	CHECK_EQUAL(test.refusal(HookKind::kprobe), "ftrace: failed to plan parent: it reads the running task, and the "
						    "address of \"current\" is not known here "
						    "(it takes /proc/kallsyms with addresses: run as root)");
	CHECK_EQUAL(PlanCase().program("parent", text).refusal(HookKind::uprobe),
		    "ftrace: failed to plan parent: it reads the running task, which is in the kernel: a uprobe's "
		    "event reads the "
		    "program's memory only");
}

void reads_fixed_addresses()
{
	PlanCase test;
	test.program("global", "r3 = 0xffffffff81000000 ll\nr3 += 16\n" + read_to(-8, 8) + "r3 = *(u64 *)(r10 -8)\n" +
				       read_to(-8, 4) + done);
	auto plan = test.plan(HookKind::kprobe);
	CHECK_EQUAL(shown(plan), "kprobe some_function a0=@0xffffffff81000010:x64 a1=+0(@0xffffffff81000010):x32");
	REQUIRE(plan && plan->fetches.size() == 2);
	CHECK_EQUAL(plan->fetches[0].pointer, -1);
	CHECK_EQUAL(plan->fetches[0].distance, static_cast<int64_t>(0xffffffff81000010));
}

void reads_nothing_behind_null()
{
	PlanCase test;
	test.program("null", "r3 = 16\n" + read_to(-8, 8) + "r3 = *(u64 *)(r10 -8)\n" + read_to(-8, 8) + done);
	CHECK_EQUAL(shown(test.plan(HookKind::kprobe)), "kprobe some_function");
}

void cuts_what_constants_rule_out()
{
	// The first word switches a read of user memory on that no event could do.
	std::string text =
		"r6 = r1\nr1 = value[0]0\nr1 = *(u32 *)(r1 +0)\nif r1 == 0 goto off\nr3 = *(u64 *)(r6 +112)\n"
		"r4 = *(u64 *)(r6 +104)\nr3 += r4\n" +
		read_to(-8, 8) + "off:\nr3 = *(u64 *)(r6 +112)\n" + read_to(-8, 4) + done;
	CHECK_EQUAL(PlanCase().constants(std::string(4, 0)).program("cut", text).arguments(HookKind::kprobe),
		    "a0=%di:x64 a1=+0(%di):x32");
	CHECK_EQUAL(PlanCase().constants(std::string("\1\0\0\0", 4)).program("cut", text).refusal(HookKind::kprobe),
		    "ftrace: failed to plan cut: insn 11 `call bpf_probe_read_kernel#113`: the address that it reads "
		    "is computed: "
		    "(context+112 + context+104); an event can follow a pointer and add a constant, no more");
}

void unrolls_loops_and_follows_calls()
{
	PlanCase loop;
	loop.program("loop", "r6 = *(u64 *)(r1 +112)\nr7 = 0\nagain:\nr3 = r6\nr3 += r7\n" + read_to(-8, 8) +
				     "r7 += 8\nif r7 != 24 goto again\n" + done);
	CHECK_EQUAL(shown(loop.plan(HookKind::kprobe)),
		    "kprobe some_function a0=%di:x64 a1=+0(%di):x64 a2=+8(%di):x64 a3=+16(%di):x64");
	PlanCase call;
	call.program("call", "r6 = r1\nr2 = 16\ncall read\nr1 = r6\nr2 = 24\ncall read\nr0 = 0\nexit\n"
			     "read:\nr3 = *(u64 *)(r1 +112)\nr3 += r2\n" +
				     read_to(-8, 8) + done);
	CHECK_EQUAL(shown(call.plan(HookKind::kprobe)),
		    "kprobe some_function a0=%di:x64 a1=+16(%di):x64 a2=+24(%di):x64");
	PlanCase rounds;
	rounds.program(
		"rounds",
		"r3 = *(u64 *)(r1 +112)\n*(u64 *)(r10 -8) = r3\nr1 = 3\nr2 = func[round]\nr3 = r10\nr3 += -8\nr4 = 0\n"
		"call loop\nr0 = 0\nexit\nround:\nr3 = *(u64 *)(r2 +0)\nr1 <<= 3\nr3 += r1\n" +
			read_to(-8, 8) + done);
	CHECK_EQUAL(shown(rounds.plan(HookKind::kprobe)),
		    "kprobe some_function a0=%di:x64 a1=+0(%di):x64 a2=+8(%di):x64 a3=+16(%di):x64");
}

void takes_maps_that_nothing_changes_as_they_are()
{
	// Which register to read stands in an array.
	std::string text = "r6 = r1\n*(u32 *)(r10 -4) = 0\nr1 = map[0]\nr2 = r10\nr2 += -4\ncall map_lookup_elem\nif "
			   "r0 == 0 goto out\n"
			   "r3 = *(u64 *)(r0 +0)\nr3 += r6\n" +
			   read_to(-16, 8) + "r3 = *(u64 *)(r10 -16)\n" +
			   read_to(-80, 64, "call probe_read_user_str\n") + "out:\n" + done;
	PlanCase test;
	test.array("places", {std::string("\x68\0\0\0\0\0\0\0", 8)}).program("indirect", text);
	auto plan = test.plan(HookKind::uprobe);
	CHECK_EQUAL(shown(plan), "uprobe some_function a0=%si:x64 a1=+0(%si):string");
	REQUIRE(plan && !plan->explanation.empty());
	CHECK_EQUAL(plan->explanation.back(), "map places is taken as it is now: no program changes it");
	// Where a program changes it, it is not.
	PlanCase changed;
	changed.array("places", {std::string("\x68\0\0\0\0\0\0\0", 8)})
		.program("indirect", text)
		.program("other", "*(u32 *)(r10 -4) = 0\nr1 = map[0]\nr2 = r10\nr2 += -4\ncall map_lookup_elem\nif r0 "
				  "== 0 goto out\n"
				  "*(u64 *)(r0 +0) = 1\nout:\nr0 = 0\nexit\n");
	CHECK_EQUAL(changed.refusal(HookKind::uprobe),
		    "ftrace: failed to plan indirect: insn 13 `call bpf_probe_read_kernel#113`: which register it "
		    "reads ((the context + "
		    "map places's value+0)) is only known when it runs");
}

void prints_strings_that_a_format_points_to()
{
	// "%s %d" on the stack.
	PlanCase test;
	test.program("print", "r3 = *(u64 *)(r1 +112)\nr4 = 1\nr2 = 0x642520207325 ll\n*(u64 *)(r10 -8) = r2\nr1 = "
			      "r10\nr1 += -8\nr2 = 8\n"
			      "call trace_printk\nr0 = 0\nexit\n");
	CHECK_EQUAL(shown(test.plan(HookKind::kprobe)), "kprobe some_function a0=%di:x64 a1=+0(%di):string");
}

void tells_which_stacks_are_wanted()
{
	auto with = [](int flags) {
		PlanCase test;
		test.map("stacks", BPF_MAP_TYPE_STACK_TRACE, 4, 80)
			.program("stack", fmt::format("r2 = map[0]\nr3 = {}\ncall get_stackid\nr0 = 0\nexit\n", flags));
		return test.plan(HookKind::kprobe);
	};
	auto kernel = with(0), user = with(256);
	CHECK(kernel && kernel->kernel_stack && !kernel->user_stack);
	CHECK(user && !user->kernel_stack && user->user_stack);
	REQUIRE(user && user->helpers.size() == 1);
	CHECK_EQUAL(user->helpers[0], 27);
}

const Suite suite("plan",
		  {
			  {"fetches each register once", fetches_each_register_once},
			  {"takes the probe's own address for the instruction pointer",
			   takes_the_probes_own_address_for_the_instruction_pointer},
			  {"nests what pointers nest", nests_what_pointers_nest},
			  {"finds a pointer inside of a longer read", finds_a_pointer_inside_of_a_longer_read},
			  {"follows loads as it follows reads", follows_loads_as_it_follows_reads},
			  {"reads user memory as the kernel wants it", reads_user_memory_as_the_kernel_wants_it},
			  {"reads longer pieces as arrays or words", reads_longer_pieces_as_arrays_or_words},
			  {"reads nothing twice", reads_nothing_twice},
			  {"takes the result at a return", takes_the_result_at_a_return},
			  {"finds an exit's result behind the arguments", finds_an_exits_result_behind_the_arguments},
			  {"starts at the running task", starts_at_the_running_task},
			  {"reads fixed addresses", reads_fixed_addresses},
			  {"reads nothing behind NULL", reads_nothing_behind_null},
			  {"cuts what constants rule out", cuts_what_constants_rule_out},
			  {"unrolls loops and follows calls", unrolls_loops_and_follows_calls},
			  {"takes maps that nothing changes as they are", takes_maps_that_nothing_changes_as_they_are},
			  {"prints strings that a format points to", prints_strings_that_a_format_points_to},
			  {"tells which stacks are wanted", tells_which_stacks_are_wanted},
		  });

} // namespace
