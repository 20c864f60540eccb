// SPDX-License-Identifier: GPL-2.0-only
// vfscount: calls of kernel functions that match a pattern.
#include "layer/map_reader.h"
#include "layer/sample.h"
#include "layer/symbols/kernel_functions.h"
#include "vfscount.skel.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <numeric>
#include <optional>

namespace {

// A kprobe each takes a while to attach; kprobe.multi takes any number at once.
constexpr size_t most_single_probes = 500;

constexpr Column columns[] = {
	{"FUNCTION", -32, "the kernel function"},
	{"COUNT", 12, "how often it was called"},
};

class Vfscount final : public ReportSample<vfscount_kern> {
	std::string pattern_ = "vfs_*";
	std::optional<KernelFunctions> functions_;
	std::map<std::string, uint64_t> seen_; // at the last report

	void options(Options &o) override
	{
		o.argument("PATTERN", pattern_, "functions by name, with * and ?; vfs_* if not given", false);
		interval_option(o);
	}

	Result<void> attach(Trace &trace) override
	{
		auto functions = KernelFunctions::find(pattern_);
		if (!functions)
			return functions.error();
		functions_ = std::move(*functions);
		auto names = functions_->names();
		trace.note(fmt::format("{} functions match {}", names.size(), pattern_));
		if (bpf_program *multi = kern().progs.count___multi; bpf_program__autoload(multi)) {
			Hook hook;
			hook.kind = HookKind::kprobe_multi;
			hook.functions = names;
			return trace.attach(multi, hook);
		}
		if (names.size() > most_single_probes)
			return Error{fmt::format("{} functions match {}: {} at most without kprobe.multi (Linux 5.18)", names.size(),
						 pattern_, most_single_probes)};
		return trace.attach_each(kern().progs.count___single, HookKind::kprobe, names);
	}

	Result<void> report(Trace &trace, bool) override
	{
		std::map<std::string, uint64_t> now;
		for (uint64_t address : map_keys<uint64_t>(kern().maps.calls)) {
			auto cpus = percpu_values<uint64_t>(kern().maps.calls, address);
			now[functions_->name_at(address)] += std::accumulate(cpus.begin(), cpus.end(), uint64_t(0));
		}
		std::vector<std::pair<std::string, uint64_t>> rows;
		for (const auto &[name, count] : now)
			if (count > seen_[name])
				rows.emplace_back(name, count - seen_[name]);
		std::stable_sort(rows.begin(), rows.end(), [](const auto &a, const auto &b) { return a.second > b.second; });
		seen_ = std::move(now);
		trace.output().section("");
		for (const auto &[name, count] : rows)
			trace.report_row(columns, Row() << name << count);
		return {};
	}
};

const Register<Vfscount> sample{{
	.name = "vfscount",
	.summary = "calls of kernel functions that match a pattern",
	.description = "Counts how often each kernel function is called whose name matches the pattern; by default those "
		       "of the virtual file system.",
	.columns = columns,
	.example = R"($ anyprobe vfscount -d 4
FUNCTION                                COUNT
vfs_fstatat                               957
vfs_getattr_nosec                         957
vfs_statx                                 666
vfs_open                                   54
vfs_read                                    3
vfs_write                                   1
)",
	.instead = "syscount counts system calls, funclatency PATH:FUNCTION times functions of programs",
}};

} // namespace
