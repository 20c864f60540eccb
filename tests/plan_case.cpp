// SPDX-License-Identifier: GPL-2.0-only
#include "plan_case.h"
#include "plan_sample.h"

#include <algorithm>
#include <fstream>
#include <linux/bpf.h>
#include <sstream>

RECORDED(btf_6_1, "tests/data/btf/samples-6.1.btf")
RECORDED(btf_5_10, "tests/data/btf/samples-5.10.btf")

extern "C" int assemble(const char *text, struct vm_insn *insns, unsigned max, unsigned *count, char *error,
			unsigned error_size);

Kernel new_kernel()
{
	Kernel kernel;
	kernel.kprobes = kernel.uprobes = kernel.hex_types = kernel.user_reads = kernel.arrays = true;
	kernel.syscall_registers = kernel.current = true;
	kernel.max_event = 8192;
	kernel.comm_field = "COMM";
	kernel.has_function = [](const std::string &) { return true; };
	return kernel;
}

Kernel old_kernel()
{
	Kernel kernel;
	kernel.kprobes = kernel.current = true;
	kernel.has_function = [](const std::string &name) { return name.starts_with("sys_"); };
	return kernel;
}

PlanCase &PlanCase::program(const std::string &name, const std::string &text, uint32_t type, uint32_t attach_type)
{
	PlanProgram program;
	char error[200] = "";
	unsigned count = 0;
	program.name = name;
	program.type = type;
	program.attach_type = attach_type;
	program.insns.resize(512);
	if (assemble(text.c_str(), program.insns.data(), 512, &count, error, sizeof(error)) != 0)
		CHECK_EQUAL(error, "a program");
	program.insns.resize(count);
	programs_.push_back(std::move(program));
	return *this;
}

PlanCase &PlanCase::map(const std::string &name, uint32_t type, uint32_t key_size, uint32_t value_size,
			uint32_t max_entries)
{
	PlanMap map;
	map.id = maps_.size() + 1;
	map.name = name;
	map.type = type;
	map.key_size = key_size;
	map.value_size = value_size;
	map.max_entries = max_entries;
	maps_.push_back(std::move(map));
	return *this;
}

PlanCase &PlanCase::array(const std::string &name, const std::vector<std::string> &values)
{
	map(name, BPF_MAP_TYPE_ARRAY, 4, static_cast<uint32_t>(values[0].size()), static_cast<uint32_t>(values.size()));
	maps_.back().lookup = [values](const void *key, std::string &value) {
		uint32_t index;
		memcpy(&index, key, sizeof(index));
		if (index >= values.size())
			return false;
		value = values[index];
		return true;
	};
	return *this;
}

PlanCase &PlanCase::constants(const std::string &contents)
{
	array("rodata", {contents});
	maps_.back().constant = true;
	return *this;
}

PlanCase &PlanCase::format(const std::string &file)
{
	auto parsed = parse_format(recorded_format(file));
	CHECK(parsed);
	if (parsed)
		format_ = *parsed;
	else
		CHECK_EQUAL(parsed.error().message, "a format");
	input_.format = &format_;
	return *this;
}

Result<Plan> PlanCase::plan(HookKind kind)
{
	std::vector<const PlanProgram *> all;
	for (PlanProgram &program : programs_)
		all.push_back(&program);
	programs_.front().line = line;
	input_.program = all.front();
	input_.programs = all;
	input_.hook.kind = kind;
	input_.hook.target = target;
	input_.hook.cookie = cookie;
	input_.argument_count = argument_count;
	input_.kernel = &kernel;
	input_.map = [this](int fd) {
		return fd >= 0 && static_cast<size_t>(fd) < maps_.size() ? &maps_[static_cast<size_t>(fd)] : nullptr;
	};
	return make_plan(input_);
}

std::string PlanCase::arguments(HookKind kind)
{
	auto planned = plan(kind);
	return planned ? planned->arguments(0x1000) : planned.error().message;
}

std::string PlanCase::refusal(HookKind kind)
{
	auto planned = plan(kind);
	return planned ? "planned: " + planned->arguments(0x1000) : planned.error().message;
}

std::string PlanCase::filter(HookKind kind)
{
	auto planned = plan(kind);
	return planned ? planned->filter : planned.error().message;
}

std::string recorded_format(const std::string &file)
{
	std::ifstream stream("tests/data/formats/" + file);
	std::stringstream text;
	text << stream.rdbuf();
	if (text.str().empty())
		CHECK_EQUAL("tests/data/formats/" + file, "a file (the tests run in the project's folder)");
	return text.str();
}

std::string shown(const Result<Plan> &plan)
{
	constexpr const char *names[] = {"tracepoint", "kprobe", "kretprobe", "uprobe", "uretprobe", "clock"};
	if (!plan)
		return plan.error().message;
	std::string text = std::string(names[static_cast<int>(plan->source)]) + " " + plan->place;
	std::string arguments = plan->arguments(0x1000);
	return arguments.empty() ? text : text + " " + arguments;
}

std::string_view samples_btf_6_1()
{
	return btf_6_1();
}

std::string_view samples_btf_5_10()
{
	return btf_5_10();
}
