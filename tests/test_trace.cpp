// SPDX-License-Identifier: GPL-2.0-only
// One run from the command line to the rows, against a fake engine: programs chosen, attached, records delivered.
#include "fake_run.h"
#include "suite.h"

#include <algorithm>

namespace
{

std::string message(const FakeRun &run)
{
	return run.result ? "" : run.result.error().message;
}

std::vector<std::string> places(const FakeEngine &engine)
{
	std::vector<std::string> places;
	for (const FakeEngine::Attached &one : engine.attached)
		places.push_back(one.program + ": " + describe(one.hook));
	return places;
}

bool has(const std::vector<std::string> &list, const std::string &what)
{
	return std::find(list.begin(), list.end(), what) != list.end();
}

Result<void> lacking(const Hook &hook, HookKind kind)
{
	if (hook.kind == kind)
		return Error{std::string("this kernel has no ") + name_of(kind), ENOTSUP};
	return {};
}

void attaches_what_the_engine_supports()
{
	FakeEngine engine("trace: all");
	FakeRun run = FakeRun::object(engine, "choices");
	CHECK_EQUAL(message(run), "");
	auto attached = places(engine);
	CHECK_EQUAL(attached.size(), 3);
	CHECK(has(attached, "renamed: kprobe first_name"));
	CHECK(has(attached, "optional: tracepoint some/optional"));
	CHECK(has(attached, "either___raw: raw tracepoint event"));
	CHECK(!engine.program("either___many") && !engine.program("either___old"));
	CHECK_EQUAL(engine.links, 0); // detached at the end
}

void takes_the_first_flavour_that_is_here()
{
	FakeEngine engine("trace: second");
	engine.on_supports = [](const Hook &hook) { return lacking(hook, HookKind::raw_tracepoint); };
	FakeRun run = FakeRun::object(engine, "choices");
	CHECK_EQUAL(message(run), "");
	CHECK(engine.program("either___many") && !engine.program("either___raw") && !engine.program("either___old"));

	FakeEngine oldest("trace: third");
	oldest.on_supports = [](const Hook &hook) {
		auto raw = lacking(hook, HookKind::raw_tracepoint);
		return raw ? lacking(hook, HookKind::kprobe_multi) : raw;
	};
	FakeRun last = FakeRun::object(oldest, "choices");
	CHECK_EQUAL(message(last), "");
	CHECK(oldest.program("either___old") && !oldest.program("either___raw") && !oldest.program("either___many"));
}

void says_what_the_last_flavour_lacks()
{
	FakeEngine engine("trace: no flavour");
	engine.on_supports = [](const Hook &hook) -> Result<void> {
		if (hook.kind == HookKind::kprobe)
			return {};
		return Error{std::string("this kernel has no ") + name_of(hook.kind), ENOTSUP};
	};
	CHECK_EQUAL(message(FakeRun::object(engine, "choices")), "this kernel has no tracepoint");
	CHECK(engine.programs.empty());
}

void leaves_out_optional_programs_quietly()
{
	FakeEngine engine("trace: optional");
	engine.on_supports = [](const Hook &hook) -> Result<void> {
		if (hook.target == "some/optional")
			return Error{"this kernel has no tracepoint some/optional", ENOENT};
		return {};
	};
	FakeRun run = FakeRun::object(engine, "choices");
	CHECK_EQUAL(message(run), "");
	CHECK(!engine.program("optional"));
	CHECK_EQUAL(run.err.find("optional"), std::string::npos);
}

void tries_the_alternatives_of_a_name()
{
	FakeEngine engine("trace: names");
	std::vector<std::string> tried;
	engine.on_attach = [&](const Hook &hook) {
		tried.push_back(describe(hook));
		return hook.kind == HookKind::kprobe && hook.offset == 0 ? ENOENT : 0;
	};
	FakeRun run = FakeRun::object(engine, "choices");
	CHECK_EQUAL(message(run), "");
	CHECK(has(places(engine), "renamed: kprobe third_name+0x10"));
	REQUIRE(tried.size() >= 3);
	CHECK_EQUAL(tried[0], "kprobe first_name");
	CHECK_EQUAL(tried[1], "kprobe second_name");
}

void goes_on_without_a_place_that_is_not_there()
{
	FakeEngine engine("trace: without");
	engine.on_attach = [](const Hook &hook) { return hook.kind == HookKind::kprobe ? ENOENT : 0; };
	FakeRun run = FakeRun::object(engine, "choices");
	CHECK_EQUAL(message(run), "");
	CHECK_EQUAL(engine.attached.size(), 2);
	CHECK(run.err.find(
		      "run: left out: fake: failed to attach to kprobe third_name+0x10: No such file or directory\n") !=
	      std::string::npos);
}

void fails_where_no_place_is_there()
{
	FakeEngine engine("trace: none");
	engine.on_attach = [](const Hook &) { return ENOENT; };
	FakeRun run = FakeRun::object(engine, "choices");
	CHECK_EQUAL(message(run), "fake: failed to attach to kprobe third_name+0x10: No such file or directory");
	CHECK_EQUAL(run.err, ""); // told once, by the caller
}

void any_other_error_ends_the_run()
{
	FakeEngine engine("trace: refused");
	engine.on_attach = [](const Hook &hook) { return hook.kind == HookKind::kprobe ? EPERM : 0; };
	FakeRun run = FakeRun::object(engine, "choices");
	CHECK_EQUAL(message(run), "fake: failed to attach to kprobe first_name: Operation not permitted");
	CHECK_EQUAL(engine.links, 0);
}

// As tests/objects/ring.bpf.c has it.
struct RingEvent {
	uint32_t pid, uid;
	int64_t flags;
	char comm[16];
	char path[64];
};

void push_ring_events(FakeEngine &engine, int count)
{
	for (int i = 0; i < count; i++) {
		RingEvent event{100u + static_cast<uint32_t>(i), 7, -1, "a \"name\"", "/some/file"};
		engine.push("rb", &event, sizeof(event));
	}
}

void delivers_and_decodes_ring_records()
{
	FakeEngine engine("trace: ring");
	HandMadeBtf types;
	types.add("trace_event_raw_sys_enter", {{"args", HandMadeBtf::Field::long_array, 16}});
	MemoryFile file = types.file();
	engine.attached_all = [&] { push_ring_events(engine, 3); };
	FakeRun run = FakeRun::object(engine, "ring", {"--btf", file.path(), "--output", "json"});
	CHECK_EQUAL(message(run), "");
	REQUIRE(run.output.kept.size() == 3);
	CHECK_EQUAL(engine.mapped.count("rb"), 2); // what was consumed, and the rest
	CHECK_EQUAL(run.output.kept[2]["map"].get<std::string>(), "rb");
	CHECK_EQUAL(run.output.kept[2]["record"].dump(),
		    R"({"comm":"a \"name\"","flags":-1,"path":"/some/file","pid":102,"uid":7})");
	CHECK(run.output.kept[2].contains("time"));
}

void ends_after_the_count_that_was_asked_for()
{
	FakeEngine engine("trace: count");
	HandMadeBtf types;
	types.add("trace_event_raw_sys_enter", {{"args", HandMadeBtf::Field::long_array, 16}});
	MemoryFile file = types.file();
	engine.attached_all = [&] { push_ring_events(engine, 9); };
	FakeRun run = FakeRun::object(engine, "ring", {"--btf", file.path(), "-n", "4", "-d", "100"});
	CHECK_EQUAL(run.output.kept.size(), 4);
}

void delivers_perf_records_without_their_padding_and_counts_lost_ones()
{
	FakeEngine engine("trace: perf");
	HandMadeBtf types;
	types.add("trace_event_raw_sys_enter", {{"args", HandMadeBtf::Field::long_array, 16}});
	MemoryFile file = types.file();
	struct {
		uint32_t pid = 5, mode = 0700;
		char path[16] = "/a/folder";
		char padding[4] = {'x', 'x', 'x', 'x'}; // perf's own: with the size before it, a record has n * 8 bytes
	} event;
	engine.attached_all = [&] {
		engine.push("pb", &event, sizeof(event));
		engine.push_lost("pb", 42);
	};
	FakeRun run = FakeRun::object(engine, "perf", {"--btf", file.path()});
	CHECK_EQUAL(message(run), "");
	REQUIRE(run.output.kept.size() == 1);
	CHECK_EQUAL(run.output.kept[0]["record"].dump(), R"({"mode":448,"path":"/a/folder","pid":5})");
	CHECK(run.err.find("run: 42 lost") != std::string::npos);
}

void shows_bytes_where_the_type_is_not_known()
{
	for (bool chosen : {false, true}) {
		FakeEngine engine("trace: hex");
		HandMadeBtf types;
		types.add("filename", {{"name", HandMadeBtf::Field::pointer, 0}});
		MemoryFile file = types.file();
		unsigned char bytes[32] = {1, 0, 0, 0, 'h', 'i'};
		engine.attached_all = [&] { engine.push("twins", bytes, sizeof(bytes)); };
		std::vector<std::string> arguments = {"--btf", file.path()};
		if (chosen)
			arguments.insert(arguments.end(), {"--type", "twins=entered"});
		FakeRun run = FakeRun::object(engine, "kprobe", arguments);
		CHECK_EQUAL(message(run), "");
		REQUIRE(run.output.kept.size() == 1);
		CHECK_EQUAL(run.output.kept[0]["record"].dump(),
			    chosen ? R"({"path":"hi","pid":1})" : "\"010000006869" + std::string(52, '0') + "\"");
	}
}

void dumps_maps_at_the_end()
{
	FakeEngine engine("trace: maps");
	HandMadeBtf types;
	types.add("trace_event_raw_sys_enter", {{"args", HandMadeBtf::Field::long_array, 16}});
	MemoryFile file = types.file();
	engine.attached_all = [&] {
		uint32_t pid = 77;
		uint64_t stat[2] = {3, static_cast<uint64_t>(-512)};
		engine.map("by_process")->entries[{reinterpret_cast<char *>(&pid), 4}] = {
			reinterpret_cast<char *>(stat), 16};
	};
	FakeRun run = FakeRun::object(engine, "maps", {"--btf", file.path()});
	CHECK_EQUAL(message(run), "");
	std::vector<std::string> rows;
	for (const auto &row : run.output.kept)
		rows.push_back(row.dump());
	CHECK(has(rows, R"({"cpu":null,"key":77,"map":"by_process","value":{"calls":3,"last_flags":-512}})"));
	CHECK(has(rows, R"({"cpu":0,"key":1,"map":"by_kind","value":0})"));
	CHECK(has(rows, R"({"cpu":null,"key":0,"map":"never_used","value":0})"));
	// .bss is no map of the program's author.
	CHECK_EQUAL(rows.size(), 2 + 2 * static_cast<size_t>(libbpf_num_possible_cpus()));
}

const Suite suite{
	"trace",
	{{"attaches what the engine supports, and detaches it", attaches_what_the_engine_supports},
	 {"takes the first flavour that is here", takes_the_first_flavour_that_is_here},
	 {"says what the last flavour lacks", says_what_the_last_flavour_lacks},
	 {"leaves out optional programs quietly", leaves_out_optional_programs_quietly},
	 {"tries the alternatives of a name in their order", tries_the_alternatives_of_a_name},
	 {"goes on without a place that is not there, and says so", goes_on_without_a_place_that_is_not_there},
	 {"fails, with one line, where no place is there", fails_where_no_place_is_there},
	 {"any other error ends the run", any_other_error_ends_the_run},
	 {"delivers and decodes records of a ring buffer", delivers_and_decodes_ring_records},
	 {"ends after the count that was asked for", ends_after_the_count_that_was_asked_for},
	 {"delivers perf records without padding, counts lost ones",
	  delivers_perf_records_without_their_padding_and_counts_lost_ones},
	 {"shows bytes where the type is not known", shows_bytes_where_the_type_is_not_known},
	 {"dumps maps at the end", dumps_maps_at_the_end}}};

} // namespace
