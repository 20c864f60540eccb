// SPDX-License-Identifier: GPL-2.0-only
#include "layer/output/output.h"
#include "capture.h"
#include "layer/output/command_line.h"
#include "layer/output/open_flags.h"
#include "suite.h"

#include <array>
#include <cmath>
#include <fcntl.h>
#include <nlohmann/json.hpp>

namespace
{

constexpr Column columns[] = {
	{"PID", 5, "right"}, {"COMM", -8, "left"}, {"RUNS BY", 6, "a name with a blank"}, {"PATH", 0, "the rest"}};

// What `print` writes to standard output.
std::string printed(std::unique_ptr<Output> output, auto print)
{
	Capture out(stdout);
	print(*output);
	output->flush();
	return out.text();
}

void aligns_a_table()
{
	std::string text = printed(table_output(), [](Output &o) {
		o.row(columns, Row() << 1 << "a" << 22 << "/path");
		o.row(columns, Row() << 1234567 << "longer than 8" << 3 << "");
		CHECK_EQUAL(o.rows(), 2);
	});
	CHECK_EQUAL(text, "  PID COMM     RUNS BY PATH\n"
			  "    1 a            22 /path\n"
			  "1234567 longer than 8      3\n");
}

void prints_the_head_once_a_section()
{
	std::string text = printed(table_output(), [](Output &o) {
		o.section(""); // before anything: no empty line
		o.row(columns, Row() << 1);
		o.row(columns, Row() << 2);
		o.section("again");
		o.row(columns, Row() << 3);
	});
	std::string head = "  PID COMM     RUNS BY PATH\n";
	CHECK_EQUAL(text, head + "    1\n    2\n\nagain\n" + head + "    3\n");
}

void keeps_control_characters_from_the_terminal()
{
	std::string text = printed(table_output(),
				   [](Output &o) { o.row(columns, Row() << 1 << "x" << 2 << "a\x1b[2Jb\nc\td\x7f"); });
	CHECK(text.ends_with("a\\x1b[2Jb\\x0ac\\x09d\\x7f\n"));
	CHECK_EQUAL(printable("\u00e4\u00f6 \xff"), "\u00e4\u00f6 \xff"); // UTF-8 stays
}

void writes_json_that_others_can_read()
{
	using namespace std::literals;
	std::string nasty = "quote\" back\\slash \x01\x1f\x7f \n\t invalid \xff\xc3( \xed\xa0\x80 nul \0 end"s;
	std::string text =
		printed(json_output(), [&](Output &o) { o.row(columns, Row() << -1 << nasty << true << UINT64_MAX); });
	CHECK_EQUAL(std::count(text.begin(), text.end(), '\n'), 1);
	auto row = nlohmann::json::parse(text, nullptr, false);
	REQUIRE(!row.is_discarded());
	CHECK_EQUAL(row["pid"].get<int>(), -1);
	CHECK(row["runs_by"] == true);
	CHECK(row["path"].get<uint64_t>() == UINT64_MAX);
	std::string comm = row["comm"];
	CHECK(comm.starts_with("quote\" back\\slash \x01\x1f\x7f \n\t invalid \ufffd"));
	CHECK(comm.ends_with(" nul \0 end"s));
	CHECK_EQUAL(comm.find('\xff'), std::string::npos);
}

void json_has_no_more_than_its_columns()
{
	std::string text = printed(json_output(), [](Output &o) {
		o.row(std::span(columns).first(1), Row() << 1 << "beyond");
		o.section("nothing");
		o.row(columns, Row() << 2);
	});
	CHECK_EQUAL(text, "{\"pid\":1}\n{\"pid\":2}\n");
}

void shows_histograms_in_both_forms()
{
	std::array<uint32_t, 4> slots{0, 2, 0, 4};
	Histogram histogram = Histogram::log2("usecs", slots);
	Row key;
	key << 12;
	std::string table = printed(table_output(), [&](Output &o) {
		o.histogram("pid 12 (a\x1b)", std::span(columns).first(1), key, histogram);
	});
	CHECK_EQUAL(table, "pid 12 (a\\x1b)\n" + histogram.draw() + "\n");
	CHECK_EQUAL(printed(json_output(),
			    [&](Output &o) { o.histogram("", std::span(columns).first(1), key, histogram); }),
		    "{\"pid\":12,\"unit\":\"usecs\",\"count\":6,\"buckets\":[{\"low\":2,\"high\":3,\"count\":2},"
		    "{\"low\":4,\"high\":7,\"count\":0},{\"low\":8,\"high\":15,\"count\":4}]}\n");
	CHECK_EQUAL(printed(json_output(), [&](Output &o) { o.histogram("", {}, {}, histogram); }).substr(0, 15),
		    "{\"unit\":\"usecs\"");
}

void remembers_why_it_could_not_write()
{
	UniqueFd kept(dup(1)), full(open("/dev/full", O_WRONLY | O_CLOEXEC));
	REQUIRE(full);
	auto output = table_output();
	fflush(stdout);
	dup2(full.get(), 1);
	for (int i = 0; i < 10000; i++)
		output->row(columns, Row() << i);
	bool flushed = output->flush();
	// What stdio still holds must not come out later.
	dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), 1);
	fflush(stdout);
	dup2(kept.get(), 1);
	clearerr(stdout);
	CHECK(!flushed);
	CHECK_EQUAL(output->failure(), ENOSPC);
}

void numbers_and_results()
{
	CHECK_EQUAL(cell(1.005, 1).text, "1.0");
	CHECK_EQUAL(cell(2.0 / 3).text, "0.67");
	CHECK(nlohmann::json::parse(cell(2.0 / 3).json).get<double>() == 2.0 / 3);
	CHECK_EQUAL(cell(NAN).json, "null");
	CHECK_EQUAL(cell(INFINITY).text, "-");
	CHECK_EQUAL(cell(INT64_MIN).text, "-9223372036854775808");
	CHECK_EQUAL(cell(ReturnValue{-ENOENT}).text, "ENOENT");
	CHECK_EQUAL(cell(ReturnValue{-ENOENT}).json, "-2");
	CHECK_EQUAL(cell(ReturnValue{3}).text, "3");
	CHECK_EQUAL(cell(ReturnValue{0}).text, "0");
	CHECK_EQUAL(cell(ReturnValue{-4095}).text, "-4095"); // no name
	CHECK_EQUAL(cell(ReturnValue{-100000}).text, "-100000");
	CHECK_EQUAL(cell(ReturnValue{-EWOULDBLOCK}).text, "EAGAIN");
	CHECK_EQUAL(cell(true).text + cell(false).json, "yesfalse");
}

void a_kernels_char_array_ends_at_its_nul()
{
	struct {
		char comm[4] = {'a', 'b', 0, 'x'}, full[4] = {'f', 'u', 'l', 'l'};
	} event;
	Row row;
	row << event.comm << event.full;
	CHECK_EQUAL(row.cells()[0].text, "ab");
	CHECK_EQUAL(row.cells()[1].text, "full");
}

void names_open_flags()
{
	CHECK_EQUAL(open_flags(O_RDONLY).text, "RDONLY");
	CHECK_EQUAL(open_flags(O_RDONLY | O_CLOEXEC).text, "RDONLY|CLOEXEC");
	CHECK_EQUAL(open_flags(O_WRONLY | O_CREAT | O_TRUNC).text, "WRONLY|CREAT|TRUNC");
	CHECK_EQUAL(open_flags(O_RDWR | O_SYNC).text, "RDWR|SYNC"); // holds O_DSYNC
	CHECK_EQUAL(open_flags(O_RDWR | O_DSYNC).text, "RDWR|DSYNC");
	CHECK_EQUAL(open_flags(O_RDWR | O_TMPFILE).text, "RDWR|TMPFILE"); // holds O_DIRECTORY
	CHECK_EQUAL(open_flags(O_DIRECTORY | O_PATH).text, "RDONLY|DIRECTORY|PATH");
	CHECK_EQUAL(open_flags(3).text, "NOACCESS");
	CHECK_EQUAL(open_flags(0x80000000).text, "RDONLY|0x80000000");
	CHECK_EQUAL(open_flags(O_RDONLY | O_CLOEXEC).json, std::to_string(O_CLOEXEC));
	CHECK_EQUAL(open_flags(0x80000000).json, "2147483648");
}

void writes_command_lines_as_a_shell_takes_them()
{
	using Arguments = std::vector<std::string_view>;
	Cell cell = command_line(Arguments{"sh", "-c", "echo \"a b\"", "it's", "", "x=$HOME"}, false);
	CHECK_EQUAL(cell.text, "sh -c 'echo \"a b\"' 'it'\\''s' '' 'x=$HOME'");
	CHECK_EQUAL(cell.json, R"(["sh","-c","echo \"a b\"","it's","","x=$HOME"])");
	CHECK_EQUAL(command_line(Arguments{"ls"}, true).text, "ls ...");
	CHECK_EQUAL(command_line(Arguments{"ls"}, true).json, "[\"ls\"]");
	CHECK_EQUAL(command_line(Arguments{}, false).json, "[]");
	CHECK_EQUAL(command_line(Arguments{"a\nb"}, false).text, "'a\\x0ab'");
	CHECK_EQUAL(command_line(Arguments{"~", "*", "\xff"}, false).text, "'~' '*' '\xff'");
	CHECK_EQUAL(command_line(Arguments{"\xff"}, false).json, "[\"\ufffd\"]");
}

const Suite suite{"output",
		  {{"aligns a table", aligns_a_table},
		   {"prints the head once a section", prints_the_head_once_a_section},
		   {"keeps control characters from the terminal", keeps_control_characters_from_the_terminal},
		   {"writes JSON that others can read, whatever the text", writes_json_that_others_can_read},
		   {"JSON has no more than its columns", json_has_no_more_than_its_columns},
		   {"shows histograms in both forms", shows_histograms_in_both_forms},
		   {"remembers why it could not write", remembers_why_it_could_not_write},
		   {"numbers and results", numbers_and_results},
		   {"a kernel's char array ends at its NUL", a_kernels_char_array_ends_at_its_nul},
		   {"names the flags of open(2)", names_open_flags},
		   {"writes command lines as a shell takes them", writes_command_lines_as_a_shell_takes_them}}};

} // namespace
