// SPDX-License-Identifier: GPL-2.0-only
// forkcount: new processes and threads per second.
#include "forkcount.h"
#include "forkcount.skel.h"
#include "layer/buffers.h"
#include "layer/sample.h"

namespace {

constexpr Column columns[] = {
	{"SECONDS", 8, "length of the time counted, to its end"},
	{"PROCESSES", 10, "processes created in it"},
	{"THREADS", 10, "threads created in it"},
	{"PER_SEC", 10, "both, per second"},
};

class Forkcount final : public ReportSample<forkcount_kern> {
	uint64_t seen_[FORK_KINDS] = {};
	double until_ = 0; // seconds

	void options(Options &o) override { interval_option(o, 1); }

	Result<void> report(Trace &trace, bool) override
	{
		uint64_t counted[FORK_KINDS];
		for (uint32_t kind = 0; kind < FORK_KINDS; kind++) {
			uint64_t total = sum_percpu(kern().maps.forks, kind);
			counted[kind] = total - std::exchange(seen_[kind], total);
		}
		double now = trace.elapsed(), seconds = now - std::exchange(until_, now);
		uint64_t both = counted[FORK_PROCESS] + counted[FORK_THREAD];
		trace.event_row(trace.now(), Row() << seconds << counted[FORK_PROCESS] << counted[FORK_THREAD]
						   << static_cast<double>(both) / seconds);
		return {};
	}
};

const Register<Forkcount> sample{{
	.name = "forkcount",
	.summary = "new processes and threads per second",
	.description = "Counts what fork(2), vfork(2), clone(2) and clone3(2) create, and prints a row every second (-i). "
		       "With -p or --comm: what that process, or tasks of that name, create.",
	.columns = columns,
	.example = R"($ anyprobe forkcount -n 3
 SECONDS  PROCESSES    THREADS    PER_SEC
    1.00          7          0       7.00
    1.02         11          0      10.78
    0.98         63          2      66.25
)",
	.instead = "execsnoop shows programs started",
}};

} // namespace
