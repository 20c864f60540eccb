// SPDX-License-Identifier: GPL-2.0-only
// `anyprobe run` with objects that know nothing of anyprobe (tests/objects/), beside a workload that is known.
#include "../suite.h"
#include "bpf_ids.h"
#include "started.h"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <map>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace
{

constexpr int removals = 23, folders = 11;

// Files that are not there; every third call as rmdir would do it.
int remove_files()
{
	for (int i = 0; i < removals; i++)
		syscall(SYS_unlinkat, AT_FDCWD, fmt::format("/nonexistent/{}", i).c_str(), i % 3 ? 0 : AT_REMOVEDIR);
	return 0;
}

int make_folders()
{
	for (int i = 0; i < folders; i++)
		syscall(SYS_mkdirat, AT_FDCWD, fmt::format("/nonexist/{}", i).c_str(), 0700 + i);
	return 0;
}

std::string own_comm()
{
	std::string name;
	std::getline(std::ifstream("/proc/self/comm"), name);
	return name;
}

// The ftrace engine reads user memory by kprobes.
void skip_without_kprobes(const Run &run)
{
	if (run.status == 1 && run.err.find("ftrace: failed to plan") != run.err.npos && run.err.find("this kernel has no kprobe_events") != run.err.npos)
		skip("this kernel has no kprobe_events");
}

Run run_beside(const std::string &object, std::vector<std::string> options, int (*work)(), Child &child, size_t rows)
{
	std::vector<std::string> arguments = {"run", test_object(object), "--output", "json"};
	arguments.insert(arguments.end(), options.begin(), options.end());
	Anyprobe anyprobe(arguments);
	child = run_child(work);
	anyprobe.wait_for_lines(rows, 5);
	sleep_seconds(0.2);
	Run run = anyprobe.finish(SIGINT);
	skip_without_kprobes(run);
	CHECK_EQUAL(run.status, 0);
	return run;
}

void decodes_ring_buffer_records()
{
	Child child;
	Run run = run_beside("ring", {}, remove_files, child, removals);
	int seen = 0;
	for (const Json &row : run.rows()) {
		const Json &record = row["record"];
		CHECK_EQUAL(row["map"].get<std::string>(), "rb");
		REQUIRE(record.is_object());
		if (record["pid"] != child.pid)
			continue;
		CHECK_EQUAL(record["path"].get<std::string>(), fmt::format("/nonexistent/{}", seen));
		CHECK_EQUAL(record["flags"].get<int>(), seen % 3 ? 0 : AT_REMOVEDIR);
		CHECK_EQUAL(record["uid"].get<int>(), 0);
		CHECK_EQUAL(record["comm"].get<std::string>(), own_comm());
		CHECK(row.contains("time"));
		seen++;
	}
	CHECK_EQUAL(seen, removals);
}

void shows_records_as_a_table()
{
	Anyprobe anyprobe({"run", test_object("ring")});
	Child child = run_child(remove_files);
	anyprobe.wait_for_lines(removals + 1, 5);
	Run run = anyprobe.finish(SIGINT);
	skip_without_kprobes(run);
	CHECK(run.out.starts_with("MAP              RECORD\nrb "));
	CHECK(run.out.find(fmt::format("pid={} uid=0 flags=0 comm=\"{}\" path=\"/nonexistent/1\"\n", child.pid,
				       own_comm())) != run.out.npos);
}

void decodes_perf_buffer_records()
{
	Child child;
	Run run = run_beside("perf", {}, make_folders, child, folders);
	int seen = 0;
	for (const Json &row : run.rows()) {
		const Json &record = row["record"];
		REQUIRE(record.is_object());
		if (record["pid"] != child.pid)
			continue;
		CHECK_EQUAL(record["path"].get<std::string>(), fmt::format("/nonexist/{}", seen));
		CHECK_EQUAL(record["mode"].get<int>(), 0700 + seen);
		seen++;
	}
	CHECK_EQUAL(seen, folders);
}

void decodes_as_the_struct_that_is_named()
{
	Child child;
	// Nothing but its first two members fits what the program sends; the test is which struct was taken.
	Run run = run_beside("perf", {"--type", "pb=trace_entry"}, make_folders, child, folders);
	int seen = 0;
	for (const Json &row : run.rows())
		if (row["record"]["type"] == (child.pid & 0xffff))
			seen++;
	CHECK(seen >= folders);
}

void dumps_maps_at_the_end()
{
	Child child;
	Run run = run_beside("maps", {}, remove_files, child, 0);
	std::map<int, long> by_kind;
	long calls = 0, of_child = 0, last_flags = -1, never_used = -1;
	for (const Json &row : run.rows()) {
		if (row["map"] == "by_process") {
			calls += row["value"]["calls"].get<long>();
			CHECK(row["cpu"].is_null());
			if (row["key"] == child.pid) {
				of_child = row["value"]["calls"];
				last_flags = row["value"]["last_flags"];
			}
		} else if (row["map"] == "by_kind") {
			by_kind[row["key"]] += row["value"].get<long>();
			CHECK(row["cpu"].is_number());
		} else if (row["map"] == "never_used") {
			never_used = row["value"];
		} else {
			CHECK(!"another map");
		}
	}
	CHECK_EQUAL(of_child, removals);
	CHECK_EQUAL(last_flags, (removals - 1) % 3 ? 0 : AT_REMOVEDIR);
	CHECK_EQUAL(never_used, 0);
	CHECK(by_kind[1] >= (removals + 2) / 3);
	CHECK_EQUAL(by_kind[0] + by_kind[1], calls); // whoever called, both counted it
}

void attaches_kprobes_by_alternative_names()
{
	need_feature("kprobes", "kprobe");
	Child child;
	Run run = run_beside("kprobe", {}, remove_files, child, removals);
	int seen = 0, of_child = 0;
	std::string pid = fmt::format("{:02x}{:02x}{:02x}00", child.pid & 0xff, child.pid >> 8 & 0xff, child.pid >> 16);
	for (const Json &row : run.rows()) { // two structs have this size, so: hex
		REQUIRE(row["record"].is_string());
		CHECK_EQUAL(row["record"].get<std::string>().size(), 64);
		of_child += row["record"].get<std::string>().starts_with(pid);
		seen++;
	}
	// Every third call is a rmdir, and that is another function.
	CHECK_EQUAL(of_child, removals - (removals + 2) / 3);

	run = run_beside("kprobe", {"--type", "twins=entered"}, remove_files, child, removals);
	std::vector<std::string> paths;
	for (const Json &row : run.rows())
		if (row["record"]["pid"] == child.pid)
			paths.push_back(row["record"]["path"]);
	REQUIRE(paths.size() >= 2);
	CHECK_EQUAL(paths[0], "/nonexistent/1");
	CHECK_EQUAL(paths[1], "/nonexistent/2");
}

void attaches_typed_tracepoints()
{
	need_feature("BTF-typed tracepoints", "typed");
	Child child;
	Run run = run_beside("typed", {}, remove_files, child, 1);
	int seen = 0;
	for (const Json &row : run.rows()) {
		if (row["record"]["tgid"] != child.pid)
			continue;
		CHECK_EQUAL(row["record"]["parent"].get<int>(), getpid());
		seen++;
	}
	CHECK_EQUAL(seen, 1);
}

} // namespace

extern "C" {
// Its name is in tests/objects/uprobe.bpf.c.
__attribute__((noinline)) long anyprobe_probed_function(long argument)
{
	__asm__ volatile("" ::: "memory");
	return argument + 1;
}
}

namespace
{

int call_it()
{
	for (long argument : {5, 5, 5, 1234567})
		anyprobe_probed_function(argument);
	return 0;
}

void attaches_uprobes_by_file_and_function()
{
	constexpr const char *link = "/tmp/anyprobe-test-uprobe";
	need_feature("uprobes", "uprobe");
	unlink(link);
	REQUIRE(symlink(own_path().c_str(), link) == 0);
	Child child;
	Run run = run_beside("uprobe", {}, call_it, child, 0);
	unlink(link);
	std::map<long, long> counts;
	for (const Json &row : run.rows())
		counts[row["key"]] = row["value"];
	CHECK(counts == (std::map<long, long>{{5, 3}, {1234567, 1}}));
	Run without = run_anyprobe({"run", test_object("uprobe"), "-q", "-d", "1"});
	CHECK_EQUAL(without.status, 1);
	CHECK_EQUAL(without.err, fmt::format("run: binary: failed to find {}: No such file or directory\n", link));
}

void ends_after_the_count()
{
	Anyprobe anyprobe({"run", test_object("ring"), "-n", "5", "--output", "json"});
	run_child(remove_files);
	Run run = anyprobe.finish(0);
	skip_without_kprobes(run);
	CHECK_EQUAL(run.status, 0);
	CHECK_EQUAL(run.rows().size(), 5);
}

// What is said of an object that cannot be run, without "run: " and the newline.
std::string refused(const std::string &path, std::vector<std::string> options = {}, int status = 1)
{
	std::vector<std::string> arguments = {"anyprobe", "run", path, "-q", "-d", "1"};
	arguments.insert(arguments.end(), options.begin(), options.end());
	Run run = run_started({.arguments = arguments});
	CHECK_EQUAL(run.status, status);
	CHECK_EQUAL(run.out, "");
	CHECK_EQUAL(lines_in(run.err), 1);
	CHECK(run.err.starts_with("run: "));
	return run.err.substr(5, run.err.size() - 6);
}

void says_what_is_wrong_with_an_object()
{
	CHECK_EQUAL(
		refused("/nonexistent.o"),
		"object: failed to open /nonexistent.o: elf: failed to open /nonexistent.o: No such file or directory");
	CHECK(refused("/proc/self/status").find("is not a proper ELF object") != std::string::npos);
	CHECK(refused("/").starts_with("object: failed to open /: "));
	CHECK(refused(own_path()).starts_with("object: failed to open " + own_path() + ": ")); // ELF, but no BPF
	CHECK(refused("/dev/null").starts_with("object: failed to open /dev/null: "));
	CHECK(refused(test_object("unresolved")).find("field_that_no_kernel_has") != std::string::npos);
	CHECK_EQUAL(refused(test_object("ring"), {"--type", "rb"}, 2), "--type rb: it takes MAP=STRUCT");
	CHECK_EQUAL(refused(test_object("ring"), {"--type", "no=event"}),
		    "--type no=event: the object has no map \"no\"");
	CHECK_EQUAL(refused(test_object("ring"), {"--type", "rb=no"}),
		    "--type rb=no: the object's BTF has no struct \"no\"");
	CHECK(refused(test_object("ring"), {"--btf", "/proc/self/status"}).starts_with("object: failed to load: "));
}

void a_truncated_object_is_refused()
{
	std::ifstream file(test_object("ring"), std::ios::binary);
	std::string whole((std::istreambuf_iterator<char>(file)), {});
	REQUIRE(whole.size() > 1000);
	for (size_t size = 0; size < whole.size(); size += 64) {
		std::string path = "/tmp/anyprobe-test-cut.o";
		std::ofstream(path, std::ios::binary | std::ios::trunc) << whole.substr(0, size);
		CHECK(refused(path).starts_with("object: failed to open /tmp/anyprobe-test-cut.o: "));
		unlink(path.c_str());
	}
}

// Numbers that lie, everywhere in the file: sizes, offsets, types. Whatever comes of it, no crash.
void a_damaged_object_is_no_crash()
{
	std::ifstream file(test_object("maps"), std::ios::binary);
	std::string whole((std::istreambuf_iterator<char>(file)), {});
	int ran = 0, refusals = 0;
	// libbpf (1.1) leaves the kernel's types behind where a relocation is damaged; the process ends anyway.
	setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
	for (size_t at = 0; at + 4 < whole.size(); at += 68) {
		std::string damaged = whole;
		damaged.replace(at, 4, "\xff\xff\xff\x7f");
		constexpr const char *path = "/tmp/anyprobe-test-damaged.o";
		std::ofstream(path, std::ios::binary | std::ios::trunc) << damaged;
		Run run = run_started({.arguments = {"anyprobe", "run", path, "-q", "-d", "0.01"}});
		unlink(path);
		CHECK(run.status == 0 || run.status == 1);
		CHECK_EQUAL(lines_in(run.err), run.status);
		(run.status ? refusals : ran)++;
	}
	unsetenv("ASAN_OPTIONS");
	CHECK(ran > 0 && refusals > 0);
}

// The object's program in the kernel's list of them, or somebody who uses our module.
int attached_now()
{
	int users = 0;
	std::ifstream("/sys/module/anyprobe/refcnt") >> users;
	return programs_named("handle_unlinkat") + (users > 0);
}

void nothing_stays_attached_after_kill_9()
{
	skip_with_engine("ftrace", "its probes outlive a kill -9; the next run sweeps them (suite ftrace)");
	std::string before = traced_probes();
	CHECK_EQUAL(attached_now(), 0);
	int attached = 0;
	for (int i = 0; i < 10; i++) {
		Anyprobe anyprobe({"run", test_object("ring")});
		attached += attached_now();
		sleep_seconds(0.002 * i);
		CHECK_EQUAL(anyprobe.finish(SIGKILL).status, 128 + SIGKILL);
	}
	CHECK_EQUAL(attached, 10);
	for (int waited = 0; waited < 100 && attached_now(); waited++) // freed after a grace period
		sleep_seconds(0.05);
	CHECK_EQUAL(attached_now(), 0);
	CHECK_EQUAL(traced_probes(), before);
}

void nothing_stays_attached_after_kill_9_while_it_starts()
{
	skip_with_engine("ftrace", "its probes outlive a kill -9; the next run sweeps them (suite ftrace)");
	std::string before = traced_probes();
	for (int i = 0; i < 10; i++) {
		Run run = run_started(
			{.arguments = {"anyprobe", "run", test_object("ring"), "-q"}, .kill_after = 0.003 * (i + 1)});
		CHECK_EQUAL(run.status, 128 + SIGKILL);
	}
	for (int waited = 0; waited < 100 && attached_now(); waited++)
		sleep_seconds(0.05);
	CHECK_EQUAL(attached_now(), 0);
	CHECK_EQUAL(traced_probes(), before);
}

const Suite suite{"run object",
		  {{"decodes records of a ring buffer", decodes_ring_buffer_records},
		   {"shows records as a table", shows_records_as_a_table},
		   {"decodes records of a perf buffer", decodes_perf_buffer_records},
		   {"decodes as the struct that is named", decodes_as_the_struct_that_is_named},
		   {"dumps maps at the end, equal to what was done", dumps_maps_at_the_end},
		   {"attaches kprobes by alternative names; hex without a type", attaches_kprobes_by_alternative_names},
		   {"attaches BTF-typed tracepoints", attaches_typed_tracepoints},
		   {"attaches uprobes by file and function", attaches_uprobes_by_file_and_function},
		   {"ends after the count", ends_after_the_count},
		   {"says what is wrong with an object, in one line", says_what_is_wrong_with_an_object},
		   {"refuses an object that is cut off anywhere", a_truncated_object_is_refused},
		   {"no crash on an object that is damaged anywhere", a_damaged_object_is_no_crash},
		   {"nothing stays attached after kill -9", nothing_stays_attached_after_kill_9},
		   {"nothing stays attached after kill -9 while it starts",
		    nothing_stays_attached_after_kill_9_while_it_starts}}};

} // namespace
