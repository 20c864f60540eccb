// SPDX-License-Identifier: GPL-2.0-only
#include "layer/engine/hook.h"
#include "suite.h"

#include <bpf/libbpf.h>

namespace
{

// "kprobe do_exit+0x4; kprobe ..." of a section, or the error.
std::string read(const std::string &section)
{
	auto hooks = hooks_of_section(section);
	if (!hooks)
		return "error: " + hooks.error().message;
	std::string text;
	for (const Hook &hook : *hooks)
		text += (text.empty() ? "" : "; ") + describe(hook);
	return text;
}

void reads_libbpfs_spelling()
{
	CHECK_EQUAL(read("tracepoint/sched/sched_switch"), "tracepoint sched/sched_switch");
	CHECK_EQUAL(read("tp/sched/sched_switch"), "tracepoint sched/sched_switch");
	CHECK_EQUAL(read("raw_tp/sys_enter"), "raw tracepoint sys_enter");
	CHECK_EQUAL(read("raw_tracepoint/sys_enter"), "raw tracepoint sys_enter");
	CHECK_EQUAL(read("tp_btf/sched_switch"), "BTF-typed tracepoint sched_switch");
	CHECK_EQUAL(read("fentry/do_unlinkat"), "BTF-typed program do_unlinkat");
	CHECK_EQUAL(read("fexit.s/do_unlinkat"), "BTF-typed program do_unlinkat");
	CHECK_EQUAL(read("kretprobe/do_exit"), "kretprobe do_exit");
	CHECK_EQUAL(read("uprobe//bin/bash:readline"), "uprobe /bin/bash:readline");
	CHECK_EQUAL(read("uretprobe/libc.so.6:malloc"), "uretprobe libc.so.6:malloc");
	CHECK_EQUAL(read("perf_event").substr(0, 10), "perf event");
	for (const char *section : {"socket", "socket1", "socket_filter"})
		CHECK_EQUAL(read(section), "socket filter");
}

void reads_offsets()
{
	CHECK_EQUAL(read("kprobe/do_exit+4"), "kprobe do_exit+0x4");
	CHECK_EQUAL(read("kprobe/do_exit+0x1c"), "kprobe do_exit+0x1c");
	CHECK_EQUAL(read("uprobe//bin/bash:readline+0x8"), "uprobe /bin/bash:readline+0x8");
	// A plus in a name is no offset.
	CHECK_EQUAL(read("uprobe//lib/libstdc++.so:f"), "uprobe /lib/libstdc++.so:f");
	CHECK_EQUAL(read("kprobe/odd+name"), "kprobe odd+name");
	CHECK_EQUAL(read("kprobe/odd+"), "kprobe odd+");
}

void reads_alternatives()
{
	CHECK_EQUAL(read("kprobe/kernel_clone|_do_fork|do_fork"),
		    "kprobe kernel_clone; kprobe _do_fork; kprobe do_fork");
	CHECK_EQUAL(read("kprobe/a+1|b"), "kprobe a+0x1; kprobe b");
	CHECK_EQUAL(read("?tracepoint/block/block_io_start|block/block_rq_issue"),
		    "tracepoint block/block_io_start; tracepoint block/block_rq_issue");
}

void knows_the_names_that_a_system_call_had()
{
	std::string names = read("ksyscall/unlinkat");
	CHECK(names.ends_with("kprobe sys_unlinkat; kprobe SyS_unlinkat"));
#ifdef __x86_64__
	CHECK(names.starts_with("kprobe __x64_sys_unlinkat; "));
#endif
	CHECK(read("kretsyscall/unlinkat").find("kretprobe sys_unlinkat") != std::string::npos);
}

void a_section_may_leave_the_place_open()
{
	for (const char *section : {"kprobe", "?kprobe", "uprobe", "kprobe.multi", "tracepoint"}) {
		auto hooks = hooks_of_section(section);
		REQUIRE(hooks);
		CHECK_EQUAL(hooks->size(), 1);
		CHECK_EQUAL((*hooks)[0].target, "");
	}
}

void refuses_what_it_cannot_attach()
{
	CHECK_EQUAL(read("xdp"), "error: section \"xdp\": not a kind of hook that can be attached here");
	CHECK_EQUAL(read("usdt/a:b:c"),
		    "error: section \"usdt/a:b:c\": not attached here; `anyprobe usdt` traces such probes");
	CHECK(read("").starts_with("error: "));
	CHECK(read("kprobes/do_exit").starts_with("error: "));
	CHECK(read("?").starts_with("error: "));
	CHECK(read("|||").starts_with("error: "));
}

// Every prefix known here must be one that libbpf gives a program type to: it loads, we attach.
void knows_no_more_than_libbpf()
{
	for (const char *section : {"tracepoint/a/b",	 "tp/a/b",	    "raw_tracepoint/a",
				    "raw_tp/a",		 "kprobe/a",	    "kretprobe/a",
				    "ksyscall/a",	 "kretsyscall/a",   "kprobe.multi/a",
				    "kretprobe.multi/a", "uprobe/a:b",	    "uretprobe/a:b",
				    "uprobe.s/a:b",	 "uretprobe.s/a:b", "fentry/a",
				    "fexit/a",		 "fentry.s/a",	    "fexit.s/a",
				    "fmod_ret/a",	 "tp_btf/a",	    "lsm/a",
				    "perf_event",	 "socket"}) {
		bpf_prog_type type;
		bpf_attach_type attach;
		CHECK(hooks_of_section(section));
		CHECK_EQUAL(libbpf_prog_type_by_name(section, &type, &attach), 0);
	}
}

void says_where_a_clock_ticks()
{
	Hook clock;
	clock.kind = HookKind::perf_event;
	clock.frequency = 99;
	clock.cpu = 3;
	CHECK_EQUAL(describe(clock), "perf event cpu-clock at 99 Hz on CPU 3");
	Hook many;
	many.kind = HookKind::kprobe_multi;
	many.functions = {"a", "b"};
	CHECK_EQUAL(describe(many), "kprobe.multi on 2 functions");
}

const Suite suite{"hook",
		  {{"reads libbpf's spelling of sections", reads_libbpfs_spelling},
		   {"reads offsets", reads_offsets},
		   {"reads alternatives", reads_alternatives},
		   {"knows the names that a system call's function had", knows_the_names_that_a_system_call_had},
		   {"a section may leave the place open", a_section_may_leave_the_place_open},
		   {"refuses what it cannot attach", refuses_what_it_cannot_attach},
		   {"knows no more than libbpf", knows_no_more_than_libbpf},
		   {"says where a clock ticks", says_where_a_clock_ticks}}};

} // namespace
