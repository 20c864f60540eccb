// SPDX-License-Identifier: GPL-2.0-only
#include "layer/programs.h"
#include "layer/engine/explain.h"

#include <fmt/format.h>
#include <string_view>

bool is_optional(const bpf_program *program)
{
	return !bpf_program__autoattach(program);
}

namespace {

std::string_view base_name(const bpf_program *program)
{
	std::string_view name = bpf_program__name(program);
	return name.substr(0, name.find("___"));
}

bool is_flavour(const bpf_program *program)
{
	return base_name(program).size() != std::string_view(bpf_program__name(program)).size();
}

// Is any of the places that the section names here?
Result<void> supported(Engine &engine, const bpf_program *program)
{
	auto hooks = hooks_of_section(bpf_program__section_name(program));
	if (!hooks)
		return hooks.error();
	Result<void> result;
	for (const Hook &hook : *hooks) {
		// A section without a place is attached by the sample, which knows more.
		bool placed = hook.kind != HookKind::tracepoint || !hook.target.empty();
		result = placed ? engine.supports(hook) : Result<void>();
		if (result)
			return result;
	}
	return result;
}

// Can it be attached to any of the places that its section names? One without a place is the sample's to attach.
Result<void> attachable(Engine &engine, const bpf_program *program)
{
	auto hooks = hooks_of_section(bpf_program__section_name(program));
	if (!hooks)
		return hooks.error();
	Result<void> result;
	for (const Hook &hook : *hooks) {
		result = hook.target.empty() ? Result<void>() : engine.check(bpf_program__fd(program), hook);
		if (result)
			break;
	}
	return result;
}

} // namespace

void choose_programs(Engine &engine, bpf_object *object, std::map<const bpf_program *, Error> &missing)
{
	std::map<std::string_view, bpf_program *> chosen;
	bpf_program *program;

	bpf_object__for_each_program(program, object) {
		// libbpf takes the '?' off the name when it reads it, and leaves such a program out of the load.
		// autoattach, which is not otherwise used here, remembers it.
		if (!bpf_program__autoload(program))
			bpf_program__set_autoattach(program, false);
		auto here = supported(engine, program);
		if (is_flavour(program)) {
			auto [first, is_first] = chosen.try_emplace(base_name(program), program);
			auto lacking = missing.find(first->second);
			if (!is_first && here && lacking == missing.end() && engine.checks_programs()) {
				bpf_program__set_autoload(program, true); // which one stays, choose_loaded() sees
				continue;
			}
			if (!is_first && (!here || lacking == missing.end())) {
				bpf_program__set_autoload(program, false);
				if (lacking != missing.end()) // the last flavour asks for least: its reason counts
					lacking->second = here.error();
				continue;
			}
			if (!is_first) { // the ones before are not here, this one is
				bpf_program__set_autoload(first->second, false);
				missing.erase(first->second);
				first->second = program;
			}
		}
		if (!here)
			missing.emplace(program, here.error());
		bpf_program__set_autoload(program, here || !is_optional(program));
	}
}

Result<void> choose_loaded(Engine &engine, bpf_object *object)
{
	std::map<std::string_view, Result<void>> alternatives;
	bpf_program *program;
	if (!engine.checks_programs())
		return {};
	bpf_object__for_each_program(program, object) {
		if (bpf_program__fd(program) < 0)
			continue;
		auto [before, is_first] = alternatives.try_emplace(base_name(program), Error{});
		bool is_decided = !is_first && before->second;
		Result<void> can = is_decided ? Result<void>(Error{}) : attachable(engine, program);
		if (!is_decided)
			before->second = can || !is_optional(program) ? can : Result<void>();
		if (!can)
			bpf_program__unload(program);
		if (!can && !is_decided)
			explain(fmt::format("{} cannot run here: {}", bpf_program__name(program), can.error().message));
	}
	for (const auto &[name, can] : alternatives) {
		if (can)
			continue;
		Result<void> here; // the last alternative asks for least: where it was not even loaded, that is the reason
		bpf_object__for_each_program(program, object)
			if (base_name(program) == name)
				here = supported(engine, program);
		return here ? can.error() : here.error();
	}
	return {};
}
