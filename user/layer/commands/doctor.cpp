// SPDX-License-Identifier: GPL-2.0-only
// `anyprobe doctor`: what this kernel can do, and which engine each sample would use here and why.
#include "layer/btf_cache.h"
#include "layer/buffers.h"
#include "layer/commands/commands.h"
#include "layer/engine/engines.h"
#include "layer/engine/features.h"
#include "layer/log.h"
#include "layer/programs.h"

#include <fmt/format.h>

namespace {

constexpr Column engine_columns[] = {
	{"ENGINE", -12, "name, as --engine takes it"},
	{"WORKS", -6, "can it work here"},
	{"WHY", 0, "why, or why not"},
};

constexpr Column feature_columns[] = {
	{"FEATURE", -26, "what the kernel offers"},
	{"HERE", -6, "does this kernel"},
	{"SINCE", -8, "the Linux version that brought it"},
	{"NEEDS", -56, "what else the kernel needs"},
	{"USE", 0, "what it is for"},
};

constexpr Column sample_columns[] = {
	{"SAMPLE", -12, "name"},
	{"RUNS BY", -12, "the engine, or none"},
	{"WHY", 0, "why, or what is missing"},
};

struct OpenEngine {
	const char *name;
	Result<std::unique_ptr<Engine>> engine;
};

// Hooks and features do not tell all where the engine looks at instructions, and of kernels without global data: their
// verifiers know less, and so do their maps.
Result<void> try_to_load(Engine &engine, Sample &sample, bpf_object *object)
{
	bool is_old = !features().has(Feature::global_data);
	if (!engine.checks_programs() && !is_old)
		return {};
	log_start(); // nothing of the samples before
	sample.set_constants(CommonOptions());
	bpf_map *map;
	bpf_object__for_each_map(map, object)
		if (auto ready = prepare_buffer(map); !ready)
			return ready;
	if (int err = sample.load(); err)
		return is_old ? Result<void>(log_error("object: failed to load", -err)) : Result<void>();
	return choose_loaded(engine, object);
}

// Can this engine run the sample? An error says what is missing.
Result<void> can_run(Engine &engine, const SampleEntry &entry)
{
	auto sample = entry.create();
	sample->info = &entry.info;
	LIBBPF_OPTS(bpf_object_open_opts, opts);
	std::string types = features().has(Feature::kernel_btf) ? "" : kernel_types_file(); // a file in their place
	if (!types.empty())
		opts.btf_custom_path = types.c_str();
	auto object = sample->open(opts);
	if (!object)
		return object.error();
	if (!*object)
		return sample->supported(engine);
	std::map<const bpf_program *, Error> missing;
	choose_programs(engine, *object, missing);
	bool any = false;
	bpf_program *program;
	bpf_object__for_each_program(program, *object) {
		auto lacks = missing.find(program);
		if (lacks != missing.end() && bpf_program__autoload(program))
			return lacks->second;
		any = any || bpf_program__autoload(program);
	}
	if (!any && !missing.empty())
		return missing.begin()->second;
	return try_to_load(engine, *sample, *object);
}

void print_sample(Output &output, std::span<const OpenEngine> engines, const SampleEntry &entry)
{
	std::string why;
	for (const OpenEngine &row : engines) {
		if (!row.engine)
			continue;
		activate(row.engine->get());
		auto can = can_run(**row.engine, entry);
		if (can) {
			output.row(sample_columns, Row() << entry.info.name << row.name << (*row.engine)->reason());
			return;
		}
		why += (why.empty() ? "" : "; ") + can.error().message;
	}
	if (why.empty())
		why = "no engine works";
	if (*entry.info.instead)
		why += fmt::format("; instead: {}", entry.info.instead);
	output.row(sample_columns, Row() << entry.info.name << "none" << why);
}

} // namespace

int command_doctor(std::span<const std::string> arguments)
{
	bool json = false;
	std::string only; // an engine's name; "": all
	for (size_t i = 0; i < arguments.size(); i += 2) {
		bool has_value = i + 1 < arguments.size();
		if (has_value && arguments[i] == "--engine")
			only = arguments[i + 1];
		else if (has_value && arguments[i] == "--output" && arguments[i + 1] == "json")
			json = true;
		else
			return fail(exit_usage, "doctor takes no arguments but --output json and --engine NAME");
	}
	auto rows = engines_named(only.empty() ? "auto" : only);
	if (!rows)
		return fail(exit_usage, rows.error().message);
	log_start();
	auto output = json ? json_output() : table_output();

	std::vector<OpenEngine> opened;
	for (const EngineRow &row : *rows)
		opened.push_back({row.name, row.open()});
	bool any = false;
	for (const OpenEngine &row : opened) {
		any = any || row.engine;
		output->row(engine_columns, Row() << row.name << bool(row.engine)
						  << (row.engine ? (*row.engine)->reason() : row.engine.error().message));
	}
	output->section("");
	// As the first engine that works has them.
	for (auto row = opened.rbegin(); row != opened.rend(); ++row)
		if (row->engine)
			activate(row->engine->get());
	for (const FeatureRow &row : Features::table())
		output->row(feature_columns, Row() << row.name << features().has(row.id) << row.since << row.config << row.use);
	output->section("");
	for (const SampleEntry *entry : sorted_samples())
		print_sample(*output, opened, *entry);
	activate(nullptr);
	if (!output->flush())
		return fail(exit_failure, errno_error("failed to write standard output", output->failure()).message);
	return any ? exit_ok : exit_failure;
}
