// SPDX-License-Identifier: GPL-2.0-only
// What is found out about RHEL 6.8 and RHEL 7.9, from trees built of what their kernels show (tests/data/systems/README.md)
// and a bpf(2) that answers as theirs.
#include "fake_engine.h"
#include "ftrace/format.h"
#include "layer/engine/features.h"
#include "layer/engine/tracefs.h"
#include "suite.h"

#include <set>

namespace {

// bpf(2) of the 3.10 that RHEL 7.9 has; 2.6.32 has none.
class OldBpf final : public Engine {
	bool has_any_;
	FakeEngine fake_{"an old kernel's maps"};

	long refuse(int code) { return errno = code, -1; }

	long load(const bpf_attr &attr)
	{
		static const std::set<int> helpers = {1, 2, 3, 4, 5, 6, 7, 8, 12, 14, 15, 16, 22, 25, 27, 35, 36, 42, 45, 55, 58, 67};
		static const std::set<__u32> types = {BPF_PROG_TYPE_KPROBE, BPF_PROG_TYPE_TRACEPOINT, BPF_PROG_TYPE_PERF_EVENT};
		auto *insns = reinterpret_cast<const bpf_insn *>(attr.insns);
		if (!types.contains(attr.prog_type))
			return refuse(EINVAL);
		for (__u32 i = 0; i < attr.insn_cnt; i++) {
			bool is_call = insns[i].code == (BPF_JMP | BPF_CALL);
			bool has_address = insns[i].code == (BPF_LD | BPF_DW | BPF_IMM) && insns[i].src_reg > BPF_PSEUDO_MAP_FD;
			if (has_address || (is_call && !helpers.contains(insns[i].imm))) {
				if (attr.log_buf && attr.log_size && is_call) // as the verifier words it
					snprintf(reinterpret_cast<char *>(attr.log_buf), attr.log_size, "invalid func %d\n", insns[i].imm);
				return refuse(EINVAL);
			}
		}
		return 0;
	}

public:
	explicit OldBpf(bool has_any) : has_any_(has_any) {}
	const char *name() const override { return has_any_ ? "bpf of 3.10" : "no bpf"; }
	std::string reason() const override { return "a test"; }
	long bpf(int command, union bpf_attr *attr, unsigned size) override
	{
		if (!has_any_)
			return refuse(ENOSYS);
		if (command > BPF_PROG_LOAD)
			return refuse(EINVAL);
		if (command == BPF_MAP_CREATE && attr->map_type > BPF_MAP_TYPE_STACK_TRACE)
			return refuse(EINVAL);
		if (command == BPF_PROG_LOAD && load(*attr) != 0)
			return -1;
		return fake_.bpf(command, attr, size);
	}
	Result<void> supports(const Hook &) override { return {}; }
	Result<std::unique_ptr<Link>> attach(int, const Hook &) override { return Error{"a test", EINVAL}; }
};

std::string tree(const char *system)
{
	return std::string("tests/data/systems/") + system;
}

// Checks every row of the table: what is not among `here` is not there.
void check_features(const char *system, bool has_bpf, const std::set<Feature> &here)
{
	OldBpf old(has_bpf);
	activate(&old);
	Features features(tree(system));
	for (const FeatureRow &row : Features::table()) {
		if (row.id == Feature::software_clock) // perf_event_open(2), this machine's own
			continue;
		bool has = features.has(row.id);
		if (has != here.contains(row.id))
			CHECK_EQUAL(fmt::format("{} {}: {}", system, row.name, has), "as it was found");
	}
	activate(nullptr);
}

void rhel_7_has_some_bpf()
{
	check_features("rhel-7.9", true,
		       {Feature::bpf_syscall, Feature::kprobe_program, Feature::tracepoint_program, Feature::perf_event_program,
			Feature::hash_map, Feature::percpu_array_map, Feature::percpu_hash_map, Feature::stack_trace_map,
			Feature::perf_buffer, Feature::tracefs, Feature::tracepoints, Feature::syscall_tracepoints, Feature::kprobes,
			Feature::uprobes, Feature::kernel_symbols});
}

void rhel_6_has_none()
{
	check_features("rhel-6.8", false, {Feature::tracefs, Feature::tracepoints, Feature::syscall_tracepoints, Feature::kernel_symbols});
}

void tracing_is_in_debugfs()
{
	for (const char *system : {"rhel-6.8", "rhel-7.9"}) {
		auto files = Tracefs::open_at(tree(system) + "/sys/kernel/debug/tracing");
		REQUIRE(files);
		CHECK(files->exists("kprobe_events"));
		CHECK_EQUAL(files->exists("uprobe_events"), system == std::string("rhel-7.9"));
		CHECK_EQUAL(files->exists("events/raw_syscalls/sys_enter"), system == std::string("rhel-7.9"));
		auto text = files->read("events/syscalls/sys_enter_open/format");
		REQUIRE(text);
		auto format = parse_format(*text);
		REQUIRE(format);
		const Field *path = format->find("filename");
		REQUIRE(path);
		CHECK_EQUAL(path->offset, 16);
		bool is_6 = system == std::string("rhel-6.8");
		CHECK_EQUAL(format->header_size(), is_6 ? 12 : 8);
		CHECK_EQUAL(format->find("nr") == nullptr, is_6);
	}
}

const Suite suite{"old systems' trees",
		  {{"RHEL 7.9 has some BPF, kprobes and uprobes", rhel_7_has_some_bpf},
		   {"RHEL 6.8 has no BPF, and kprobes by tracing files only", rhel_6_has_none},
		   {"their tracing files are in debugfs, and laid out in their own way", tracing_is_in_debugfs}}};

} // namespace
