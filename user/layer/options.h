// SPDX-License-Identifier: GPL-2.0-only
// Command line options: those that every sample has, and the door by which a sample adds its own.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

namespace CLI
{
class App;
}

struct CommonOptions {
	std::string engine = "auto";
	std::string btf;	      // a BTF file in place of the kernel's own; empty: none
	std::string output = "table"; // or "json"
	std::string comm;	      // only tasks of this name; empty: all
	double duration = 0;	      // seconds; 0: until Ctrl-C
	uint64_t count = 0;	      // rows (or reports); 0: no limit
	int pid = 0;		      // only this process; 0: all
	bool explain = false;
	bool quiet = false;
	bool time = false; // a column with the time of each event
};

// Where options are declared. `names` is "-x,--failed"; `value` keeps what it holds as the default;
// `placeholder` ("SECONDS") stands for the value in --help.
class Options {
	CLI::App &app_;

public:
	explicit Options(CLI::App &app) : app_(app) {}

	void flag(const char *names, bool &value, const char *help);
	void value(const char *names, std::string &value, const char *placeholder, const char *help);
	void value(const char *names, std::vector<std::string> &value, const char *placeholder, const char *help);
	// Whole numbers and seconds from `least` on.
	void value(const char *names, int &value, const char *placeholder, const char *help, int least = 0);
	void value(const char *names, uint64_t &value, const char *placeholder, const char *help, uint64_t least = 0);
	void value(const char *names, double &value, const char *placeholder, const char *help);
	void choice(const char *names, std::string &value, std::initializer_list<const char *> choices, const char *help);
	// An argument without a dash.
	void argument(const char *name, std::string &value, const char *help, bool required);
	void arguments(const char *name, std::vector<std::string> &value, const char *help, bool required);

	void common(CommonOptions &options);
};
