// SPDX-License-Identifier: GPL-2.0-only
// funclatency: how long functions take, of the kernel or of programs.
#include "funclatency.h"
#include "funclatency.skel.h"
#include "layer/histogram_map.h"
#include "layer/sample.h"
#include "layer/symbols/probed_functions.h"

#include <fmt/format.h>
#include <optional>

namespace {

constexpr size_t most_functions = 500; // each takes two probes, attached one by one

constexpr Column columns[] = {{"FUNCTION", -32, "the function (with -F)"}};

class Funclatency final : public ReportSample<funclatency_kern> {
	std::string words_;
	bool microseconds_ = false, milliseconds_ = false, by_function_ = false;
	std::optional<ProbedFunctions> functions_;
	HistogramMap<latency_key> latencies_;

	void options(Options &o) override
	{
		o.argument("FUNCTION", words_, "FUNCTION of the kernel, or BINARY:FUNCTION; with * and ? several", true);
		o.flag("-u,--microseconds", microseconds_, "in microseconds instead of nanoseconds");
		o.flag("-m,--milliseconds", milliseconds_, "in milliseconds");
		o.flag("-F,--by-function", by_function_, "a histogram for each function");
		interval_option(o);
	}

	Result<void> configure(funclatency_kern &k, Trace &trace) override
	{
		auto functions = ProbedFunctions::find(words_, trace.options().pid, true);
		if (!functions)
			return functions.error();
		functions_ = std::move(*functions);
		if (functions_->size() > most_functions)
			return Error{fmt::format("{} functions match {}: {} at most", functions_->size(), words_, most_functions)};
		k.rodata->unit_ns = milliseconds_ ? 1'000'000 : microseconds_ ? 1000 : 1;
		k.rodata->by_function = by_function_;
		k.rodata->in_programs = functions_->is_in_program();
		for (bpf_program *program : {k.progs.enter_kernel, k.progs.leave_kernel})
			bpf_program__set_autoload(program, !functions_->is_in_program());
		for (bpf_program *program : {k.progs.enter_program, k.progs.leave_program})
			bpf_program__set_autoload(program, functions_->is_in_program());
		return {};
	}

	Result<void> attach(Trace &trace) override
	{
		bool user = functions_->is_in_program();
		trace.note(fmt::format("{} functions match {}", functions_->size(), words_));
		// Returns first: one without its entry is passed over, an entry without its return would stay.
		if (auto leave = trace.attach_each(user ? kern().progs.leave_program : kern().progs.leave_kernel,
						   functions_->hooks(user ? HookKind::uretprobe : HookKind::kretprobe));
		    !leave)
			return leave;
		return trace.attach_each(user ? kern().progs.enter_program : kern().progs.enter_kernel,
					 functions_->hooks(user ? HookKind::uprobe : HookKind::kprobe));
	}

	Result<void> report(Trace &trace, bool) override
	{
		std::map<std::string, hist> counted;
		for (const auto &[key, hist] : latencies_.take(kern().maps.latencies)) {
			std::string name = by_function_ ? functions_->name_at(static_cast<int>(key.pid), key.address) : "";
			for (int i = 0; i < HIST_SLOTS; i++)
				counted[name].slots[i] += hist.slots[i];
		}
		for (const auto &[name, hist] : counted) {
			Row key;
			if (by_function_)
				key << name;
			trace.output().histogram(name, std::span(columns).first(by_function_), key,
						 Histogram::log2(milliseconds_ ? "msecs" : microseconds_ ? "usecs" : "nsecs",
								 hist.slots));
		}
		return {};
	}
};

const Register<Funclatency> sample{{
	.name = "funclatency",
	.summary = "how long functions take, of the kernel or of programs, as a histogram",
	.description = "Measures from each function's entry to its return, waiting included. BINARY is a path, a program in "
		       "$PATH, a library (c, libssl.so.3), or with -p a file that the process has mapped; its functions "
		       "are named as in its symbol table or as C++ and Rust write them (ns::f), stripped libraries have "
		       "those that they export.",
	.columns = columns,
	.example = R"($ anyprobe funclatency -q -u -d 1 c:read
     usecs               : count    distribution
         0 -> 1          : 0        |                                        |
         2 -> 3          : 0        |                                        |
         4 -> 7          : 0        |                                        |
         8 -> 15         : 4        |**************************              |
        16 -> 31         : 6        |****************************************|
)",
	.instead = "BINARY:FUNCTION, a function of a program, needs no kprobes; syscount -L times system calls",
}};

} // namespace
