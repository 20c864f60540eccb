// SPDX-License-Identifier: GPL-2.0-only
// What people do wrong, and what happens to a run from outside.
#include "../suite.h"
#include "started.h"

#include <sys/wait.h>
#include <algorithm>
#include <csignal>
#include <ctime>
#include <fcntl.h>
#include <fstream>
#include <sstream>
#include <unistd.h>

namespace
{

constexpr uid_t nobody = 65534;
constexpr int opens = 40;

Run anyprobe(std::vector<std::string> arguments)
{
	arguments.insert(arguments.begin(), "anyprobe");
	return run_started({.arguments = std::move(arguments)});
}

// Status 2, nothing on stdout, and this one line.
void check_usage(std::vector<std::string> arguments, const std::string &line)
{
	Run run = anyprobe(std::move(arguments));
	CHECK_EQUAL(run.status, 2);
	CHECK_EQUAL(run.out, "");
	CHECK_EQUAL(run.err, line + "\n");
}

int open_files()
{
	for (int i = 0; i < opens; i++)
		open(fmt::format("/nonexistent/{}", i).c_str(), O_RDONLY);
	return 0;
}

std::vector<std::string> samples()
{
	std::vector<std::string> names;
	std::istringstream lines(anyprobe({"list"}).out);
	for (std::string line; std::getline(lines, line);)
		names.push_back(line.substr(0, line.find(' ')));
	return names;
}

void names_what_is_wrong()
{
	check_usage({"opensnop"}, "anyprobe: no sample or command \"opensnop\" (did you mean opensnoop?); `anyprobe "
				  "list` shows the samples");
	check_usage({"xyzzy-nothing-like-it"},
		    "anyprobe: no sample or command \"xyzzy-nothing-like-it\"; `anyprobe list` shows the samples");
	check_usage({"opensnoop", "--no-such"},
		    "opensnoop: The following argument was not expected: --no-such; see opensnoop --help");
	check_usage({"opensnoop", "-d", "soon"},
		    "opensnoop: --duration: \"soon\" is no number of seconds above 0; see opensnoop --help");
	check_usage({"opensnoop", "-n", "-1"},
		    "opensnoop: --count: \"-1\" is no whole number from 1 on; see opensnoop --help");
	check_usage({"opensnoop", "--output", "xml"},
		    "opensnoop: --output: \"xml\" is none of table|json; see opensnoop --help");
	check_usage({"opensnoop", "--comm", "a name of 16 let"},
		    "opensnoop: --comm a name of 16 let: the kernel keeps 15 characters of a name");
	check_usage({"opensnoop", "-p", "2147483647"}, "opensnoop: -p 2147483647: no such process");
	check_usage({"opensnoop", "--btf", "/nonexistent"}, "opensnoop: --btf /nonexistent: No such file or directory");
	check_usage({"list", "too", "much"}, "anyprobe: list takes no arguments");
	check_usage({"doctor", "--output", "xml"}, "anyprobe: doctor takes no arguments but --output json and --engine NAME");
	check_usage({"man", "no-such"}, "anyprobe: no sample \"no-such\"; `anyprobe list` shows them");
	check_usage({"run"}, "run: OBJECT is required; see run --help");
	Run engine = anyprobe({"opensnoop", "--engine", "steam"});
	CHECK_EQUAL(engine.status, 2);
	CHECK(engine.err.starts_with("opensnoop: no engine \"steam\": there are auto, kernel"));
	Run none = anyprobe({});
	CHECK_EQUAL(none.status, 2);
	CHECK(none.out.find("anyprobe list") != none.out.npos);
}

void commands_that_need_no_privilege()
{
	for (std::vector<std::string> arguments : {std::vector<std::string>{"list"},
						   {"help"},
						   {"--help"},
						   {"version"},
						   {"man"},
						   {"complete"},
						   {"man", "opensnoop"},
						   {"complete", "opensnoop"},
						   {"opensnoop", "--help"}}) {
		arguments.insert(arguments.begin(), "anyprobe");
		Run run = run_started({.arguments = arguments, .user = nobody});
		CHECK_EQUAL(run.status, 0);
		CHECK_EQUAL(run.err, "");
		CHECK(!run.out.empty());
	}
	CHECK(samples().size() >= 8);
	Run complete = anyprobe({"complete"});
	for (const std::string &name : samples())
		CHECK(complete.out.find(name + "\n") != complete.out.npos);
	Run words = anyprobe({"complete", "opensnoop"});
	for (const char *word : {"--failed\n", "--output\n", "--explain\n"})
		CHECK(words.out.find(word) != words.out.npos);
	CHECK_EQUAL(anyprobe({"--version"}).out, anyprobe({"version"}).out);
}

void without_root_it_says_so()
{
	Run run = run_started({.arguments = {"anyprobe", "opensnoop", "-q", "-d", "1"}, .user = nobody});
	CHECK_EQUAL(run.status, 1);
	CHECK_EQUAL(run.out, "");
	CHECK_EQUAL(lines_in(run.err), 1);
	CHECK(run.err.find("run as root (sudo)") != run.err.npos);
	// Where everybody may make maps, they may not trace all the same. Only in a guest: it is a machine's safety.
	constexpr const char *setting = "/proc/sys/kernel/unprivileged_bpf_disabled";
	std::string kept;
	std::getline(std::ifstream(setting), kept);
	if (kept == "2" && access("/vm/command", F_OK) == 0) { // 1 cannot be changed
		std::ofstream(setting) << "0\n";
		Run allowed = run_started({.arguments = {"anyprobe", "opensnoop", "-q", "-d", "1"}, .user = nobody});
		std::ofstream(setting) << kept << "\n";
		CHECK_EQUAL(allowed.status, 1);
		CHECK_EQUAL(allowed.err, run.err);
	}
	Run doctor = run_started({.arguments = {"anyprobe", "doctor"}, .user = nobody});
	CHECK_EQUAL(doctor.status, 1);
	CHECK(doctor.out.find("run as root (sudo)") != doctor.out.npos);
	CHECK_EQUAL(doctor.err, "");
}

void called_by_a_samples_name_it_is_that_sample()
{
	Run help = run_started({.arguments = {"/some/where/opensnoop", "--help"}});
	CHECK_EQUAL(help.out, anyprobe({"opensnoop", "--help"}).out);
	Run run = run_started({.arguments = {"opensnoop", "-d", "nope"}});
	CHECK_EQUAL(run.status, 2);
	CHECK(run.err.starts_with("opensnoop: "));
}

void doctor_knows_every_sample()
{
	Run run = anyprobe({"doctor", "--output", "json"});
	CHECK_EQUAL(run.status, 0);
	std::vector<std::string> known;
	int engines = 0, features = 0;
	for (const Json &row : run.rows()) {
		if (row.contains("sample"))
			known.push_back(row["sample"]);
		engines += row.contains("engine");
		features += row.contains("feature");
	}
	CHECK(known == samples());
	CHECK(engines >= 1);
	CHECK(features >= 20);
	std::string table = anyprobe({"doctor"}).out;
	for (const char *head : {"ENGINE ", "\nFEATURE ", "\nSAMPLE "})
		CHECK(table.find(head) != table.npos);
}

std::vector<std::string> arguments_of(const std::string &sample)
{
	if (sample == "funclatency")
		return {own_path() + ":main"};
	if (sample == "usdt")
		return {own_path()};
	return {};
}

void json_lines_parse_for_every_sample()
{
	for (const std::string &sample : samples()) {
		std::vector<std::string> arguments = {sample, "--output", "json", "-d", "1"};
		auto own = arguments_of(sample);
		arguments.insert(arguments.end(), own.begin(), own.end());
		Anyprobe run(arguments);
		run_child(open_files);
		Run done = run.finish(0);
		if (done.status != 0) // not here: then need_sample() of its own test looks at it
			CHECK(done.err.find("this kernel has no") != std::string::npos);
		for (const Json &row : done.rows()) // checks that each line parses
			CHECK(row.is_object());
	}
}

void a_full_disk_is_one_line()
{
	need_sample("opensnoop");
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	REQUIRE(full >= 0);
	std::vector<std::vector<std::string>> commands = {{"list"}, {"help"}, {"man"}, {"complete"}, {"doctor"}};
	for (const std::string &sample : samples()) // some of these texts are longer than stdio's buffer
		commands.push_back({"man", sample});
	for (std::vector<std::string> arguments : commands) {
		arguments.insert(arguments.begin(), "anyprobe");
		Run run = run_started({.arguments = arguments, .out = full});
		CHECK_EQUAL(run.status, 1);
		CHECK_EQUAL(run.err, "anyprobe: failed to write standard output: No space left on device\n");
	}
	pid_t opener = fork();
	while (opener == 0) {
		close(open("/dev/null", O_RDONLY));
		sleep_seconds(0.02);
	}
	Run run = run_started({.arguments = {"anyprobe", "opensnoop", "-q", "-d", "3"}, .out = full});
	kill(opener, SIGKILL);
	waitpid(opener, nullptr, 0);
	CHECK_EQUAL(run.status, 1);
	CHECK_EQUAL(run.err, "opensnoop: failed to write standard output: No space left on device\n");
	Run report = run_started({.arguments = {"anyprobe", "forkcount", "-q", "-i", "0.2", "-d", "1"}, .out = full});
	CHECK_EQUAL(report.status, 1);
	CHECK_EQUAL(report.err, "forkcount: failed to write standard output: No space left on device\n");
	close(full);
}

void a_closed_pipe_ends_it_quietly()
{
	need_sample("opensnoop");
	int ends[2];
	REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
	close(ends[0]);
	for (const char *sample : {"opensnoop", "syscount"}) {
		timespec before, after;
		clock_gettime(CLOCK_MONOTONIC, &before);
		Run run = run_started({.arguments = {"anyprobe", sample, "-q", "-d", "30"}, .out = ends[1]});
		clock_gettime(CLOCK_MONOTONIC, &after);
		CHECK_EQUAL(run.status, 128 + SIGPIPE);
		CHECK_EQUAL(run.err, "");
		CHECK(after.tv_sec - before.tv_sec < 20); // it does not wait for its first row
	}
	Run list = run_started({.arguments = {"anyprobe", "list"}, .out = ends[1]});
	CHECK_EQUAL(list.status, 128 + SIGPIPE);
	CHECK_EQUAL(list.err, "");
	close(ends[1]);
}

void ctrl_c_and_sigterm_end_it_well()
{
	need_sample("opensnoop");
	for (int signal : {SIGINT, SIGTERM}) {
		Anyprobe stream({"opensnoop", "-p", std::to_string(getpid())});
		open_files();
		stream.wait_for_lines(opens + 1);
		Run run = stream.finish(signal);
		CHECK_EQUAL(run.status, 0);
		CHECK_EQUAL(lines_in(run.out), opens + 1);
		CHECK(run.err.find(fmt::format("opensnoop: {} events in ", opens)) != run.err.npos);
		CHECK(run.err.find(" s, 0 lost\n") != run.err.npos);
		Anyprobe report({"syscount", "--output", "json"});
		open_files();
		run = report.finish(signal);
		CHECK_EQUAL(run.status, 0);
		CHECK(run.rows().size() > 0);
	}
}

// How many of the rows are open_files()'s: the test opens files of its own.
long counted(const Run &run)
{
	long count = 0;
	for (const Json &row : run.rows())
		count += row["path"].get<std::string>().starts_with("/nonexistent/");
	return count;
}

void two_runs_do_not_disturb_each_other()
{
	need_sample("opensnoop");
	Anyprobe first({"opensnoop", "-p", std::to_string(getpid()), "--output", "json"});
	Anyprobe second({"opensnoop", "-p", std::to_string(getpid()), "--output", "json"});
	open_files();
	first.wait_for_lines(opens);
	second.wait_for_lines(opens);
	CHECK_EQUAL(counted(first.finish(SIGINT)), opens);
	open_files(); // the other one is still there
	second.wait_for_lines(2 * opens);
	CHECK_EQUAL(counted(second.finish(SIGINT)), 2 * opens);
}

void ends_by_count_and_by_time()
{
	need_sample("opensnoop");
	Anyprobe counted({"opensnoop", "-n", "7", "-p", std::to_string(getpid()), "--output", "json"});
	open_files();
	Run run = counted.finish(0);
	CHECK_EQUAL(run.status, 0);
	CHECK_EQUAL(run.rows().size(), 7);
	Anyprobe timed({"forkcount", "-d", "1.5", "-i", "0.5", "--output", "json"});
	timespec before, after;
	clock_gettime(CLOCK_MONOTONIC, &before);
	run = timed.finish(0);
	clock_gettime(CLOCK_MONOTONIC, &after);
	double seconds = static_cast<double>(after.tv_sec - before.tv_sec) +
			 static_cast<double>(after.tv_nsec - before.tv_nsec) / 1e9;
	CHECK_EQUAL(run.status, 0);
	CHECK(seconds > 1.2);
	CHECK(run.rows().size() >= 3);
	Anyprobe reports({"forkcount", "-i", "0.2", "-n", "3", "--output", "json"});
	CHECK_EQUAL(reports.finish(0).rows().size(), 3);
}

void explains_what_it_does()
{
	need_sample("opensnoop");
	Run run = run_anyprobe({"opensnoop", "-n", "1", "-d", "1", "--explain"});
	CHECK_EQUAL(run.status, 0);
	CHECK(run.err.find("explain: bpf(BPF_MAP_CREATE: ") != run.err.npos);
	if (run.err.find("engine kernel") != run.err.npos) // the others attach otherwise
		CHECK(run.err.find("explain: perf_event_open({type=2 (tracepoint)") != run.err.npos);
	CHECK(run.err.find("explain: attached program enter_openat to tracepoint syscalls/sys_enter_openat\n") !=
	      run.err.npos);
	// Each program is listed from its first to its last instruction.
	std::istringstream lines(run.err);
	int programs = 0, wanted = -1, last = -1;
	bool named = false;
	auto finish_program = [&] {
		if (named) {
			CHECK_EQUAL(last, wanted - 1);
			programs++;
		}
	};
	for (std::string line; std::getline(lines, line);) {
		int count, index;
		char name[64];
		if (sscanf(line.c_str(), "explain: bpf(BPF_PROG_LOAD: tracepoint \"%63[a-z0-9_]\", %d instructions",
			   name, &count) == 2) {
			finish_program();
			named = std::string(name).find("libbpf") == std::string::npos;
			wanted = count;
			last = -1;
		} else if (sscanf(line.c_str(), "explain:   %d: ", &index) == 1) {
			CHECK(index > last);
			last = index;
		}
	}
	finish_program();
	CHECK(programs >= 2);
	Run quiet = run_anyprobe({"opensnoop", "-n", "1", "-d", "1"});
	CHECK_EQUAL(quiet.err.find("explain"), std::string::npos);
	CHECK_EQUAL(quiet.err.find("libbpf"), std::string::npos);
}

void says_which_engine_and_why()
{
	need_sample("opensnoop");
	Run run = run_anyprobe({"opensnoop", "-d", "0.1"});
	for (const Json &row : run_anyprobe({"doctor", "--output", "json"}).rows())
		if (row.value("sample", "") == "opensnoop")
			CHECK_EQUAL(run.err.substr(0, run.err.find('\n')),
				    "opensnoop: engine " + row["runs_by"].get<std::string>() + ": " + row["why"].get<std::string>());
	CHECK_EQUAL(run_anyprobe({"opensnoop", "-d", "0.1", "-q"}).err, "");
}

// This kernel's own types, whole and cut, fit it; cut off, they are refused.
void checks_types()
{
	const std::string own = "/sys/kernel/btf/vmlinux", cut = "/tmp/btf-test-" + std::to_string(getpid());
	if (access(own.c_str(), R_OK) != 0)
		skip("this kernel carries no types");
	Run whole = run_started({.arguments = {"anyprobe", "btf", "check", own}});
	CHECK_EQUAL(whole.status, 0);
	CHECK(whole.out.find("execsnoop    yes") != whole.out.npos);
	CHECK(whole.out.find("fits this kernel") != whole.out.npos);
	CHECK_EQUAL(run_started({.arguments = {"anyprobe", "btf", "check", cut}}).status, 1); // not there yet
	CHECK_EQUAL(run_started({.arguments = {"anyprobe", "btf", "cut", own, "-o", cut}}).status, 0);
	CHECK_EQUAL(run_started({.arguments = {"anyprobe", "btf", "check", cut}}).status, 0);
	Run traced = run_anyprobe({"execsnoop", "--btf", cut, "-d", "0.1"});
	CHECK_EQUAL(traced.status, 0);
	truncate(cut.c_str(), 100);
	Run damaged = run_started({.arguments = {"anyprobe", "btf", "check", cut}});
	CHECK_EQUAL(damaged.status, 1);
	CHECK_EQUAL(lines_in(damaged.err), 1);
	unlink(cut.c_str());
	for (const std::vector<std::string> &wrong :
	     {std::vector<std::string>{"anyprobe", "btf"}, {"anyprobe", "btf", "make"}, {"anyprobe", "btf", "cut", own}})
		CHECK_EQUAL(run_started({.arguments = wrong}).status, 2);
}

const Suite suite{"command line",
		  {{"names what is wrong in one line, status 2", names_what_is_wrong},
		   {"commands that need no privilege", commands_that_need_no_privilege},
		   {"without root it says so", without_root_it_says_so},
		   {"called by a sample's name it is that sample", called_by_a_samples_name_it_is_that_sample},
		   {"doctor knows every sample", doctor_knows_every_sample},
		   {"JSON lines parse for every sample", json_lines_parse_for_every_sample},
		   {"a full disk is one line, status 1", a_full_disk_is_one_line},
		   {"a closed pipe ends it quietly", a_closed_pipe_ends_it_quietly},
		   {"Ctrl-C and SIGTERM end it with report and summary", ctrl_c_and_sigterm_end_it_well},
		   {"two runs do not disturb each other", two_runs_do_not_disturb_each_other},
		   {"ends by count and by time", ends_by_count_and_by_time},
		   {"--explain shows calls and instructions", explains_what_it_does},
		   {"says which engine, and why", says_which_engine_and_why},
		   {"kernel types are checked, cut, and refused when damaged", checks_types}}};

} // namespace
