// SPDX-License-Identifier: GPL-2.0-only
// profile: where CPU time goes, by sampled stacks.
#include "layer/output/flame_graph.h"
#include "layer/output/output_file.h"
#include "layer/sample.h"
#include "layer/symbols/profile_stacks.h"
#include "profile.skel.h"

#include <fmt/format.h>

namespace {

constexpr Column columns[] = {
	{"COUNT", 8, "samples that found this stack"},
	{"PID", 7, "process id"},
	{"COMM", -16, "name of the thread"},
	{"STACK", 0, "the functions, callers first, with ; between them; in JSON an array"},
};

class Profile final : public KernSample<profile_kern> {
	int frequency_ = 99;
	bool folded_ = false, no_kernel_ = false, no_user_ = false, with_idle_ = false;
	std::string picture_;
	StackNames names_;

	void options(Options &o) override
	{
		o.value("-F,--frequency", frequency_, "HZ", "samples a second on each CPU", 1);
		o.flag("-f,--folded", folded_, "lines of folded stacks, as flame graph tools take them");
		o.value("-g,--flame-graph", picture_, "FILE", "write a flame graph, an SVG to open in a browser");
		o.flag("-U,--user", no_kernel_, "only the programs' part of the stacks");
		o.flag("-K,--kernel", no_user_, "only the kernel's part of the stacks");
		o.flag("-I,--idle", with_idle_, "idle CPUs too");
	}

	Result<void> configure(profile_kern &k, Trace &) override
	{
		k.rodata->no_kernel = no_kernel_;
		k.rodata->no_user = no_user_;
		k.rodata->with_idle = with_idle_;
		return {};
	}

	Result<void> attach(Trace &trace) override
	{
		Hook hook;
		hook.kind = HookKind::perf_event;
		hook.frequency = static_cast<uint64_t>(frequency_);
		for (hook.cpu = 0; hook.cpu < libbpf_num_possible_cpus(); hook.cpu++)
			if (auto clock = trace.attach(kern().progs.sample, hook); !clock && clock.error().code != ENODEV)
				return clock; // ENODEV: a CPU that is switched off
		return {};
	}

	void record(Trace &, bpf_map *, const void *data, size_t size) override
	{
		if (size >= sizeof(profile_process))
			names_.remember(static_cast<int>(static_cast<const profile_process *>(data)->pid));
	}

	Result<void> report(Trace &trace, bool) override
	{
		std::vector<SampledStack> stacks;
		for (ProfiledStack &one : read_profile(kern().maps.samples, kern().maps.stacks, names_)) {
			if (!folded_ && picture_.empty())
				trace.report_row(columns, Row() << one.stack.count << one.pid << one.comm << stack_cell(one.stack.frames));
			one.stack.frames.insert(one.stack.frames.begin(), {one.comm, FrameKind::process});
			stacks.push_back(std::move(one.stack));
		}
		if (!names_.problem().empty())
			trace.note("no names for kernel functions: " + names_.problem());
		if (folded_)
			trace.output().text(fold(stacks));
		if (picture_.empty())
			return {};
		std::string title = fmt::format("CPU time, {} samples a second and CPU", frequency_);
		return write_output_file(picture_, draw_flame_graph(stacks, {title, "samples"}));
	}
};

const Register<Profile> sample{{
	.name = "profile",
	.summary = "where CPU time goes: sampled stacks, folded or as a flame graph",
	.description = "Looks at every CPU 99 times a second and counts which stack it finds there: functions that are found "
		       "often are where the time goes. Programs need frame pointers for whole stacks "
		       "(-fno-omit-frame-pointer); the kernel's part is always whole.",
	.columns = columns,
	.example = R"($ anyprobe profile -q -d 2 --comm work
   COUNT     PID COMM             STACK
       1   21946 work             __libc_start_call_main;main;outer_one;burn_here;asm_sysvec_apic_timer_interrupt;sysvec_apic_timer_interrupt;__irq_exit_rcu;handle_softirqs
      16   21984 work             __libc_start_call_main;main;outer_one;burn_here
      51   21946 work             __libc_start_call_main;main;outer_one;burn_here
      62   21959 work             __libc_start_call_main;main;outer_one;burn_here
$ anyprobe profile -q -d 10 -g profile.svg
)",
	.instead = "",
}};

} // namespace
