// SPDX-License-Identifier: GPL-2.0-only
#include "layer/engine/explain.h"
#include "vm/disasm.h"

#include <bpf/libbpf.h>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fmt/format.h>
#include <string_view>

namespace {

bool on = false;

constexpr const char *commands[] = {
	"MAP_CREATE", "MAP_LOOKUP_ELEM", "MAP_UPDATE_ELEM", "MAP_DELETE_ELEM", "MAP_GET_NEXT_KEY", "PROG_LOAD",
	"OBJ_PIN", "OBJ_GET", "PROG_ATTACH", "PROG_DETACH", "PROG_TEST_RUN", "PROG_GET_NEXT_ID", "MAP_GET_NEXT_ID",
	"PROG_GET_FD_BY_ID", "MAP_GET_FD_BY_ID", "OBJ_GET_INFO_BY_FD", "PROG_QUERY", "RAW_TRACEPOINT_OPEN", "BTF_LOAD",
	"BTF_GET_FD_BY_ID", "TASK_FD_QUERY", "MAP_LOOKUP_AND_DELETE_ELEM", "MAP_FREEZE", "BTF_GET_NEXT_ID",
	"MAP_LOOKUP_BATCH", "MAP_LOOKUP_AND_DELETE_BATCH", "MAP_UPDATE_BATCH", "MAP_DELETE_BATCH", "LINK_CREATE",
	"LINK_UPDATE", "LINK_GET_FD_BY_ID", "LINK_GET_NEXT_ID", "ENABLE_STATS", "ITER_CREATE", "LINK_DETACH",
	"PROG_BIND_MAP"};

template <size_t N> std::string fixed_string(const char (&text)[N])
{
	return std::string(text, strnlen(text, N));
}

const char *or_number(const char *name)
{
	return name ? name : "?";
}

// " = 5", " = -1 EPERM (Operation not permitted)"
std::string outcome(long result)
{
	if (result >= 0)
		return fmt::format(" = {}", result);
	return fmt::format(" = -1 {} ({})", or_number(strerrorname_np(errno)), strerror(errno));
}

std::string describe_bpf(int command, const union bpf_attr *attr)
{
	switch (command) {
	case BPF_MAP_CREATE:
		return fmt::format("{} \"{}\", key {} bytes, value {} bytes, {} entries",
				   or_number(libbpf_bpf_map_type_str(static_cast<bpf_map_type>(attr->map_type))),
				   fixed_string(attr->map_name), attr->key_size, attr->value_size, attr->max_entries);
	case BPF_PROG_LOAD:
		return fmt::format("{} \"{}\", {} instructions",
				   or_number(libbpf_bpf_prog_type_str(static_cast<bpf_prog_type>(attr->prog_type))),
				   fixed_string(attr->prog_name), attr->insn_cnt);
	case BPF_MAP_LOOKUP_ELEM:
	case BPF_MAP_UPDATE_ELEM:
	case BPF_MAP_DELETE_ELEM:
	case BPF_MAP_GET_NEXT_KEY:
	case BPF_MAP_FREEZE:
		return fmt::format("map {}", attr->map_fd);
	case BPF_RAW_TRACEPOINT_OPEN:
		return fmt::format("program {} on \"{}\"", attr->raw_tracepoint.prog_fd,
				   attr->raw_tracepoint.name
					   ? reinterpret_cast<const char *>(attr->raw_tracepoint.name)
					   : "(by BTF id)");
	case BPF_BTF_LOAD:
		return fmt::format("{} bytes", attr->btf_size);
	case BPF_LINK_CREATE:
		return fmt::format("program {}, target {}, attach type {}", attr->link_create.prog_fd,
				   attr->link_create.target_fd, attr->link_create.attach_type);
	default:
		return "";
	}
}

// Programs that are loaded to be run, not the tiny ones by which libbpf and the feature table probe.
bool is_probe(const union bpf_attr *attr)
{
	std::string name = fixed_string(attr->prog_name);
	return name.empty() ? attr->insn_cnt < 10 : name.starts_with("libbpf_");
}

void explain_instructions(const union bpf_attr *attr)
{
	auto *insns = reinterpret_cast<const struct vm_insn *>(attr->insns);
	for (unsigned i = 0; i < attr->insn_cnt; i++) {
		char text[160];
		int used = vm_disasm(&insns[i], static_cast<int>(i), text, sizeof(text));
		explain(fmt::format("  {:4}: {}", i, text));
		if (used > 1)
			i += static_cast<unsigned>(used) - 1;
	}
}

const char *perf_type(unsigned type)
{
	switch (type) {
	case PERF_TYPE_HARDWARE: return "hardware";
	case PERF_TYPE_SOFTWARE: return "software";
	case PERF_TYPE_TRACEPOINT: return "tracepoint";
	default: return "dynamic PMU";
	}
}

} // namespace

void set_explaining(bool enable)
{
	on = enable;
}

bool explaining()
{
	return on;
}

void explain(const std::string &line)
{
	if (on)
		fprintf(stderr, "explain: %s\n", line.c_str());
}

void explain_bpf(int command, const union bpf_attr *attr, long result)
{
	std::string end = outcome(result);
	const char *name = command >= 0 && command < static_cast<int>(std::size(commands)) ? commands[command] : "?";
	explain(fmt::format("bpf(BPF_{}: {}){}", name, describe_bpf(command, attr), end));
	if (command == BPF_PROG_LOAD && !is_probe(attr))
		explain_instructions(attr);
}

void explain_perf_event_open(const perf_event_attr &attr, pid_t pid, int cpu, long result)
{
	std::string end = outcome(result), more;
	if (attr.watermark)
		more = fmt::format(", wakeup_watermark={}, sample_type={:#x}", attr.wakeup_watermark, attr.sample_type);
	else
		more = fmt::format(", wakeup_events={}, config1={:#x}, config2={:#x}", attr.wakeup_events, attr.config1, attr.config2);
	explain(fmt::format("perf_event_open({{type={} ({}), config={:#x}, sample_{}={}{}}}, pid {}, cpu {}){}", attr.type,
			    perf_type(attr.type), attr.config, attr.freq ? "freq" : "period", attr.sample_period, more, pid, cpu,
			    end));
}

void explain_ioctl(int fd, unsigned long request, unsigned long argument, int result)
{
	std::string end = outcome(result);
	if (request == PERF_EVENT_IOC_SET_FILTER) {
		explain(fmt::format("ioctl({}, PERF_EVENT_IOC_SET_FILTER, \"{}\"){}", fd, reinterpret_cast<const char *>(argument), end));
		return;
	}
	const char *name = request == PERF_EVENT_IOC_SET_BPF	  ? "PERF_EVENT_IOC_SET_BPF"
			   : request == PERF_EVENT_IOC_ENABLE	  ? "PERF_EVENT_IOC_ENABLE"
			   : request == PERF_EVENT_IOC_DISABLE	  ? "PERF_EVENT_IOC_DISABLE"
			   : request == PERF_EVENT_IOC_SET_OUTPUT ? "PERF_EVENT_IOC_SET_OUTPUT"
								  : "?";
	explain(fmt::format("ioctl({}, {}, {}){}", fd, name, argument, end));
}
