// SPDX-License-Identifier: GPL-2.0-only
#include "layer/options.h"
#include "capture.h"
#include "fake_run.h"
#include "layer/commands/sample_command.h"
#include "suite.h"

#include <CLI/CLI.hpp>
#include <memory>

namespace
{

struct Parsed {
	CommonOptions common;
	std::string text = "kept", error;
	int number = 7;
	uint64_t large = 0;
	double seconds = 0;
	bool flag = false;
	std::vector<std::string> list, rest;
	std::string help;
};

Parsed parse(std::vector<std::string> arguments)
{
	Parsed p;
	CLI::App app("a test", "test");
	Options o(app);
	o.flag("-x,--flag", p.flag, "a flag");
	o.value("--text", p.text, "TEXT", "a text");
	o.value("-N,--number", p.number, "NUMBER", "a number", 3);
	o.value("--large", p.large, "NUMBER", "a large one");
	o.value("-i,--interval", p.seconds, "SECONDS", "an interval");
	o.value("--list", p.list, "ITEM", "a list");
	o.arguments("REST", p.rest, "more", false);
	o.common(p.common);
	p.help = app.help();
	std::reverse(arguments.begin(), arguments.end());
	try {
		app.parse(arguments);
	} catch (const CLI::ParseError &error) {
		p.error = error.what();
	}
	return p;
}

void reads_the_common_options()
{
	Parsed p = parse({"-p", "12", "--comm", "some name", "-d", "2.5", "-n", "18446744073709551615", "-t",
			  "--output", "json", "--engine", "kernel", "--btf", "/a/file", "--explain", "-q"});
	CHECK_EQUAL(p.error, "");
	CHECK_EQUAL(p.common.pid, 12);
	CHECK_EQUAL(p.common.comm, "some name");
	CHECK(p.common.duration == 2.5);
	CHECK(p.common.count == UINT64_MAX);
	CHECK(p.common.time && p.common.explain && p.common.quiet);
	CHECK_EQUAL(p.common.output, "json");
	CHECK_EQUAL(p.common.engine, "kernel");
	CHECK_EQUAL(p.common.btf, "/a/file");
}

void has_long_names_for_them()
{
	Parsed p = parse({"--pid=12", "--duration=.5", "--count=3", "--time", "--quiet"});
	CHECK_EQUAL(p.error, "");
	CHECK_EQUAL(p.common.pid, 12);
	CHECK(p.common.duration == 0.5);
	CHECK_EQUAL(p.common.count, 3);
	CHECK(p.common.time && p.common.quiet);
}

void starts_with_what_is_documented()
{
	Parsed p = parse({});
	CHECK_EQUAL(p.common.engine, "auto");
	CHECK_EQUAL(p.common.output, "table");
	CHECK(p.common.btf.empty() && p.common.comm.empty());
	CHECK(p.common.duration == 0 && p.common.count == 0 && p.common.pid == 0);
	CHECK(!p.common.explain && !p.common.quiet && !p.common.time);
	CHECK_EQUAL(p.number, 7);
	CHECK_EQUAL(p.text, "kept");
	CHECK(p.help.find("NUMBER=7") != std::string::npos); // what a variable holds is told as the default
}

void reads_a_samples_own_options()
{
	Parsed p = parse({"-x", "--text", "", "-N3", "--large", "5000000000", "-i", "1e-3", "--list", "a", "b",
			  "--list", "c", "d"});
	CHECK_EQUAL(p.error, "");
	CHECK(p.flag);
	CHECK_EQUAL(p.text, "");
	CHECK_EQUAL(p.number, 3);
	CHECK(p.large == 5000000000);
	CHECK(p.seconds == 0.001);
	// One item each: what follows is an argument.
	CHECK(p.list == (std::vector<std::string>{"a", "c"}));
	CHECK(p.rest == (std::vector<std::string>{"b", "d"}));
}

void refuses_wrong_numbers()
{
	for (const char *wrong : {"0", "-1", "abc", "1.5", "", "99999999999", "12x", " 12", "0x10"}) {
		Parsed p = parse({"-p", wrong});
		CHECK(!p.error.empty());
		CHECK_EQUAL(p.common.pid, 0);
	}
	for (const char *wrong : {"0", "-5", "abc", "nan", "inf", "", "1e10", "2s"}) {
		CHECK(!parse({"-d", wrong}).error.empty());
		CHECK(!parse({"-i", wrong}).error.empty());
	}
	for (const char *wrong : {"0", "18446744073709551616", "-1", "1e3", ""})
		CHECK(!parse({"-n", wrong}).error.empty());
	CHECK(!parse({"-N", "2"}).error.empty()); // below this one's least
}

void says_what_is_wrong()
{
	CHECK_EQUAL(parse({"-p", "abc"}).error, "--pid: \"abc\" is no whole number from 1 on");
	CHECK_EQUAL(parse({"-d", "0"}).error, "--duration: \"0\" is no number of seconds above 0");
	CHECK_EQUAL(parse({"--output", "xml"}).error, "--output: \"xml\" is none of table|json");
	CHECK(parse({"--no-such"}).error.find("--no-such") != std::string::npos);
	CHECK(parse({"-d"}).error.find("--duration") != std::string::npos);
	for (auto arguments : {std::vector<std::string>{"-p", "abc"}, {"--output", "xml"}, {"--no-such"}, {"-d"}})
		CHECK_EQUAL(parse(arguments).error.find('\n'), std::string::npos);
}

// As the program does: exit status and the one line.
void check_command(const char *sample, std::vector<std::string> arguments, int status, const std::string &line)
{
	Capture err(stderr);
	int got = run_sample(*SampleEntry::find(sample), arguments);
	std::string text = err.text();
	CHECK_EQUAL(got, status);
	CHECK_EQUAL(text, line);
}

void a_wrong_command_line_gives_one_line_and_2()
{
	check_command("opensnoop", {"--comm", "sixteen letters!"}, 2,
		      "opensnoop: --comm sixteen letters!: the kernel keeps 15 characters of a name\n");
	check_command("opensnoop", {"-p", "2147483647"}, 2, "opensnoop: -p 2147483647: no such process\n");
	check_command("opensnoop", {"--btf", "/no/such/file"}, 2,
		      "opensnoop: --btf /no/such/file: No such file or directory\n");
	check_command("opensnoop", {"--engine", "steam"}, 2,
		      "opensnoop: no engine \"steam\": there are auto, kernel, module, ftrace\n");
	check_command("opensnoop", {"-d", "x"}, 2,
		      "opensnoop: --duration: \"x\" is no number of seconds above 0; see opensnoop --help\n");
	check_command("opensnoop", {"extra"}, 2,
		      "opensnoop: The following argument was not expected: extra; see opensnoop --help\n");
}

const Suite suite{"options",
		  {{"reads the common options", reads_the_common_options},
		   {"has long names for them", has_long_names_for_them},
		   {"starts with what is documented", starts_with_what_is_documented},
		   {"reads a sample's own options", reads_a_samples_own_options},
		   {"refuses wrong numbers", refuses_wrong_numbers},
		   {"says what is wrong, in one line", says_what_is_wrong},
		   {"a wrong command line gives one line and status 2", a_wrong_command_line_gives_one_line_and_2}}};

} // namespace
