// SPDX-License-Identifier: GPL-2.0-only
#include "layer/engine/features.h"
#include "fake_engine.h"
#include "suite.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

namespace
{

// A tree that stands for /, removed at the end.
class Tree
{
	std::string path_;

      public:
	Tree()
	{
		const char *where = getenv("TMPDIR");
		path_ = std::string(where ? where : "/tmp") + "/anyprobe-features-XXXXXX";
		if (!mkdtemp(path_.data()))
			path_.clear();
	}
	~Tree() { std::filesystem::remove_all(path_); }
	Tree &file(const std::string &name, const std::string &content)
	{
		std::filesystem::path whole = path_ + name;
		std::filesystem::create_directories(whole.parent_path());
		std::ofstream(whole) << content;
		return *this;
	}
	const std::string &path() const { return path_; }
};

bool has(const Tree &tree, Feature feature)
{
	return Features(tree.path()).has(feature);
}

void reads_what_a_kernel_with_everything_shows()
{
	Tree tree; // as Debian 12's 6.1 has it
	tree.file("/sys/kernel/btf/vmlinux", "\x9f\xeb")
		.file("/sys/bus/event_source/devices/kprobe/type", "8\n")
		.file("/sys/bus/event_source/devices/uprobe/type", "9\n")
		.file("/sys/kernel/tracing/trace_pipe", "")
		.file("/sys/kernel/tracing/events/sched/sched_switch/id", "314\n")
		.file("/sys/kernel/tracing/events/syscalls/sys_enter_openat/id", "658\n")
		.file("/proc/kallsyms", "0000000000000000 A fixed_percpu_data\n0000000000001000 A cpu_debug_store\n"
					"ffffffff81000000 T startup_64\nffffffff81000000 T _stext\n");
	for (Feature feature : {Feature::kernel_btf, Feature::kprobes, Feature::uprobes, Feature::tracefs,
				Feature::tracepoints, Feature::syscall_tracepoints, Feature::kernel_symbols}) {
		bool here = has(tree, feature);
		CHECK(here);
		if (!here)
			CHECK_EQUAL(Features::row(feature).name, "here");
	}
}

void sees_what_is_not_there()
{
	Tree tree; // a kernel without probes and BTF, tracing without system calls
	tree.file("/sys/kernel/tracing/trace_pipe", "")
		.file("/sys/kernel/tracing/events/sched/sched_switch/id", "314\n")
		.file("/proc/kallsyms", "");
	CHECK(has(tree, Feature::tracefs));
	CHECK(has(tree, Feature::tracepoints));
	for (Feature feature : {Feature::kernel_btf, Feature::kprobes, Feature::uprobes, Feature::syscall_tracepoints,
				Feature::kernel_symbols})
		CHECK(!has(tree, feature));
	Tree empty;
	for (Feature feature :
	     {Feature::tracefs, Feature::tracepoints, Feature::syscall_tracepoints, Feature::kernel_symbols})
		CHECK(!has(empty, feature));
}

void hidden_symbols_are_no_symbols()
{
	Tree hidden; // kernel.kptr_restrict=2, or a reader without privilege
	std::string lines;
	for (int i = 0; i < 100; i++)
		lines += fmt::format("0000000000000000 T function_{}\n", i);
	hidden.file("/proc/kallsyms", lines);
	CHECK(!has(hidden, Feature::kernel_symbols));
	Tree odd;
	odd.file("/proc/kallsyms", "this is no address\n");
	CHECK(!has(odd, Feature::kernel_symbols));
}

void says_what_is_needed()
{
	Tree tree;
	Features features(tree.path());
	auto probes = features.need(Feature::kprobes);
	REQUIRE(!probes);
	CHECK_EQUAL(probes.error().message, "this kernel has no kprobes (needs Linux 4.17, CONFIG_KPROBE_EVENTS)");
	CHECK_EQUAL(probes.error().code, ENOTSUP);
	tree.file("/sys/bus/event_source/devices/kprobe/type", "8\n");
	CHECK(!features.has(Feature::kprobes)); // asked once
	CHECK(Features(tree.path()).need(Feature::kprobes));
}

void asks_each_engine_once()
{
	FakeEngine without("features: without"), with("features: with");
	without.refused_maps = {BPF_MAP_TYPE_RINGBUF};
	activate(&without);
	bool before = features().has(Feature::ring_buffer);
	bool hash = features().has(Feature::hash_map);
	size_t asked = without.commands.size();
	features().has(Feature::ring_buffer);
	features().has(Feature::hash_map);
	bool again = without.commands.size() != asked;
	std::string message = features().need(Feature::ring_buffer).error().message;
	activate(&with);
	bool after = features().has(Feature::ring_buffer);
	activate(&without);
	bool still = features().has(Feature::ring_buffer);
	activate(nullptr);
	CHECK(asked > 0 && !again);
	CHECK(!before && hash && after && !still);
	CHECK_EQUAL(message, "this kernel has no ring buffer (needs Linux 5.8)");
}

void the_table_is_whole()
{
	std::set<std::string> names;
	for (const FeatureRow &row : Features::table()) {
		CHECK(row.probe != nullptr);
		CHECK(names.insert(row.name).second);
		int major = 0, minor = 0;
		CHECK_EQUAL(sscanf(row.since, "%d.%d", &major, &minor), 2);
		CHECK(major >= 2 && major < 8);
		CHECK(&Features::row(row.id) == &row);
	}
	CHECK_EQUAL(names.size(), static_cast<size_t>(Feature::count));
}

const Suite suite{"features",
		  {{"reads what a kernel with everything shows", reads_what_a_kernel_with_everything_shows},
		   {"sees what is not there", sees_what_is_not_there},
		   {"hidden symbols are no symbols", hidden_symbols_are_no_symbols},
		   {"says what is needed, and asks once", says_what_is_needed},
		   {"asks each engine once", asks_each_engine_once},
		   {"the table is whole", the_table_is_whole}}};

} // namespace
