// SPDX-License-Identifier: GPL-2.0-only
// cgroupcount: system calls by control group, all or a random sample.
#include "cgroupcount.h"
#include "cgroupcount.skel.h"
#include "layer/map_reader.h"
#include "layer/sample.h"
#include "layer/symbols/cgroup_name.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <optional>

namespace {

constexpr Column columns[] = {
	{"CALLS", 12, "system calls; with --one-in what was counted, times N"},
	{"CGROUP", 0, "path in the v2 hierarchy; id NUMBER if it is gone"},
};

class Cgroupcount final : public ReportSample<cgroupcount_kern> {
	uint64_t one_in_ = 1;
	std::string only_;
	std::optional<CgroupNames> names_;
	std::map<uint64_t, uint64_t> seen_; // at the last report

	void options(Options &o) override
	{
		o.value("-N,--one-in", one_in_, "N", "look at one call in N, chosen by chance", 1);
		o.value("-g,--cgroup", only_, "PATH", "only this cgroup (and none below it)");
		interval_option(o);
	}

	Result<void> check(const CommonOptions &) override
	{
		if (one_in_ > UINT32_MAX)
			return Error{"--one-in: 4294967295 at most", EINVAL};
		auto names = CgroupNames::open();
		if (!names)
			return names.error();
		names_ = std::move(*names);
		if (only_.empty())
			return {};
		auto id = names_->id(only_);
		return id ? Result<void>() : Error{"--cgroup: " + id.error().message, id.error().code};
	}

	Result<void> configure(cgroupcount_kern &k, Trace &) override
	{
		k.rodata->one_in = static_cast<uint32_t>(one_in_);
		if (auto id = names_->id(only_); !only_.empty() && id)
			k.rodata->only_cgroup = *id;
		return {};
	}

	Result<void> report(Trace &trace, bool) override
	{
		std::vector<std::pair<uint64_t, uint64_t>> counted; // calls, id
		for (uint64_t id : map_keys<uint64_t>(kern().maps.calls)) {
			auto cpus = percpu_values<uint64_t>(kern().maps.calls, id);
			uint64_t now = std::accumulate(cpus.begin(), cpus.end(), uint64_t{0});
			uint64_t calls = now - std::exchange(seen_[id], now);
			if (calls)
				counted.emplace_back(calls * one_in_, id);
		}
		std::ranges::sort(counted, std::greater());
		trace.output().section("");
		for (auto [calls, id] : counted)
			trace.report_row(columns, Row() << calls << names_->name(id));
		return {};
	}
};

const Register<Cgroupcount> sample{{
	.name = "cgroupcount",
	.summary = "system calls by control group, all or a random sample",
	.description = "Counts system calls by the cgroup (v2) of the task that makes them: by service, by container. With -N it looks "
		       "at one in N, which costs less, and prints the estimate for all.",
	.columns = columns,
	.example = R"($ anyprobe cgroupcount -q -d 1 -N 10
       CALLS CGROUP
       46240 /
)",
	.instead = "syscount -P counts by process",
}};

} // namespace
