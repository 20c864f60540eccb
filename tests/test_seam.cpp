// SPDX-License-Identifier: GPL-2.0-only
// Does the private copy of libbpf hand everything to the engine? Objects are loaded against a fake one.
#include "fake_run.h"
#include "suite.h"

#include <algorithm>
#include <bpf/libbpf.h>

namespace
{

// The places in `moved`, as tests/objects/relocations.bpf.c reads it.
HandMadeBtf moved_at(unsigned offset, const char *field = "second")
{
	HandMadeBtf types;
	types.add("moved",
		  {{"first", HandMadeBtf::Field::int_kind, 8}, {field, HandMadeBtf::Field::long_kind, offset}});
	return types;
}

FakeRun load_relocations(FakeEngine &engine, const HandMadeBtf &types)
{
	MemoryFile file = types.file();
	return FakeRun::object(engine, "relocations", {"--btf", file.path()});
}

bool adds(const FakeEngine::Program &program, int immediate)
{
	return std::any_of(program.insns.begin(), program.insns.end(), [immediate](const bpf_insn &insn) {
		return BPF_CLASS(insn.code) == BPF_ALU64 && BPF_SRC(insn.code) == BPF_K && insn.imm == immediate;
	});
}

void programs_arrive_relocated()
{
	FakeEngine engine("seam: relocated");
	FakeRun run = load_relocations(engine, moved_at(0x7a8));
	CHECK_EQUAL(run.result ? "" : run.result.error().message, "");
	const FakeEngine::Program *program = engine.program("relocated");
	REQUIRE(program);
	CHECK_EQUAL(program->type, BPF_PROG_TYPE_TRACEPOINT);
	CHECK_EQUAL(program->license, "GPL");

	int tables = 0, constants = 0, variables = 0, calls = 0;
	for (size_t i = 0; i < program->insns.size(); i++) {
		const bpf_insn &insn = program->insns[i];
		if (insn.code == (BPF_LD | BPF_DW | BPF_IMM)) {
			FakeEngine::Map *map = engine.map_of_fd(insn.imm);
			REQUIRE(map);
			tables += insn.src_reg == BPF_PSEUDO_MAP_FD && map->name == "table";
			constants += insn.src_reg == BPF_PSEUDO_MAP_VALUE && map->name.ends_with(".rodata");
			variables += insn.src_reg == BPF_PSEUDO_MAP_VALUE && map->name.ends_with(".data");
			i++;
		} else if (insn.code == (BPF_JMP | BPF_CALL) && insn.src_reg == BPF_PSEUDO_CALL) {
			// The subprogram stands behind the program's own exit.
			size_t target = i + 1 + static_cast<size_t>(insn.imm);
			REQUIRE(target > i && target < program->insns.size());
			CHECK_EQUAL(program->insns[target - 1].code, BPF_JMP | BPF_EXIT);
			calls++;
		}
	}
	CHECK_EQUAL(tables, 1);
	CHECK_EQUAL(constants, 1);
	CHECK(variables >= 1);
	CHECK_EQUAL(calls, 1);
}

void offsets_are_those_of_the_given_btf()
{
	for (unsigned offset : {0x7a8u, 0x388u}) {
		FakeEngine engine("seam: offsets");
		FakeRun run = load_relocations(engine, moved_at(offset));
		REQUIRE(engine.program("relocated"));
		CHECK(adds(*engine.program("relocated"), static_cast<int>(offset)));
		CHECK(!adds(*engine.program("relocated"), 0x7a8 + 0x388 - static_cast<int>(offset)));
		// bpf_core_type_size: HandMadeBtf's structs have 4096 bytes. It is stored as a key.
		auto &insns = engine.program("relocated")->insns;
		CHECK(std::any_of(insns.begin(), insns.end(), [](const bpf_insn &insn) { return insn.imm == 4096; }));
	}
}

void flavours_stand_for_older_shapes()
{
	FakeEngine engine("seam: flavours");
	FakeRun run = load_relocations(engine, moved_at(0x6b0, "old_second"));
	CHECK_EQUAL(run.result ? "" : run.result.error().message, "");
	REQUIRE(engine.program("relocated"));
	CHECK(adds(*engine.program("relocated"), 0x6b0));
}

void global_data_arrives()
{
	FakeEngine engine("seam: data");
	FakeRun run = load_relocations(engine, moved_at(0x10));
	FakeEngine::Map *constants = engine.map("relocati.rodata"), *variables = engine.map("relocati.data");
	REQUIRE(constants && variables);
	uint64_t value = 0;
	CHECK_EQUAL(pread(constants->file.get(), &value, sizeof(value), 0), sizeof(value));
	CHECK_EQUAL(static_cast<long long>(value), 0x1234567812345678);
	CHECK(constants->frozen);
	CHECK_EQUAL(pread(variables->file.get(), &value, sizeof(value), 0), sizeof(value));
	CHECK_EQUAL(static_cast<long long>(value), 0x4321);
	CHECK(!variables->frozen);
	FakeEngine::Map *table = engine.map("table");
	REQUIRE(table);
	CHECK_EQUAL(table->type, BPF_MAP_TYPE_HASH);
	CHECK_EQUAL(table->key_size, 4);
	CHECK_EQUAL(table->value_size, 8);
	CHECK_EQUAL(table->max_entries, 7);
}

// What -x, -p and --comm give, at the places where the object's own BTF has these constants.
std::string constant(FakeEngine &engine, bpf_object *object, const std::string &name)
{
	const btf *types = bpf_object__btf(object);
	const btf_type *section =
		btf__type_by_id(types, static_cast<__u32>(btf__find_by_name_kind(types, ".rodata", BTF_KIND_DATASEC)));
	for (int i = 0; section && i < btf_vlen(section); i++) {
		const btf_var_secinfo *place = btf_var_secinfos(section) + i;
		if (btf__name_by_offset(types, btf__type_by_id(types, place->type)->name_off) != name)
			continue;
		std::string bytes(place->size, 0);
		FakeEngine::Map *map = engine.map("opensnoo.rodata");
		if (map && pread(map->file.get(), bytes.data(), bytes.size(), place->offset) ==
				   static_cast<ssize_t>(bytes.size()))
			return bytes;
	}
	return "";
}

HandMadeBtf syscall_records()
{
	HandMadeBtf types;
	types.add("trace_event_raw_sys_enter",
		  {{"id", HandMadeBtf::Field::long_kind, 8}, {"args", HandMadeBtf::Field::long_array, 0x48}});
	types.add("trace_event_raw_sys_exit",
		  {{"id", HandMadeBtf::Field::long_kind, 8}, {"ret", HandMadeBtf::Field::long_kind, 0x58}});
	return types;
}

FakeRun run_opensnoop(FakeEngine &engine, std::vector<std::string> arguments)
{
	MemoryFile file = syscall_records().file();
	arguments.insert(arguments.end(), {"--btf", file.path()});
	return FakeRun(engine, *SampleEntry::find("opensnoop"), std::move(arguments));
}

// The first object of the sample is still there: its maps are named in the engine.
bpf_object *object_of(FakeRun &run)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts);
	auto object = run.sample->open(opts);
	return object ? *object : nullptr;
}

void constants_are_as_the_options_say()
{
	FakeEngine engine("seam: constants");
	FakeRun run = run_opensnoop(engine, {"-x", "-p", std::to_string(getpid()), "--comm", "some name"});
	CHECK_EQUAL(run.result ? "" : run.result.error().message, "");
	bpf_object *object = object_of(run);
	CHECK_EQUAL(constant(engine, object, "failed_only"), std::string(1, 1));
	pid_t pid = getpid();
	CHECK(constant(engine, object, "filter_tgid") == std::string(reinterpret_cast<char *>(&pid), 4));
	CHECK(constant(engine, object, "filter_comm") == std::string("some name\0\0\0\0\0\0\0", 16));
	CHECK_EQUAL(constant(engine, object, "events_in_ring"), std::string(1, 1));
	CHECK_EQUAL(engine.mapped.count("opensnoo.rodata"), 1); // the skeleton's view of it
	REQUIRE(engine.map("events"));
	CHECK_EQUAL(engine.map("events")->type, BPF_MAP_TYPE_RINGBUF);
}

void events_go_through_a_perf_buffer_where_there_is_no_ring()
{
	FakeEngine engine("seam: no ring");
	engine.refused_maps = {BPF_MAP_TYPE_RINGBUF};
	FakeRun run = run_opensnoop(engine, {});
	CHECK_EQUAL(run.result ? "" : run.result.error().message, "");
	REQUIRE(engine.map("events"));
	CHECK_EQUAL(engine.map("events")->type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	CHECK_EQUAL(engine.map("events")->value_size, 4);
	CHECK_EQUAL(engine.map("events")->max_entries, libbpf_num_possible_cpus());
	CHECK_EQUAL(constant(engine, object_of(run), "events_in_ring"), std::string(1, 0));
}

void says_so_where_there_is_neither()
{
	FakeEngine engine("seam: no buffers");
	engine.refused_maps = {BPF_MAP_TYPE_RINGBUF, BPF_MAP_TYPE_PERF_EVENT_ARRAY};
	FakeRun run = run_opensnoop(engine, {});
	REQUIRE(!run.result);
	CHECK_EQUAL(run.result.error().message, "this kernel has no perf buffer (needs Linux 4.3, CONFIG_PERF_EVENTS)");
	CHECK(engine.programs.empty());
}

void names_a_field_that_no_kernel_has()
{
	FakeEngine engine("seam: unresolved");
	engine.refuses_unresolved = true;
	MemoryFile file = syscall_records().file();
	FakeRun run = FakeRun::object(engine, "unresolved", {"--btf", file.path()});
	REQUIRE(!run.result);
	CHECK(run.result.error().message.find("field_that_no_kernel_has") != std::string::npos);
	CHECK(run.result.error().message.starts_with("object: failed to load"));
	CHECK_EQUAL(std::count(run.result.error().message.begin(), run.result.error().message.end(), '\n'), 0);
	CHECK(engine.attached.empty());
}

// All of the built-in samples' objects, as far as a made-up BTF has their types.
void every_sample_opens_and_its_programs_are_known()
{
	int samples = 0;
	for (const SampleEntry *entry : sorted_samples()) {
		auto sample = entry->create();
		sample->info = &entry->info;
		LIBBPF_OPTS(bpf_object_open_opts, opts);
		auto object = sample->open(opts);
		REQUIRE(object);
		if (!*object) // instructions typed in
			continue;
		bpf_program *program;
		int programs = 0;
		bpf_object__for_each_program(program, *object)
		{
			programs++;
			auto hooks = hooks_of_section(bpf_program__section_name(program));
			CHECK_EQUAL(hooks ? "" : hooks.error().message, "");
		}
		CHECK(programs > 0);
		samples++;
	}
	CHECK(samples >= 8);
}

const Suite suite{"seam",
		  {{"programs arrive with maps, data and subprograms put in", programs_arrive_relocated},
		   {"offsets are those of the BTF that --btf names", offsets_are_those_of_the_given_btf},
		   {"an older shape of a struct is found by its flavour", flavours_stand_for_older_shapes},
		   {"global data arrives, constants frozen", global_data_arrives},
		   {"constants are as the options say", constants_are_as_the_options_say},
		   {"events go through a perf buffer where there is no ring",
		    events_go_through_a_perf_buffer_where_there_is_no_ring},
		   {"says so where there is neither", says_so_where_there_is_neither},
		   {"names a field that no kernel has", names_a_field_that_no_kernel_has},
		   {"every sample opens, and its sections are known", every_sample_opens_and_its_programs_are_known}}};

} // namespace
