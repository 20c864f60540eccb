// SPDX-License-Identifier: GPL-2.0-only
#include "layer/options.h"

#include <CLI/CLI.hpp>
#include <charconv>

namespace {

// What a variable holds is its option's default; 0 and "" stand for none, which --help need not show.
template <class T> CLI::Option *add(CLI::App &app, const char *names, T &value, const char *placeholder, const char *help)
{
	CLI::Option *option = app.add_option(names, value, help)->type_name(placeholder);
	return value == T() ? option : option->capture_default_str();
}

// A whole number from `least` on. CLI11's own ranges print both ends, of which one says nothing.
template <class T> CLI::Validator at_least(T least)
{
	return CLI::Validator(
		[least](std::string &text) {
			T number;
			auto [end, err] = std::from_chars(text.data(), text.data() + text.size(), number);
			if (err != std::errc() || end != text.data() + text.size() || number < least)
				return "\"" + text + "\" is no whole number from " + std::to_string(least) + " on";
			return std::string();
		},
		"");
}

} // namespace

void Options::flag(const char *names, bool &value, const char *help)
{
	app_.add_flag(names, value, help);
}

void Options::value(const char *names, std::string &value, const char *placeholder, const char *help)
{
	add(app_, names, value, placeholder, help);
}

void Options::value(const char *names, std::vector<std::string> &value, const char *placeholder, const char *help)
{
	app_.add_option(names, value, help)->type_name(placeholder)->expected(1)->allow_extra_args(false)->take_all();
}

void Options::value(const char *names, int &value, const char *placeholder, const char *help, int least)
{
	add(app_, names, value, placeholder, help)->check(at_least(least));
}

void Options::value(const char *names, uint64_t &value, const char *placeholder, const char *help, uint64_t least)
{
	add(app_, names, value, placeholder, help)->check(at_least(least));
}

void Options::value(const char *names, double &value, const char *placeholder, const char *help)
{
	add(app_, names, value, placeholder, help)
		->check(CLI::Validator(
			[](std::string &text) {
				double number;
				if (!CLI::detail::lexical_cast(text, number) || !(number > 0) || number > 1e9)
					return "\"" + text + "\" is no number of seconds above 0";
				return std::string();
			},
			""));
}

void Options::choice(const char *names, std::string &value, std::initializer_list<const char *> choices, const char *help)
{
	std::string list;
	std::vector<std::string> known(choices.begin(), choices.end());
	for (const std::string &choice : known)
		list += (list.empty() ? "" : "|") + choice;
	auto check = [known, list](std::string &text) {
		for (const std::string &choice : known)
			if (choice == text)
				return std::string();
		return "\"" + text + "\" is none of " + list;
	};
	add(app_, names, value, list.c_str(), help)->check(CLI::Validator(check, ""));
}

void Options::argument(const char *name, std::string &value, const char *help, bool required)
{
	app_.add_option(name, value, help)->required(required)->type_name("");
}

void Options::arguments(const char *name, std::vector<std::string> &value, const char *help, bool required)
{
	app_.add_option(name, value, help)->required(required)->type_name("");
}

void Options::common(CommonOptions &o)
{
	value("-p,--pid", o.pid, "PID", "only this process", 1);
	value("--comm", o.comm, "NAME", "only tasks of this name (15 characters at most)");
	value("-d,--duration", o.duration, "SECONDS", "end after so long; else at Ctrl-C");
	value("-n,--count", o.count, "COUNT", "end after so many rows or reports", 1);
	flag("-t,--time", o.time, "show when each event happened");
	choice("--output", o.output, {"table", "json"}, "an aligned table, or one JSON object a line");
	value("--engine", o.engine, "NAME", "which engine runs the programs; `doctor` lists them");
	value("--btf", o.btf, "FILE", "kernel types from this BTF file, where the kernel has none");
	flag("--explain", o.explain, "print what is really done: system calls, files, instructions");
	flag("-q,--quiet", o.quiet, "no notes on stderr but errors and lost events");
}
