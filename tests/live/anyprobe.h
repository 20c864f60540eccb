// SPDX-License-Identifier: GPL-2.0-only
// Live tests: run the real program beside a workload whose numbers the test knows, and compare.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <sys/types.h>
#include <vector>

using Json = nlohmann::json;

// What a finished anyprobe printed.
struct Run {
	int status = -1; // exit status; 128 + signal
	std::string out;
	std::string err;

	// The JSON lines of `out`.
	std::vector<Json> rows() const;
};

// anyprobe in the background. Constructing it returns when the programs are attached, or it has ended.
class Anyprobe {
	pid_t pid_ = -1;
	int out_ = -1, err_ = -1; // temporary files
	std::string written_to_err() const;

public:
	// Runs `anyprobe ARGUMENTS`, with --engine $ANYPROBE_ENGINE if that is set.
	explicit Anyprobe(std::vector<std::string> arguments);
	~Anyprobe();
	Anyprobe(const Anyprobe &) = delete;
	Anyprobe &operator=(const Anyprobe &) = delete;

	pid_t pid() const { return pid_; }
	// What it has printed so far.
	std::string out() const;
	// Waits until stdout has this many lines, or `seconds` have passed.
	void wait_for_lines(size_t lines, double seconds = 20);
	// Ends it with `signal` (0: waits until it ends by itself) and returns what it printed.
	Run finish(int signal);
};

// Runs to the end.
Run run_anyprobe(std::vector<std::string> arguments);

// Skips the case where `anyprobe doctor` says that no engine can run the sample here, after checking
// that the sample itself fails and says so.
void need_sample(const std::string &sample);

// Skips the case where the tests are run with that engine ($ANYPROBE_ENGINE), which cannot do it for this reason.
void skip_with_engine(const char *engine, const char *reason);

// A child that runs `work` and exits with its result; waited for. The pid may be wanted for comparing.
struct Child {
	pid_t pid;
	int status; // of wait(2)
};
Child run_child(int (*work)());
// Runs a program, found by its path, with these arguments (the first is argv[0]).
Child run_program(const std::string &path, std::vector<std::string> arguments);

// An administrator's tool: arguments[0] is its name. False: it failed, or is not there.
bool run_tool(const std::vector<std::string> &arguments);

// The path of the program under test.
std::string anyprobe_path();
// This test's own file, to be run again with arguments or probed.
std::string own_path();
void sleep_seconds(double seconds);
