// SPDX-License-Identifier: GPL-2.0-only
#include "layer/output/man_page.h"
#include "capture.h"
#include "layer/commands/sample_command.h"
#include "memory_file.h"
#include "suite.h"

#include <algorithm>
#include <set>
#include <sstream>

namespace
{

void escapes_what_man_would_take_for_its_own()
{
	ManPage page("a-name", "what - it is");
	page.section("DESCRIPTION", ".starts with a dot\n'a quote\nC:\\dir -x\n\nA paragraph.");
	page.item("-x,--long", ".5 is a number");
	page.verbatim("EXAMPLE", "$ a -b\n.hidden\n");
	CHECK_EQUAL(page.text(),
		    ".TH A-NAME 1 \"\" \"anyprobe " ANYPROBE_VERSION "\"\n"
		    ".SH NAME\na\\-name \\- what \\- it is\n"
		    ".SH DESCRIPTION\n\\&.starts with a dot\n\\&'a quote\nC:\\edir \\-x\n.PP\nA paragraph.\n"
		    ".TP\n.B \\-x,\\-\\-long\n\\&.5 is a number\n"
		    ".SH EXAMPLE\n.nf\n$ a \\-b\n\\&.hidden\n.fi\n");
}

void wraps_words()
{
	CHECK_EQUAL(wrap("one two three", 7), "one two\nthree");
	CHECK_EQUAL(wrap("one two three", 8), "one two\nthree");
	CHECK_EQUAL(wrap("averylongword short", 5), "averylongword\nshort");
	CHECK_EQUAL(wrap("one\n\ntwo three", 5), "one\n\ntwo\nthree");
	CHECK_EQUAL(wrap("", 5), "");
	CHECK_EQUAL(wrap("  one   two", 80), "one two");
}

void indents_lines()
{
	CHECK_EQUAL(indent("a\n\nb", 2), "  a\n\n  b\n");
	CHECK_EQUAL(indent("a\n", 1), " a\n");
	CHECK_EQUAL(indent("", 2), "");
}

std::vector<const SampleEntry *> commands()
{
	auto all = sorted_samples();
	all.push_back(&run_object);
	return all;
}

// Every option that --help shows, as "-x,--long" at a line's start.
std::set<std::string> options_of_help(const std::string &help)
{
	std::set<std::string> options;
	std::istringstream lines(help);
	for (std::string line; std::getline(lines, line);) {
		size_t start = line.find_first_not_of(' ');
		if (start == 2 && line[start] == '-')
			options.insert(line.substr(start, line.find_first_of(" =", start) - start));
	}
	return options;
}

void help_and_manual_tell_the_same()
{
	for (const SampleEntry *entry : commands()) {
		SampleCommand command(*entry);
		std::string help = command.help(), manual = command.manual();
		std::string plain = manual;
		plain.erase(std::remove(plain.begin(), plain.end(), '\\'), plain.end());
		auto options = options_of_help(help);
		CHECK(options.size() >= 11); // the common ones
		for (const std::string &option : options)
			if (plain.find(".B " + option) == plain.npos)
				CHECK_EQUAL(option, fmt::format("an option in the manual of {}", entry->info.name));
		auto words = command.words();
		CHECK_EQUAL(words.size(), options.size());
		for (const Column &column : entry->info.columns) {
			CHECK(help.find(column.meaning) != help.npos);
			CHECK(plain.find(fmt::format(".B {}\n", column.name)) != plain.npos);
		}
		CHECK(manual.starts_with(".TH "));
		CHECK(help.find(entry->info.summary) != help.npos);
	}
}

void help_prints_and_ends_well()
{
	for (const SampleEntry *entry : commands()) {
		Capture out(stdout);
		int status = run_sample(*entry, std::vector<std::string>{"--help"});
		std::string text = out.text();
		CHECK_EQUAL(status, 0);
		CHECK_EQUAL(text, SampleCommand(*entry).help());
	}
}

void lines_of_help_fit_a_wide_terminal()
{
	for (const SampleEntry *entry : commands()) {
		std::string help = SampleCommand(*entry).help();
		std::istringstream lines(
			help.substr(0, help.find("\nExample:"))); // an example is what it really printed
		for (std::string line; std::getline(lines, line);)
			if (line.size() > 132)
				CHECK_EQUAL(line, fmt::format("{}: a shorter line", entry->info.name));
	}
}

std::string output_of(const std::string &shell)
{
	FILE *pipe = popen(shell.c_str(), "r");
	std::string text;
	char block[4096];
	for (size_t got; pipe && (got = fread(block, 1, sizeof(block), pipe)) > 0;)
		text.append(block, got);
	if (pipe && pclose(pipe) != 0)
		text += "(failed)";
	return text;
}

void groff_finds_nothing_to_warn_of()
{
	if (output_of("command -v groff").empty())
		skip("groff is not installed");
	for (const SampleEntry *entry : commands()) {
		MemoryFile page(SampleCommand(*entry).manual());
		CHECK_EQUAL(output_of("groff -man -ww -Tutf8 -z " + page.path_for_others() + " 2>&1"), "");
		std::string shown =
			output_of("groff -man -rLL=200n -Tascii -P-cbou " + page.path_for_others() + " 2>&1");
		std::istringstream words(shown);
		std::string text;
		for (std::string word; words >> word;)
			text += word + ' ';
		CHECK(text.find(fmt::format("anyprobe-{} - {}", entry->info.name, entry->info.summary)) != shown.npos);
		CHECK(shown.find("--explain") != shown.npos);
	}
	Capture out(stdout);
	int status = command_man({});
	MemoryFile page(out.text());
	CHECK_EQUAL(status, 0);
	CHECK_EQUAL(output_of("groff -man -ww -Tutf8 -z " + page.path_for_others() + " 2>&1"), "");
}

const Suite suite{"man_page",
		  {{"escapes what man(7) would take for its own", escapes_what_man_would_take_for_its_own},
		   {"wraps words", wraps_words},
		   {"indents lines", indents_lines},
		   {"help and manual tell the same", help_and_manual_tell_the_same},
		   {"--help prints, and ends well", help_prints_and_ends_well},
		   {"lines of help fit a wide terminal", lines_of_help_fit_a_wide_terminal},
		   {"groff finds nothing to warn of", groff_finds_nothing_to_warn_of}}};

} // namespace
