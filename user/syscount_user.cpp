// SPDX-License-Identifier: GPL-2.0-only
// syscount: system calls by name or by process, with latency.
#include "layer/map_reader.h"
#include "layer/sample.h"
#include "layer/symbols/syscall_name.h"
#include "syscount.h"
#include "syscount.skel.h"

#include <algorithm>
#include <map>
#include <numeric>

namespace {

constexpr Column columns[] = {
	{"SYSCALL", -24, "the call's name (without -P)"},
	{"PID", 7, "process id (with -P)"},
	{"COMM", -16, "name of the process's thread that called first (with -P)"},
	{"COUNT", 10, "calls"},
	{"TOTAL_US", 14, "microseconds from entry to return, all calls together (with -L)"},
	{"AVERAGE_US", 12, "the same for one call (with -L)"},
};

class Syscount final : public ReportSample<syscount_kern> {
	bool by_process_ = false, latency_ = false, failed_only_ = false;
	uint64_t top_ = 10;
	std::vector<Column> shown_;
	std::map<uint32_t, syscall_stat> seen_; // at the last report

	void options(Options &o) override
	{
		o.flag("-P,--process", by_process_, "count by process instead of by name");
		o.flag("-L,--latency", latency_, "time spent in the calls too");
		o.flag("-x,--failed", failed_only_, "only calls that fail");
		o.value("-T,--top", top_, "ROWS", "so many rows a report, 0 for all");
		interval_option(o);
	}

	Result<void> configure(syscount_kern &k, Trace &) override
	{
		k.rodata->by_process = by_process_;
		k.rodata->failed_only = failed_only_;
		k.rodata->at_return = latency_ || failed_only_;
		for (bpf_program *leave : {k.progs.leave___raw, k.progs.leave___classic})
			if (!k.rodata->at_return)
				bpf_program__set_autoload(leave, false);
		std::copy_n(columns + (by_process_ ? 1 : 0), by_process_ ? 2 : 1, std::back_inserter(shown_));
		std::copy_n(columns + 3, latency_ ? 3 : 1, std::back_inserter(shown_));
		return {};
	}

	struct Counted {
		syscall_stat stat{}; // since the last report
		uint32_t id;	     // number or process
		std::string comm;
	};

	// Adds the CPUs' parts, and takes off what the last report had.
	void add(std::vector<Counted> &counted, uint32_t id, const std::string &comm, const syscall_stat &now)
	{
		syscall_stat &before = seen_[id];
		syscall_stat stat = {now.count - before.count, now.total - before.total};
		before = now;
		if (stat.count)
			counted.push_back({stat, id, comm});
	}

	std::vector<Counted> read()
	{
		std::vector<Counted> counted;
		auto sum = [](syscall_stat a, const syscall_stat &b) { return syscall_stat{a.count + b.count, a.total + b.total}; };
		for (uint32_t number = 0; !by_process_ && number < SYSCALL_SLOTS; number++) {
			auto cpus = percpu_values<syscall_stat>(kern().maps.calls_by_number, number);
			add(counted, number, "", std::accumulate(cpus.begin(), cpus.end(), syscall_stat{}, sum));
		}
		for (uint32_t pid : by_process_ ? map_keys<uint32_t>(kern().maps.calls_by_process) : std::vector<uint32_t>()) {
			syscall_stat total{};
			std::string comm;
			for (const auto &process : percpu_values<process_stat>(kern().maps.calls_by_process, pid)) {
				total = sum(total, process.stat);
				if (*process.comm)
					comm.assign(process.comm, strnlen(process.comm, sizeof(process.comm)));
			}
			add(counted, pid, comm, total);
		}
		return counted;
	}

	Result<void> report(Trace &trace, bool) override
	{
		auto counted = read();
		std::sort(counted.begin(), counted.end(), [this](const Counted &a, const Counted &b) {
			return latency_ ? a.stat.total > b.stat.total : a.stat.count > b.stat.count;
		});
		if (top_ && counted.size() > top_)
			counted.resize(top_);
		trace.output().section("");
		for (const Counted &c : counted) {
			Row row;
			by_process_ ? row << c.id << c.comm : row << syscall_name(c.id);
			double total_us = static_cast<double>(c.stat.total) / 1000;
			row << c.stat.count << total_us << total_us / static_cast<double>(c.stat.count);
			trace.report_row(shown_, row);
		}
		return {};
	}
};

const Register<Syscount> sample{{
	.name = "syscount",
	.summary = "system calls by name or by process, with latency",
	.description = "Counts system calls and prints the most frequent ones, or with -L those in which most time was "
		       "spent. Time spent waiting inside of a call counts.",
	.columns = columns,
	.example = R"($ anyprobe syscount -L -T 5 -d 1
SYSCALL                       COUNT       TOTAL_US   AVERAGE_US
futex                          1264     3811481.50      3015.41
ppoll                           491      962985.91      1961.27
write                           849       16716.98        19.69
newfstatat                     3682        8865.56         2.41
unlink                           12        8053.28       671.11
)",
	.instead = "",
}};

} // namespace
