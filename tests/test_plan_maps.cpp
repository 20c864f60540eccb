// SPDX-License-Identifier: GPL-2.0-only
// Pointers that cross from one event to another through a map, and what becomes an event's filter.
#include "plan_case.h"

#include <fmt/format.h>
#include <linux/bpf.h>

namespace
{

// Entry: map 0 [key on the stack] = {first argument, second argument}.
const std::string keep =
	"r2 = *(u64 *)(r1 +112)\n*(u64 *)(r10 -16) = r2\nr2 = *(u64 *)(r1 +104)\n*(u64 *)(r10 -8) = r2\n"
	"*(u64 *)(r10 -24) = 0\nr1 = map[0]\nr2 = r10\nr2 += -24\nr3 = r10\nr3 += -16\nr4 = 0\n"
	"call map_update_elem\nr0 = 0\nexit\n";

// Return: what stands at `field` of the value is a pointer: read a string behind it.
std::string recall(int field, const std::string &more = "r1 = r10\nr1 += -128\nr2 = 64\ncall probe_read_user_str\n")
{
	return fmt::format(
		"*(u64 *)(r10 -24) = 0\nr1 = map[0]\nr2 = r10\nr2 += -24\ncall map_lookup_elem\nif r0 == 0 goto out\n"
		"r3 = *(u64 *)(r0 +{})\n{}out:\nr0 = 0\nexit\n",
		field, more);
}

PlanCase entry_and_return(const std::string &entry, const std::string &leave)
{
	PlanCase test;
	test.map("calls", BPF_MAP_TYPE_HASH, 8, 16).program("enter", entry).program("leave", leave);
	return test;
}

void captures_at_the_entry_what_is_read_at_the_return()
{
	auto test = entry_and_return(keep, recall(8));
	auto plan = test.plan(HookKind::kprobe);
	CHECK_EQUAL(shown(plan), "kprobe some_function a0=%si:x64 a1=%di:x64 a2=+0(%si):string");
	REQUIRE(plan && plan->fetches.size() == 3);
	CHECK(plan->fetches[2].kept && plan->fetches[2].is_region && !plan->recalls);
	CHECK_EQUAL(plan->fetches[2].pointer, 0);
	CHECK_EQUAL(plan->fetches[2].size, 64);
	CHECK_EQUAL(plan->explanation.back(), "a2: for leave, which follows the pointer in map calls");
	// The same two, looked at from the other side.
	auto other = entry_and_return(recall(8), keep).plan(HookKind::kretprobe);
	CHECK_EQUAL(shown(other), "kretprobe some_function");
	CHECK(other && other->recalls);
}

void captures_along_the_whole_way()
{
	std::string walk =
		"r3 += 24\nr1 = r10\nr1 += -32\nr2 = 8\ncall probe_read_kernel\nr3 = *(u64 *)(r10 -32)\nr3 += 532\n"
		"r1 = r10\nr1 += -40\nr2 = 2\ncall probe_read_kernel\n";
	auto test = entry_and_return(keep, recall(0, walk));
	auto plan = test.plan(HookKind::kprobe);
	CHECK_EQUAL(shown(plan), "kprobe some_function a0=%si:x64 a1=%di:x64 a2=+24(%di):x64 a3=+532(+24(%di)):x16");
	CHECK(plan && plan->fetches[2].kept && plan->fetches[3].kept && plan->fetches[3].pointer == 2);
}

void captures_where_a_pointer_is_found_equal()
{
	// The value's pointer is compared with the first argument; the read at the return wants it fresh.
	std::string state = "r6 = *(u64 *)(r1 +112)\n*(u64 *)(r10 -24) = 0\nr1 = map[0]\nr2 = r10\nr2 += -24\ncall "
			    "map_lookup_elem\n"
			    "if r0 == 0 goto out\nr3 = *(u64 *)(r0 +8)\nif r3 != r6 goto out\n*(u64 *)(r0 +0) = "
			    "1\nout:\nr0 = 0\nexit\n";
	PlanCase test;
	test.map("calls", BPF_MAP_TYPE_HASH, 8, 16)
		.program("state", state)
		.program("enter", keep)
		.program("leave", recall(8));
	CHECK_EQUAL(shown(test.plan(HookKind::kprobe)), "kprobe some_function a0=%di:x64 a1=+0(%di):string");
	// A tracepoint's record cannot follow it: an earlier event has captured it then.
	PlanCase record;
	record.map("calls", BPF_MAP_TYPE_HASH, 8, 16)
		.format("6.1/inet_sock_set_state")
		.program("state", "r6 = *(u64 *)(r1 +8)\n" + state.substr(state.find('\n') + 1),
			 BPF_PROG_TYPE_TRACEPOINT)
		.program("enter", keep)
		.program("leave", recall(8));
	record.target = "sock/inet_sock_set_state";
	auto plan = record.plan(HookKind::tracepoint);
	CHECK_EQUAL(shown(plan), "tracepoint sock/inet_sock_set_state");
	REQUIRE(plan && !plan->explanation.empty());
	CHECK_EQUAL(plan->explanation.back(),
		    "cannot capture context+8 for leave, which follows the pointer in map calls: an earlier "
		    "event's is taken");
}

void follows_copies_from_map_to_map()
{
	// The entry fills a scratch value in, which goes into the map as a whole.
	std::string entry =
		"r6 = *(u64 *)(r1 +112)\n*(u64 *)(r10 -24) = 0\nr1 = map[1]\nr2 = r10\nr2 += -24\ncall "
		"map_lookup_elem\n"
		"if r0 == 0 goto out\n*(u64 *)(r0 +8) = r6\nr3 = r0\nr1 = map[0]\nr2 = r10\nr2 += -24\nr4 = 0\n"
		"call map_update_elem\nout:\nr0 = 0\nexit\n";
	PlanCase test;
	test.map("calls", BPF_MAP_TYPE_HASH, 8, 16)
		.map("scratch", BPF_MAP_TYPE_PERCPU_ARRAY, 4, 16, 1)
		.program("enter", entry)
		.program("leave", recall(8));
	CHECK_EQUAL(shown(test.plan(HookKind::kprobe)), "kprobe some_function a0=%di:x64 a1=+0(%di):string");
}

void refuses_pointers_that_nobody_provides()
{
	PlanCase alone;
	alone.map("calls", BPF_MAP_TYPE_HASH, 8, 16).program("leave", recall(8));
	CHECK_EQUAL(alone.refusal(HookKind::kretprobe),
		    "ftrace: failed to plan leave: insn 11 `call bpf_probe_read_user_str#114`: it follows a pointer "
		    "that map calls "
		    "holds, and no program here puts one there that an event can follow");
	std::string computed = "r2 = *(u64 *)(r1 +112)\nr3 = *(u64 *)(r1 +104)\nr2 += r3\n*(u64 *)(r10 -8) = r2\n" +
			       keep.substr(keep.find("*(u64 *)(r10 -24)"));
	CHECK_EQUAL(entry_and_return(computed, recall(8)).refusal(HookKind::kprobe),
		    "ftrace: failed to plan enter: insn 12 `call bpf_map_update_elem#2`: it puts a pointer into map "
		    "calls that leave "
		    "follows later, and no event can follow this one: it is computed");
}

// ---- filters

// An effect: map 0 [0] = 0.
const std::string effect =
	"*(u64 *)(r10 -16) = 0\n*(u64 *)(r10 -8) = 0\n*(u64 *)(r10 -24) = 0\nr1 = map[0]\nr2 = r10\nr2 += -24\n"
	"r3 = r10\nr3 += -16\nr4 = 0\ncall map_update_elem\n";

Result<Plan> filtered(const std::string &conditions, bool comm = true)
{
	PlanCase test;
	if (!comm)
		test.kernel.comm_field = "";
	test.map("counts", BPF_MAP_TYPE_HASH, 8, 16)
		.format("6.1/inet_sock_set_state")
		.program("p", "r6 = r1\n" + conditions + "does:\n" + effect + "out:\nr0 = 0\nexit\n",
			 BPF_PROG_TYPE_TRACEPOINT);
	test.target = "sock/inet_sock_set_state";
	return test.plan(HookKind::tracepoint);
}

std::string filter(const std::string &conditions)
{
	auto plan = filtered(conditions);
	return plan ? plan->filter : plan.error().message;
}

void makes_comparisons_of_fields_the_filter()
{
	CHECK_EQUAL(filter(""), "");
	CHECK_EQUAL(filter("r2 = *(u16 *)(r6 +30)\nif r2 != 6 goto out\n"), "protocol == 6");
	CHECK_EQUAL(filter("r2 = *(u16 *)(r6 +24)\nif r2 > 1023 goto out\n"), "sport <= 1023");
	CHECK_EQUAL(filter("r2 = *(u16 *)(r6 +30)\nif r2 != 6 goto out\nr2 = *(u32 *)(r6 +20)\nif r2 == 2 goto "
			   "does\nr2 = *(u32 *)(r6 +16)\n"
			   "if r2 != 2 goto out\n"),
		    "protocol == 6 && (newstate == 2 || oldstate == 2)");
	CHECK_EQUAL(filter("r2 = *(u16 *)(r6 +28)\nr2 &= 8\nif r2 == 0 goto out\n"), "family & 8");
	// A signed field: an equality holds for its bits; an order only where the sign was looked at.
	CHECK_EQUAL(filter("r2 = *(u32 *)(r6 +20)\nr3 = 0xfffffffe ll\nif r2 != r3 goto out\n"), "newstate == -2");
	CHECK_EQUAL(filter("r2 = *(u32 *)(r6 +20)\nif r2 > 5 goto out\n"), "");
	CHECK_EQUAL(filter("r2 = *(u32 *)(r6 +20)\nr2 <<= 32\nr2 s>>= 32\nif r2 s> 5 goto out\n"), "newstate <= 5");
}

void leaves_out_what_a_filter_cannot_say()
{
	// Half of a field, a sum, a look-up.
	CHECK_EQUAL(filter("r2 = *(u8 *)(r6 +30)\nif r2 != 6 goto out\n"), "");
	CHECK_EQUAL(filter("r2 = *(u16 *)(r6 +30)\nr2 += 1\nif r2 != 6 goto out\n"), "");
	CHECK_EQUAL(filter("r2 = *(u16 *)(r6 +30)\nr3 = *(u16 *)(r6 +28)\nif r2 != r3 goto out\n"), "");
	// An effect on either side: both are wanted.
	CHECK_EQUAL(filter("r2 = *(u16 *)(r6 +30)\nif r2 != 6 goto other\ngoto does\nother:\n"), "");
	// Something is done before it is asked.
	CHECK_EQUAL(filter(effect + "r2 = *(u16 *)(r6 +30)\nif r2 != 6 goto out\n"), "");
}

void looks_behind_the_place_where_ways_meet()
{
	CHECK_EQUAL(filter("r2 = *(u16 *)(r6 +28)\nif r2 == 2 goto both\nif r2 != 10 goto out\nboth:\nr2 = *(u16 *)(r6 "
			   "+30)\nif r2 != 6 goto out\n"),
		    "protocol == 6 && (family == 10 || family == 2)");
}

void finds_processes_and_names()
{
	auto only = filtered("call get_current_pid_tgid\nr0 >>= 32\nif r0 != 1234 goto out\n");
	CHECK(only && only->process == 1234 && !only->not_process && only->filter.empty());
	auto others = filtered("call get_current_pid_tgid\nr0 >>= 32\nr1 = 99\nif r1 == r0 goto out\n");
	CHECK(others && others->not_process == 99 && !others->process);
	std::string python = "r1 = r10\nr1 += -16\nr2 = 16\ncall get_current_comm\nr1 = 0x336e6f68747970 ll\nr2 = "
			     "*(u64 *)(r10 -16)\n"
			     "if r2 != r1 goto out\nr2 = *(u64 *)(r10 -8)\nif r2 != 0 goto out\n";
	auto comm = filtered(python);
	CHECK(comm);
	CHECK_EQUAL(comm->filter, "COMM == \"python3\"");
	CHECK_EQUAL(filtered(python, false)->filter, "");
	// Sixteen letters: both words are needed.
	std::string longer = "r1 = r10\nr1 += -16\nr2 = 16\ncall get_current_comm\nr1 = 0x6867666564636261 ll\nr2 = "
			     "*(u64 *)(r10 -16)\n"
			     "if r2 != r1 goto out\n";
	CHECK_EQUAL(filter(longer), "");
	CHECK_EQUAL(filter(longer + "r2 = *(u64 *)(r10 -8)\nif r2 != 105 goto out\n"), "COMM == \"abcdefghi\"");
}

void filters_by_what_is_fetched()
{
	PlanCase test;
	test.map("counts", BPF_MAP_TYPE_HASH, 8, 16)
		.program("p", "r3 = *(u64 *)(r1 +112)\nr6 = *(u64 *)(r1 +104)\nr3 += 104\nr1 = r10\nr1 += -4\nr2 = "
			      "4\ncall probe_read_kernel\n"
			      "r2 = *(u32 *)(r10 -4)\nif r2 != 77 goto out\nif r6 == 0 goto out\n" +
				      effect + "out:\nr0 = 0\nexit\n");
	auto plan = test.plan(HookKind::kprobe);
	CHECK_EQUAL(shown(plan), "kprobe some_function a0=%si:x64 a1=%di:x64 a2=+104(%di):x32");
	CHECK_EQUAL(plan->filter, "a0 != 0 && a2 == 77");
}

void plans_what_the_documentation_shows()
{
	PlanCase test;
	test.target = "inet_stream_connect";
	test.map("counts", BPF_MAP_TYPE_HASH, 8, 16)
		.program("on_connect",
			 "r3 = *(u64 *)(r1 +112)\nr3 += 24\nr1 = r10\nr1 += -8\nr2 = 8\ncall probe_read_kernel\n"
			 "r3 = *(u64 *)(r10 -8)\nr3 += 16\nr1 = r10\nr1 += -2\nr2 = 2\ncall probe_read_kernel\n"
			 "r1 = *(u16 *)(r10 -2)\nif r1 != 2 goto out\n" +
				 effect + "out:\nr0 = 0\nexit\n");
	auto plan = test.plan(HookKind::kprobe);
	CHECK_EQUAL(shown(plan), "kprobe inet_stream_connect a0=%di:x64 a1=+24(%di):x64 a2=+16(+24(%di)):x16");
	CHECK_EQUAL(plan->filter, "a2 == 2");
}

const Suite suite("plan maps and filters",
		  {
			  {"captures at the entry what is read at the return",
			   captures_at_the_entry_what_is_read_at_the_return},
			  {"captures along the whole way", captures_along_the_whole_way},
			  {"captures where a pointer is found equal", captures_where_a_pointer_is_found_equal},
			  {"follows copies from map to map", follows_copies_from_map_to_map},
			  {"refuses pointers that nobody provides", refuses_pointers_that_nobody_provides},
			  {"makes comparisons of fields the filter", makes_comparisons_of_fields_the_filter},
			  {"leaves out what a filter cannot say", leaves_out_what_a_filter_cannot_say},
			  {"looks behind the place where ways meet", looks_behind_the_place_where_ways_meet},
			  {"finds processes and names", finds_processes_and_names},
			  {"filters by what is fetched", filters_by_what_is_fetched},
			  {"plans what the documentation shows", plans_what_the_documentation_shows},
		  });

} // namespace
