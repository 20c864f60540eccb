// SPDX-License-Identifier: GPL-2.0-only
// The plans of the samples' own programs, relocated by libbpf against the BTF of real kernels (what the samples use of
// it, cut out with `bpftool gen min_core_btf`). What is compared could be echoed into kprobe_events there.
#include "plan_sample.h"

#include "biolatency.skel.h"
#include "execsnoop.skel.h"
#include "forkcount.skel.h"
#include "funclatency.skel.h"
#include "hello.skel.h"
#include "opensnoop.skel.h"
#include "profile.skel.h"
#include "runqlat.skel.h"
#include "sockcount.skel.h"
#include "syscount.skel.h"
#include "tcpconnect.skel.h"
#include "usdt.skel.h"
#include "vfscount.skel.h"

#include "layer/symbols/usdt_values.h"
#include "usdt.h"

#include <bpf/bpf.h>

namespace
{

std::string filter(const Result<Plan> &plan)
{
	return plan ? plan->filter : plan.error().message;
}

void plans_hello_and_forkcount()
{
	Sampled<hello_kern> hello;
	CHECK_EQUAL(hello.line("hello_clone", "sys_enter_clone"), "tracepoint syscalls/sys_enter_clone");
	Sampled<forkcount_kern> forks([](forkcount_kern &k) {
		k.rodata->filter_tgid = 1234;
		memcpy(const_cast<__u64 *>(k.rodata->filter_comm), "python3\0\0\0\0\0\0\0\0", 16);
	});
	auto plan = forks.plan("count_forks", "task_newtask");
	CHECK_EQUAL(shown(plan), "tracepoint task/task_newtask");
	CHECK_EQUAL(filter(plan), "COMM == \"python3\"");
	CHECK(plan && plan->process == 1234);
}

void plans_opensnoop()
{
	Sampled<opensnoop_kern> sample([](opensnoop_kern &k) { k.rodata->own_tgid = 99; });
	auto enter = sample.plan("enter_openat", "sys_enter_openat");
	CHECK_EQUAL(
		shown(enter),
		"kprobe __x64_sys_openat a0=+104(%di):x64 a1=+96(%di):x64 a2=+56(%di):x64 a3=+0(+104(%di)):ustring");
	CHECK(enter && enter->fetches[3].kept && enter->fetches[3].size == 256 && enter->not_process == 99);
	auto leave = sample.plan("leave_openat", "sys_exit_openat");
	CHECK_EQUAL(shown(leave), "tracepoint syscalls/sys_exit_openat");
	CHECK(leave && leave->recalls);
	CHECK_EQUAL(
		sample.line("enter_openat2", "sys_enter_openat2"),
		"kprobe __x64_sys_openat2 a0=+104(%di):x64 a1=+96(%di):x64 a2=+u0(+96(%di)):x64 a3=+u8(+96(%di)):x64 "
		"a4=+0(+104(%di)):ustring");
}

void plans_execsnoop()
{
	Sampled<execsnoop_kern> sample;
	auto enter = sample.plan("enter_execve", "sys_enter_execve");
	std::string start =
		"kprobe __x64_sys_execve a0=+104(%di):x64 a1=+u0(+104(%di)):x64 a2=+0(+u0(+104(%di))):ustring "
		"a3=+u8(+104(%di)):x64 a4=+0(+u8(+104(%di))):ustring ";
	CHECK_EQUAL(shown(enter).substr(0, start.size()), start);
	REQUIRE(enter);
	CHECK_EQUAL(enter->fetches.size(), 66); // argv, 33 pointers, 32 strings
	CHECK_EQUAL(fetch_text(enter->fetches[65], 0), "+u256(+104(%di)):x64");
	CHECK_EQUAL(sample.line("leave_execve", "sys_exit_execve"),
		    "kretprobe __x64_sys_execve a0=$retval:x64 a1=@0x1000:x64 a2=+2432(@0x1000):x64 "
		    "a3=+2420(+2432(@0x1000)):x32");
}

void plans_tcpconnect()
{
	Sampled<tcpconnect_kern> sample;
	CHECK_EQUAL(sample.line("enter___syscall", "sys_enter_connect"),
		    "ftrace: failed to plan enter___syscall: insn 46 `call bpf_probe_read_kernel#113`: the address "
		    "that it reads is computed: (+8(+32(+3048(current))) + (context+16 << 3)); an event can follow "
		    "a pointer and add a constant, no more");
	CHECK_EQUAL(sample.line("enter___kprobe"),
		    "kprobe inet_stream_connect a0=%si:x64 a1=%di:x64 a2=+0(%di):x32 a3=+24(%di):x64 "
		    "a4=+16(+24(%di)):x16 a5=+516(+24(%di)):x16 a6=+804(+24(%di)):x16 a7=+784(+24(%di)):x32 "
		    "a8=+0(%si):x64[3] a9=+72(+24(%di)):x64[2]");
	CHECK_EQUAL(filter(sample.plan("enter___kprobe")), "a1 != 0 && a2 == 1 && a5 == 6 && (a4 == 10 || a4 == 2)");
	CHECK_EQUAL(sample.line("state___tracepoint", "inet_sock_set_state"),
		    "ftrace: failed to plan state___tracepoint: insn 116 `call bpf_probe_read_kernel#113`: "
		    "tracepoint sock/inet_sock_set_state gives a record, and nothing can follow a pointer that is "
		    "in it, nor read anything else");
	CHECK_EQUAL(sample.line("state___kprobe"),
		    "kprobe tcp_connect a0=%di:x64 a1=+784(%di):x32 a2=+12(%di):x16 a3=+16(%di):x16 "
		    "a4=+72(%di):x64[2] a5=+56(%di):x64[2] a6=+0(%di):x32 a7=+804(%di):x16");
	CHECK_EQUAL(sample.line("leave___kprobe"), "kretprobe inet_stream_connect a0=$retval:x64");
	CHECK(sample.plan("leave___kprobe")->recalls);
}

void plans_runqlat()
{
	Sampled<runqlat_kern> sample;
	CHECK_EQUAL(sample.line("wakeup___raw"),
		    "kprobe __traceiter_sched_wakeup a0=%si:x64 a1=+2420(%si):x32 a2=+2416(%si):x32");
	CHECK_EQUAL(filter(sample.plan("wakeup___raw")), "a1 != 0 && a2 != 0");
	CHECK_EQUAL(sample.line("switch_task___raw"),
		    "kprobe __traceiter_sched_switch a0=%si:x64 a1=%dx:x64 a2=%cx:x64 a3=+24(%dx):x32 "
		    "a4=+2420(%dx):x32 a5=+2416(%dx):x32 a6=+2416(%cx):x32");
	Sampled<runqlat_kern> older([](runqlat_kern &k) { k.rodata->per_process = true; }, samples_btf_5_10());
	CHECK_EQUAL(older.line("switch_task___raw"),
		    "kprobe __traceiter_sched_switch a0=%si:x64 a1=%dx:x64 a2=%cx:x64 a3=+16(%dx):x64 "
		    "a4=+2236(%dx):x32 a5=+2232(%dx):x32 a6=+2232(%cx):x32 a7=+2236(%cx):x32 a8=+2296(%cx):x64 "
		    "a9=+2736(+2296(%cx)):x64[2]");
}

void plans_latencies()
{
	Sampled<biolatency_kern> disks;
	CHECK_EQUAL(disks.line("issue", "block_rq_issue"), "tracepoint block/block_rq_issue");
	CHECK_EQUAL(disks.line("complete", "block_rq_complete"), "tracepoint block/block_rq_complete");
	CHECK_EQUAL(filter(disks.plan("insert", "block_rq_insert")), "nr_sector != 0");
	Sampled<funclatency_kern> functions;
	CHECK_EQUAL(functions.line("enter_kernel"), "kprobe place a0=%sp:x64");
	CHECK_EQUAL(functions.line("leave_kernel"), "kretprobe place a0=%sp:x64");
	CHECK_EQUAL(functions.line("enter_program"), "uprobe place a0=%sp:x64");
	CHECK_EQUAL(functions.line("leave_program"), "uretprobe place a0=%sp:x64");
}

void plans_counts()
{
	Sampled<syscount_kern> calls;
	CHECK_EQUAL(calls.line("enter___raw", "sys_enter"), "tracepoint raw_syscalls/sys_enter");
	CHECK_EQUAL(calls.line("enter___classic", "sys_enter"), "tracepoint raw_syscalls/sys_enter");
	CHECK_EQUAL(calls.line("leave___raw", "sys_exit"), "tracepoint raw_syscalls/sys_exit");
	Sampled<vfscount_kern> functions;
	CHECK_EQUAL(functions.line("count___single"), "kprobe place");
	CHECK_EQUAL(functions.line("count___multi"), "kprobe place");
	Sampled<sockcount_kern> packets;
	CHECK_EQUAL(packets.line("count_packet"),
		    "ftrace: failed to plan count_packet: no classic event stands for a socket's packets");
}

void plans_profile()
{
	Sampled<profile_kern> sample([](profile_kern &k) { k.rodata->no_user = true; });
	auto plan = sample.plan("sample");
	CHECK_EQUAL(shown(plan), "clock place");
	CHECK(plan && plan->kernel_stack && !plan->user_stack);
}

void plans_probes_that_programs_have_built_in()
{
	Sampled<usdt_kern> sample([](usdt_kern &k) { k.rodata->with_cookies = true; });
	// 8@%rdi -4@%eax 8@24(%rsp) $5, the first and third strings
	usdt_place place{};
	place.count = 4;
	place.strings = 5;
	place.operands[0] = {0, 112, -1, 1, USDT_REGISTER, 8, 0, 0, 0, {}};
	place.operands[1] = {0, 80, -1, 1, USDT_REGISTER, 4, 32, 1, 0, {}};
	place.operands[2] = {24, 152, -1, 1, USDT_MEMORY, 8, 0, 0, 0, {}};
	place.operands[3] = {5, -1, -1, 1, USDT_CONSTANT, 8, 0, 0, 0, {}};
	uint32_t first = 0, second = 1;
	CHECK_EQUAL(bpf_map_update_elem(bpf_map__fd(sample.kern().maps.places), &first, &place, BPF_ANY), 0);
	place.count = 1;
	place.strings = 0;
	place.operands[0] = {0, 112, 104, 8, USDT_MEMORY, 8, 0, 0, 0, {}}; // 8@(%rdi,%rsi,8)
	CHECK_EQUAL(bpf_map_update_elem(bpf_map__fd(sample.kern().maps.places), &second, &place, BPF_ANY), 0);
	sample.cookie = 1;
	CHECK_EQUAL(sample.line("hit"), "uprobe place a0=%ax:x64 a1=%di:x64 a2=%sp:x64 a3=+0(%di):string "
					"a4=+24(%sp):x64 a5=+0(+24(%sp)):string");
	sample.cookie = 2;
	CHECK_EQUAL(sample.line("hit"),
		    "ftrace: failed to plan hit: insn 171 `call bpf_probe_read_user#112`: the address that it reads "
		    "is computed: (context+112 + (context+104 * 8)); an event can follow a pointer and add a "
		    "constant, no more");
	sample.cookie = 3; // an empty place
	CHECK_EQUAL(sample.line("hit"), "uprobe place");
}

// 3.10: pointers and numbers are u64, memory is of one kind, a call's arguments are in registers, a filter knows no COMM.
void plans_for_an_old_kernel()
{
	Sampled<opensnoop_kern> opens;
	opens.kernel = old_kernel();
	CHECK_EQUAL(opens.line("enter_open", "rhel7/sys_enter_open"),
		    "kprobe sys_open a0=%di:u64 a1=%si:u64 a2=%dx:u64 a3=+0(%di):string");
	CHECK_EQUAL(opens.line("leave_open", "rhel7/sys_exit_open"), "tracepoint syscalls/sys_exit_open");
	Sampled<execsnoop_kern> programs;
	programs.kernel = old_kernel();
	std::string line = programs.line("enter_execve", "sys_enter_execve");
	std::string start = "kprobe sys_execve a0=%si:u64 a1=+0(%si):u64 a2=+0(+0(%si)):string a3=+8(%si):u64 ";
	CHECK_EQUAL(line.substr(0, start.size()), start);
	CHECK(line.size() < programs.kernel.max_line);
	CHECK_EQUAL(programs.line("leave_execve", "sys_exit_execve"),
		    "kretprobe sys_execve a0=$retval:u64 a1=@0x1000:u64 a2=+2432(@0x1000):u64 a3=+2420(+2432(@0x1000)):u32");
	Sampled<tcpconnect_kern> connects;
	connects.kernel = old_kernel();
	connects.kernel.has_function = [](const std::string &) { return true; };
	CHECK_EQUAL(connects.line("state___kprobe"),
		    "kprobe tcp_connect a0=%di:u64 a1=+784(%di):u32 a2=+12(%di):u16 a3=+16(%di):u16 a4=+72(%di):u64 "
		    "a5=+80(%di):u64 a6=+56(%di):u64 a7=+64(%di):u64 a8=+0(%di):u32 a9=+804(%di):u16");
	Sampled<forkcount_kern> forks([](forkcount_kern &k) { memcpy(const_cast<__u64 *>(k.rodata->filter_comm), "python3\0\0\0\0\0\0\0\0", 16); });
	forks.kernel = old_kernel();
	CHECK_EQUAL(forks.line("count_forks", "task_newtask"), "tracepoint task/task_newtask");
	CHECK_EQUAL(filter(forks.plan("count_forks", "task_newtask")), "");
}

const Suite suite("plans of samples",
		  {
			  {"plans hello and forkcount", plans_hello_and_forkcount},
			  {"plans opensnoop", plans_opensnoop},
			  {"plans execsnoop", plans_execsnoop},
			  {"plans tcpconnect", plans_tcpconnect},
			  {"plans runqlat", plans_runqlat},
			  {"plans biolatency and funclatency", plans_latencies},
			  {"plans syscount and vfscount, and refuses sockcount", plans_counts},
			  {"plans profile", plans_profile},
			  {"plans samples for a kernel of 3.10", plans_for_an_old_kernel},
			  {"plans probes that programs have built in", plans_probes_that_programs_have_built_in},
		  });

} // namespace
