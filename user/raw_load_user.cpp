// SPDX-License-Identifier: GPL-2.0-only
// raw_load: programs started, counted by a BPF program of bare instructions, loaded with bpf(2) alone.
#include "layer/bpf_syscall.h"
#include "layer/sample.h"
#include "layer/unique_fd.h"
#include "raw_load_kern.h"

#include <cctype>
#include <fmt/format.h>
#include <fstream>
#include <vector>

namespace {

constexpr Column columns[] = {
	{"CPU", 5, "number of the CPU"},
	{"PROGRAMS", 10, "programs started there"},
};

// "0-3" or "0,2-7" in the kernel's file: one more than the last number. These are the CPUs that may ever be here.
uint32_t possible_cpus()
{
	std::ifstream file("/sys/devices/system/cpu/possible");
	std::string list;
	std::getline(file, list);
	size_t last = list.size();
	while (last > 0 && isdigit(static_cast<unsigned char>(list[last - 1])))
		last--;
	return last < list.size() ? static_cast<uint32_t>(std::stoul(list.substr(last))) + 1 : 1;
}

class RawLoad final : public Sample {
	double interval_ = 0;
	uint32_t cpus_ = possible_cpus();
	UniqueFd map_, program_;
	std::vector<uint64_t> seen_ = std::vector<uint64_t>(cpus_); // at the last report

	void options(Options &o) override
	{
		o.value("-i,--interval", interval_, "SECONDS", "report so often; else once, at the end");
	}
	double interval() const override { return interval_; }

	static Hook place()
	{
		Hook hook;
		hook.kind = HookKind::tracepoint;
		hook.target = "sched/sched_process_exec";
		return hook;
	}

	// There is no ELF file.
	Result<bpf_object *> open(const bpf_object_open_opts &) override { return nullptr; }
	Result<void> supported(Engine &engine) override { return engine.supports(place()); }
	int load() override { return 0; }
	Result<void> attach(Trace &trace) override { return trace.attach(program_.get(), "raw_load", place()); }
	void close() override
	{
		program_.reset();
		map_.reset();
	}

	Result<void> create_map()
	{
		union bpf_attr attr = {};
		attr.map_type = BPF_MAP_TYPE_ARRAY;
		attr.key_size = sizeof(uint32_t);
		attr.value_size = sizeof(uint64_t);
		attr.max_entries = cpus_;
		map_.reset(static_cast<int>(bpf_syscall(BPF_MAP_CREATE, &attr, sizeof(attr))));
		return map_ ? Result<void>() : errno_error("raw_load: failed to create a map");
	}

	std::vector<bpf_insn> instructions(const CommonOptions &options) const
	{
		std::vector<bpf_insn> all;
		auto add = [&all](std::initializer_list<bpf_insn> block) { all.insert(all.end(), block); };
		if (options.pid)
			add(ONLY_PROCESS(options.pid));
		if (!options.comm.empty()) {
			uint64_t name[2] = {};
			memcpy(name, options.comm.data(), options.comm.size());
			add(ONLY_NAME(name[0], name[1]));
		}
		add(COUNT_BY_CPU(map_.get()));
		return all;
	}

	Result<void> configure(Trace &trace) override
	{
		if (auto made = create_map(); !made)
			return made;
		auto program = instructions(trace.options());
		std::vector<char> log(64 << 10);
		union bpf_attr attr = {};
		attr.prog_type = BPF_PROG_TYPE_TRACEPOINT;
		attr.insns = reinterpret_cast<uintptr_t>(program.data());
		attr.insn_cnt = static_cast<uint32_t>(program.size());
		attr.license = reinterpret_cast<uintptr_t>("GPL");
		attr.log_level = 1; // what the verifier thinks of each instruction
		attr.log_buf = reinterpret_cast<uintptr_t>(log.data());
		attr.log_size = static_cast<uint32_t>(log.size());
		program_.reset(static_cast<int>(bpf_syscall(BPF_PROG_LOAD, &attr, sizeof(attr))));
		if (program_)
			return {};
		Error error = errno_error("raw_load: failed to load the program");
		return *log.data() ? Error{fmt::format("{}: {}", error.message, log.data()), error.code} : error;
	}

	Result<void> report(Trace &trace, bool) override
	{
		trace.output().section("");
		for (uint32_t cpu = 0; cpu < cpus_; cpu++) {
			uint64_t now = 0;
			union bpf_attr attr = {};
			attr.map_fd = static_cast<uint32_t>(map_.get());
			attr.key = reinterpret_cast<uintptr_t>(&cpu);
			attr.value = reinterpret_cast<uintptr_t>(&now);
			if (bpf_syscall(BPF_MAP_LOOKUP_ELEM, &attr, sizeof(attr)) != 0)
				return errno_error("raw_load: failed to read the map");
			uint64_t count = now - std::exchange(seen_[cpu], now);
			if (count)
				trace.report_row(columns, Row() << cpu << count);
		}
		return {};
	}
};

const Register<RawLoad> sample{{
	.name = "raw_load",
	.summary = "programs started, counted by bare BPF instructions",
	.description = "Counts what execve(2) starts, by CPU. What is special is how: its instructions are typed in, in "
		       "kern/raw_load_kern.h, and go to bpf(2) without a compiler, an ELF file or libbpf. --explain shows each "
		       "call.",
	.columns = columns,
	.example = R"($ anyprobe raw_load -q -d 2
  CPU   PROGRAMS
    0          4
    1          6
)",
	.instead = "execsnoop shows each program",
}};

} // namespace
