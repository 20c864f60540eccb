// SPDX-License-Identifier: GPL-2.0-only
#include "layer/engine/features.h"
#include "layer/engine/engine.h"
#include "layer/engine/seam.h"
#include "layer/engine/tracefs.h"
#include "layer/unique_fd.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <cstdio>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/bpf.h>
#include <map>
#include <sys/stat.h>

namespace {

constexpr bpf_insn return_zero[] = {
	{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0},
	{.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0},
};

bool exists(const std::string &path)
{
	struct stat status;
	return stat(path.c_str(), &status) == 0;
}

template <bpf_prog_type type> bool has_program_type(const Features &)
{
	return libbpf_probe_bpf_prog_type(type, nullptr) == 1;
}

template <bpf_map_type type> bool has_map_type(const Features &)
{
	return libbpf_probe_bpf_map_type(type, nullptr) == 1;
}

// libbpf takes every refusal but two for "the helper is there", that of a kernel without bpf(2) too.
template <bpf_prog_type type, bpf_func_id helper> bool has_helper(const Features &)
{
	return libbpf_probe_bpf_prog_type(type, nullptr) == 1 && libbpf_probe_bpf_helper(type, helper, nullptr) == 1;
}

bool has_bpf(const Features &)
{
	UniqueFd map(bpf_map_create(BPF_MAP_TYPE_ARRAY, nullptr, 4, 4, 1, nullptr));
	return bool(map);
}

bool load(bpf_prog_type type, const bpf_insn *insns, size_t count)
{
	UniqueFd program(bpf_prog_load(type, nullptr, "GPL", insns, count, nullptr));
	return bool(program);
}

bool load_typed(bpf_attach_type attach, const char *name, __u32 kind)
{
	btf *types = btf__load_vmlinux_btf();
	int id = types ? btf__find_by_name_kind(types, name, kind) : -1;
	btf__free(types);
	if (id <= 0)
		return false;
	LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = attach, .attach_btf_id = static_cast<__u32>(id));
	UniqueFd program(bpf_prog_load(BPF_PROG_TYPE_TRACING, "", "GPL", return_zero, std::size(return_zero), &options));
	return bool(program);
}

bool has_typed_tracepoint(const Features &)
{
	return load_typed(BPF_TRACE_RAW_TP, "btf_trace_sched_switch", BTF_KIND_TYPEDEF);
}

// fentry on a function that the kernel keeps for tests of just this. It needs more than types: a place in
// the function that ftrace can turn into a call.
bool has_typed_program(const Features &)
{
	return load_typed(BPF_TRACE_FENTRY, "bpf_fentry_test1", BTF_KIND_FUNC);
}

// A read of an array map's value by its address, the form that .rodata and .bss take.
bool has_global_data(const Features &)
{
	UniqueFd map(bpf_map_create(BPF_MAP_TYPE_ARRAY, nullptr, 4, 8, 1, nullptr));
	if (!map)
		return false;
	const bpf_insn insns[] = {
		{.code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = 1, .src_reg = BPF_PSEUDO_MAP_VALUE, .off = 0, .imm = map.get()},
		{.code = 0, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0},
		return_zero[0],
		return_zero[1],
	};
	return load(BPF_PROG_TYPE_SOCKET_FILTER, insns, std::size(insns));
}

// Counts down from 3 with a jump backwards.
bool has_bounded_loops(const Features &)
{
	const bpf_insn insns[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 3},
		{.code = BPF_ALU64 | BPF_SUB | BPF_K, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 1},
		{.code = BPF_JMP | BPF_JNE | BPF_K, .dst_reg = 0, .src_reg = 0, .off = -2, .imm = 0},
		return_zero[1],
	};
	return load(BPF_PROG_TYPE_SOCKET_FILTER, insns, std::size(insns));
}

// Asks to attach to a function that no kernel has: only a kernel that has kprobe.multi looks for it.
bool has_kprobe_multi(const Features &)
{
	LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = BPF_TRACE_KPROBE_MULTI);
	UniqueFd program(bpf_prog_load(BPF_PROG_TYPE_KPROBE, nullptr, "GPL", return_zero, std::size(return_zero), &options));
	if (!program)
		return false;
	const char *function = "anyprobe_no_such_function";
	LIBBPF_OPTS(bpf_link_create_opts, link_options, .kprobe_multi = {.cnt = 1, .syms = &function});
	int fd = bpf_link_create(program.get(), 0, BPF_TRACE_KPROBE_MULTI, &link_options);
	int code = errno;
	UniqueFd link(fd);
	return link || code == ESRCH || code == ENOENT;
}

bool has_kernel_btf(const Features &f)
{
	return exists(f.root() + "/sys/kernel/btf/vmlinux");
}

Result<Tracefs> tracefs_of(const Features &f)
{
	if (f.root().empty())
		return Tracefs::open();
	auto files = Tracefs::open_at(f.root() + "/sys/kernel/tracing");
	return files ? std::move(files) : Tracefs::open_at(f.root() + "/sys/kernel/debug/tracing"); // before 4.1
}

bool has_tracefs(const Features &f)
{
	return bool(tracefs_of(f));
}

bool has_tracepoints(const Features &f)
{
	auto files = tracefs_of(f);
	return files && files->exists("events/sched/sched_switch");
}

bool has_syscall_tracepoints(const Features &f)
{
	auto files = tracefs_of(f);
	return files && files->exists("events/syscalls/sys_enter_openat");
}

bool has_kprobes(const Features &f)
{
	return exists(f.root() + "/sys/bus/event_source/devices/kprobe/type");
}

bool has_uprobes(const Features &f)
{
	return exists(f.root() + "/sys/bus/event_source/devices/uprobe/type");
}

bool has_software_clock(const Features &)
{
	perf_event_attr attr{};
	attr.size = sizeof(attr);
	attr.type = PERF_TYPE_SOFTWARE;
	attr.config = PERF_COUNT_SW_CPU_CLOCK;
	attr.sample_period = 1000000000;
	UniqueFd event(seam_perf_event_open(&attr, -1, 0, PERF_FLAG_FD_CLOEXEC));
	return bool(event);
}

// Symbols are hidden by address 0, not by an error.
bool has_kernel_symbols(const Features &f)
{
	FILE *file = fopen((f.root() + "/proc/kallsyms").c_str(), "re");
	if (!file)
		return false;
	unsigned long long address = 0;
	bool shown = false;
	for (int lines = 0; lines < 64 && !shown && fscanf(file, "%llx %*[^\n]", &address) == 1; lines++)
		shown = address > 0xffff;
	fclose(file);
	return shown;
}

constexpr FeatureRow rows[] = {
	{Feature::bpf_syscall, "bpf(2)", "3.18", "CONFIG_BPF_SYSCALL and privilege", "the kernel engine", has_bpf},
	{Feature::socket_filter, "socket filter programs", "3.19", "", "sockcount", has_program_type<BPF_PROG_TYPE_SOCKET_FILTER>},
	{Feature::kprobe_program, "kprobe programs", "4.1", "CONFIG_BPF_EVENTS", "kprobes and uprobes", has_program_type<BPF_PROG_TYPE_KPROBE>},
	{Feature::tracepoint_program, "tracepoint programs", "4.7", "CONFIG_BPF_EVENTS", "stable hooks", has_program_type<BPF_PROG_TYPE_TRACEPOINT>},
	{Feature::perf_event_program, "perf event programs", "4.9", "CONFIG_BPF_EVENTS", "profile", has_program_type<BPF_PROG_TYPE_PERF_EVENT>},
	{Feature::raw_tracepoint_program, "raw tracepoint programs", "4.17", "CONFIG_BPF_EVENTS", "cheaper tracepoints", has_program_type<BPF_PROG_TYPE_RAW_TRACEPOINT>},
	{Feature::typed_tracepoint, "BTF-typed tracepoints", "5.5", "kernel BTF", "objects from elsewhere (run)", has_typed_tracepoint},
	{Feature::typed_program, "fentry and fexit", "5.5", "kernel BTF, CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS", "objects from elsewhere (run)", has_typed_program},
	{Feature::hash_map, "hash maps", "3.19", "", "keeping state", has_map_type<BPF_MAP_TYPE_HASH>},
	{Feature::percpu_array_map, "per-CPU array maps", "4.6", "", "counting without sharing", has_map_type<BPF_MAP_TYPE_PERCPU_ARRAY>},
	{Feature::percpu_hash_map, "per-CPU hash maps", "4.6", "", "counting by key", has_map_type<BPF_MAP_TYPE_PERCPU_HASH>},
	{Feature::lru_hash_map, "LRU hash maps", "4.10", "", "state that forgets the oldest", has_map_type<BPF_MAP_TYPE_LRU_HASH>},
	{Feature::stack_trace_map, "stack trace maps", "4.6", "", "stacks", has_map_type<BPF_MAP_TYPE_STACK_TRACE>},
	{Feature::perf_buffer, "perf buffer", "4.3", "CONFIG_PERF_EVENTS", "events, where there is no ring buffer", has_map_type<BPF_MAP_TYPE_PERF_EVENT_ARRAY>},
	{Feature::ring_buffer, "ring buffer", "5.8", "", "events", has_map_type<BPF_MAP_TYPE_RINGBUF>},
	{Feature::global_data, "global data", "5.2", "", "programs' variables; constants do without", has_global_data},
	{Feature::bounded_loops, "bounded loops", "5.3", "", "loops that are not unrolled", has_bounded_loops},
	{Feature::probe_read_kernel, "bpf_probe_read_kernel", "5.5", "", "reading memory", has_helper<BPF_PROG_TYPE_KPROBE, BPF_FUNC_probe_read_kernel>},
	{Feature::attach_cookie, "attach cookies", "5.15", "", "one program on many places", has_helper<BPF_PROG_TYPE_KPROBE, BPF_FUNC_get_attach_cookie>},
	{Feature::kernel_btf, "kernel BTF", "5.4", "CONFIG_DEBUG_INFO_BTF; else give --btf FILE", "structs that differ between kernels", has_kernel_btf},
	{Feature::tracefs, "tracefs", "4.1", "CONFIG_TRACING; root", "tracepoint numbers, trace_pipe", has_tracefs},
	{Feature::tracepoints, "tracepoints", "2.6.28", "CONFIG_TRACING", "stable hooks", has_tracepoints},
	{Feature::syscall_tracepoints, "syscall tracepoints", "2.6.33", "CONFIG_FTRACE_SYSCALLS", "opensnoop, execsnoop, hello", has_syscall_tracepoints},
	{Feature::kprobes, "kprobes", "4.17", "CONFIG_KPROBE_EVENTS", "kernel functions", has_kprobes},
	{Feature::kprobe_multi, "kprobe.multi", "5.18", "CONFIG_FPROBE", "many kernel functions at once", has_kprobe_multi},
	{Feature::uprobes, "uprobes", "4.17", "CONFIG_UPROBE_EVENTS", "functions of programs and libraries, USDT", has_uprobes},
	{Feature::software_clock, "perf software clock", "2.6.31", "CONFIG_PERF_EVENTS", "profile", has_software_clock},
	{Feature::kernel_symbols, "kernel symbols", "2.6.0", "CONFIG_KALLSYMS; kernel.kptr_restrict below 2", "names of kernel functions", has_kernel_symbols},
};
static_assert(std::size(rows) == static_cast<size_t>(Feature::count));

constexpr bool rows_in_order()
{
	for (size_t i = 0; i < std::size(rows); i++)
		if (static_cast<size_t>(rows[i].id) != i)
			return false;
	return true;
}
static_assert(rows_in_order());

} // namespace

std::span<const FeatureRow> Features::table()
{
	return rows;
}

const FeatureRow &Features::row(Feature feature)
{
	return rows[static_cast<size_t>(feature)];
}

bool Features::has(Feature feature)
{
	auto &known = known_[static_cast<size_t>(feature)];
	if (!known && active_engine())
		known = active_engine()->has(feature);
	if (!known)
		known = row(feature).probe(*this);
	return *known;
}

Result<void> Features::need(Feature feature)
{
	if (has(feature))
		return {};
	const FeatureRow &f = row(feature);
	return Error{fmt::format("this kernel has no {} (needs Linux {}{}{})", f.name, f.since, *f.config ? ", " : "", f.config),
		     ENOTSUP};
}

Features &features()
{
	// An engine is known by its name: the same one may be opened more than once.
	static std::map<std::string, Features, std::less<>> by_engine;
	return by_engine[active_engine() ? active_engine()->name() : "kernel"];
}
