// SPDX-License-Identifier: GPL-2.0-only
// runqlat: how long tasks wait for a CPU.
#include "layer/histogram_map.h"
#include "layer/sample.h"
#include "runqlat.skel.h"

#include <fmt/format.h>

namespace {

constexpr Column columns[] = {
	{"PID", 7, "process id (with -P)"},
	{"COMM", -16, "name of the process (with -P)"},
};

class Runqlat final : public ReportSample<runqlat_kern> {
	bool milliseconds_ = false, per_process_ = false;
	HistogramMap<uint32_t> latencies_;

	void options(Options &o) override
	{
		o.flag("-m,--milliseconds", milliseconds_, "in milliseconds instead of microseconds");
		o.flag("-P,--process", per_process_, "a histogram for each process");
		interval_option(o);
	}

	Result<void> configure(runqlat_kern &k, Trace &) override
	{
		k.rodata->per_process = per_process_;
		k.rodata->unit_ns = milliseconds_ ? 1'000'000 : 1000;
		return {};
	}

	Result<void> report(Trace &trace, bool) override
	{
		auto counted = latencies_.take(kern().maps.latencies);
		std::sort(counted.begin(), counted.end(),
			  [](const auto &a, const auto &b) { return a.first < b.first; });
		for (const auto &[pid, hist] : counted) {
			std::string title = per_process_ ? fmt::format("pid {} ({})", pid, name_of(hist)) : "";
			Row key;
			if (per_process_)
				key << pid << name_of(hist);
			trace.output().histogram(title, std::span(columns).first(key.cells().size()), key,
						 Histogram::log2(milliseconds_ ? "msecs" : "usecs", hist.slots));
		}
		return {};
	}
};

const Register<Runqlat> sample{{
	.name = "runqlat",
	.summary = "how long tasks wait for a CPU, as a histogram",
	.description = "Measures run queue latency: from when a thread can run (it was woken, or had to leave the CPU "
		       "while it could go on) until it runs. The slots are powers of two; a count is one wait.",
	.columns = columns,
	.example = R"($ anyprobe runqlat -q -d 2
     usecs               : count    distribution
         0 -> 1          : 151      |**                                      |
         2 -> 3          : 413      |*******                                 |
         4 -> 7          : 1169     |********************                    |
         8 -> 15         : 1169     |********************                    |
        16 -> 31         : 903      |***************                         |
        32 -> 63         : 630      |***********                             |
        64 -> 127        : 590      |**********                              |
       128 -> 255        : 636      |***********                             |
       256 -> 511        : 1122     |*******************                     |
       512 -> 1023       : 1784     |*******************************         |
      1024 -> 2047       : 2289     |****************************************|
      2048 -> 4095       : 645      |***********                             |
      4096 -> 8191       : 298      |*****                                   |
      8192 -> 16383      : 167      |**                                      |
     16384 -> 32767      : 73       |*                                       |
     32768 -> 65535      : 6        |                                        |
     65536 -> 131071     : 1        |                                        |
)",
	.instead = "profile shows who keeps the CPUs busy",
}};

} // namespace
