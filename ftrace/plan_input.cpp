// SPDX-License-Identifier: GPL-2.0-only
// What the planner is told about the programs and maps of this process.
#include "ftrace/attacher.h"

#include <fmt/format.h>
#include <list>

namespace {

// "FILE:LINE: TEXT" of the last line that begins at the instruction or before.
std::string line_at(const ProgramObject &program, uint32_t insn)
{
	const vm_line *found = nullptr;
	for (const vm_line &line : program.lines)
		if (line.insn <= insn)
			found = &line;
	auto text = [&program](uint32_t offset) {
		return offset < program.strings.size() ? std::string(program.strings.c_str() + offset) : "";
	};
	if (!found)
		return "";
	std::string file = text(found->file), words = text(found->text);
	words.erase(0, words.find_first_not_of(" \t"));
	return fmt::format("{}:{}: {}", file.substr(file.rfind('/') + 1), found->line_column >> 10, words);
}

PlanProgram describe_program(const ProgramObject &program)
{
	PlanProgram described;
	described.name = program.name;
	described.type = program.type();
	described.attach_type = program.attach_type;
	described.insns = program.insns;
	described.line = [&program](uint32_t insn) { return line_at(program, insn); };
	return described;
}

bool has_bytes(uint32_t type)
{
	return type == VM_MAP_HASH || type == VM_MAP_ARRAY || type == VM_MAP_LRU_HASH || type == VM_MAP_LPM_TRIE;
}

PlanMap describe_map(const MapObject &object)
{
	const struct vm_map_attr &attr = object.attr();
	PlanMap described;
	described.id = vm_map_id(object.map);
	described.name = attr.name;
	described.type = attr.type;
	described.key_size = attr.key_size;
	described.value_size = attr.value_size;
	described.max_entries = attr.max_entries;
	described.constant = object.frozen && (attr.flags & VM_F_RDONLY_PROG);
	if (has_bytes(attr.type))
		described.lookup = [&object](const void *key, std::string &value) {
			value.resize(vm_map_value_size(object.map));
			return vm_map_lookup(object.map, key, value.data(), 0) == 0;
		};
	return described;
}

} // namespace

Result<Plan> Attacher::plan(const ProgramObject &program, const Hook &hook)
{
	std::optional<Format> format;
	if (std::string event = tracepoint_of(hook); !event.empty()) {
		auto parsed = format_of(event);
		if (!parsed)
			return parsed.error();
		format = std::move(*parsed);
	}
	std::list<PlanProgram> described;
	std::vector<const PlanProgram *> programs;
	PlanInput input;
	for (const ProgramObject *each : objects_.programs()) {
		programs.push_back(&described.emplace_back(describe_program(*each)));
		if (each == &program)
			input.program = programs.back();
	}
	// Descriptors belong to a program: they are good only as long as libbpf keeps them, which is as long as we do.
	std::map<int, PlanMap> maps;
	for (const ProgramObject *each : objects_.programs())
		for (const auto &[fd, object] : each->maps)
			maps.try_emplace(fd, describe_map(*object));
	input.programs = programs;
	input.hook = hook;
	input.format = format ? &*format : nullptr;
	input.kernel = &kernel();
	input.map = [&maps](int fd) {
		auto at = maps.find(fd);
		return at == maps.end() ? nullptr : &at->second;
	};
	return make_plan(input);
}
