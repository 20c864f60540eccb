// SPDX-License-Identifier: GPL-2.0-only
// biolatency: how long disks take.
#include "biolatency.skel.h"
#include "layer/histogram_map.h"
#include "layer/sample.h"

#include <fmt/format.h>

namespace {

constexpr Column columns[] = {
	{"DISK", -16, "name of the block device, major:minor where it has none (with -D)"},
};

// The kernel's device number has 20 bits for the minor one.
std::string disk_name(uint32_t device)
{
	std::string numbers = fmt::format("{}:{}", device >> 20, device & 0xfffff);
	char target[4096];
	ssize_t length = readlink(("/sys/dev/block/" + numbers).c_str(), target, sizeof(target));
	std::string_view path(target, length > 0 ? static_cast<size_t>(length) : 0);
	return path.empty() ? numbers : std::string(path.substr(path.rfind('/') + 1));
}

class Biolatency final : public ReportSample<biolatency_kern> {
	bool milliseconds_ = false, per_disk_ = false, with_queue_ = false;
	HistogramMap<uint32_t> latencies_;

	void options(Options &o) override
	{
		o.flag("-D,--disk", per_disk_, "a histogram for each disk");
		o.flag("-m,--milliseconds", milliseconds_, "in milliseconds instead of microseconds");
		o.flag("-Q,--queued", with_queue_, "with the time in the kernel's queue");
		interval_option(o);
	}

	Result<void> configure(biolatency_kern &k, Trace &trace) override
	{
		k.rodata->per_disk = per_disk_;
		k.rodata->with_queue = with_queue_;
		k.rodata->unit_ns = milliseconds_ ? 1'000'000 : 1000;
		if (!with_queue_ && !trace.options().pid && trace.options().comm.empty())
			for (bpf_program *queue : {k.progs.insert, k.progs.merge})
				bpf_program__set_autoload(queue, false);
		return {};
	}

	Result<void> report(Trace &trace, bool) override
	{
		auto counted = latencies_.take(kern().maps.latencies);
		std::sort(counted.begin(), counted.end(),
			  [](const auto &a, const auto &b) { return a.first < b.first; });
		for (const auto &[device, hist] : counted) {
			std::string name = per_disk_ ? disk_name(device) : "";
			Row key;
			if (per_disk_)
				key << name;
			trace.output().histogram(per_disk_ ? "disk " + name : "",
						 std::span(columns).first(key.cells().size()), key,
						 Histogram::log2(milliseconds_ ? "msecs" : "usecs", hist.slots));
		}
		return {};
	}
};

const Register<Biolatency> sample{{
	.name = "biolatency",
	.summary = "how long disks take for a request, as a histogram",
	.description = "Measures block I/O: from when a request is given to the device (with -Q: put into the "
		       "queue before it) until it is done. Reads and writes count, flushes do not. With -p or "
		       "--comm: what that process submits itself; what it only writes into the page cache, the "
		       "kernel's own threads submit later.",
	.columns = columns,
	.example = R"($ anyprobe biolatency -q -D -d 3
disk vda
     usecs               : count    distribution
         0 -> 1          : 0        |                                        |
         2 -> 3          : 0        |                                        |
         4 -> 7          : 0        |                                        |
         8 -> 15         : 0        |                                        |
        16 -> 31         : 0        |                                        |
        32 -> 63         : 41       |***********                             |
        64 -> 127        : 142      |****************************************|
       128 -> 255        : 16       |****                                    |
       256 -> 511        : 4        |*                                       |
       512 -> 1023       : 1        |                                        |
      1024 -> 2047       : 1        |                                        |
      2048 -> 4095       : 1        |                                        |
)",
	.instead = "syscount -L shows how long reads and writes take, with the page cache's share",
}};

} // namespace
