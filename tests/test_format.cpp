// SPDX-License-Identifier: GPL-2.0-only
// What events/CATEGORY/NAME/format says, on kernels of fifteen years.
#include "ftrace/format.h"
#include "plan_case.h"

#include <fmt/format.h>

namespace
{

Format parsed(const std::string &file)
{
	auto format = parse_format(recorded_format(file));
	if (!format)
		CHECK_EQUAL(format.error().message, "a format");
	return format ? *format : Format{};
}

// "name type offset+size", with s for signed, d for data elsewhere in the record, xN for N elements.
std::string shown(const Field *field)
{
	if (!field)
		return "none";
	return fmt::format("{} `{}` {}+{}{}{}{}", field->name, field->type, field->offset, field->size,
			   field->is_signed ? "s" : "", field->data_loc ? "d" : "",
			   field->count ? fmt::format("x{}", field->count) : "");
}

void reads_a_headers_length()
{
	CHECK_EQUAL(parsed("rhel6/sys_enter_open").header_size(), 12);
	CHECK_EQUAL(parsed("rhel7/sys_enter_open").header_size(), 8);
	CHECK_EQUAL(parsed("6.1/sys_enter_openat").header_size(), 8);
	CHECK_EQUAL(parsed("rhel6/sys_enter_open").common.size(), 5);
}

void reads_fields()
{
	Format format = parsed("6.1/task_newtask");
	CHECK_EQUAL(format.name, "task_newtask");
	CHECK(format.id > 0);
	CHECK_EQUAL(shown(format.find("pid")), "pid `pid_t` 8+4s");
	CHECK_EQUAL(shown(format.find("comm")), "comm `char[16]` 12+16sx16");
	CHECK_EQUAL(shown(format.find("clone_flags")), "clone_flags `unsigned long` 32+8");
	CHECK_EQUAL(shown(format.find("common_pid")), "common_pid `int` 4+4s");
	CHECK_EQUAL(shown(format.find("nothing")), "none");
	CHECK_EQUAL(shown(format.at(32, 8)), "clone_flags `unsigned long` 32+8");
	CHECK(!format.at(32, 4));
	CHECK_EQUAL(shown(parsed("6.1/sys_enter_openat").find("filename")), "filename `const char *` 24+8");
	CHECK_EQUAL(shown(parsed("6.1/inet_sock_set_state").find("saddr_v6")), "saddr_v6 `__u8[16]` 40+16x16");
	CHECK_EQUAL(parsed("6.1/inet_sock_set_state").size(), 72);
}

void reads_fields_that_are_not_aligned()
{
	Format format = parsed("rhel6/kprobe");
	CHECK_EQUAL(shown(format.find("a1")), "a1 `__data_loc char[]` 32+4d");
	CHECK_EQUAL(shown(format.find("a2")), "a2 `u64` 36+8");
	CHECK(format.find("a1")->is_string() && !format.find("a2")->is_string());
	CHECK_EQUAL(format.size(), 44);
}

void reads_lines_without_a_sign()
{
	auto format =
		parse_format("name: old\nID: 7\nformat:\n\tfield:unsigned short common_type;\toffset:0;\tsize:2;\n\n"
			     "\tfield:char prev_comm[TASK_COMM_LEN];\toffset:12;\tsize:16;\n\nprint fmt: \"\"\n");
	REQUIRE(format);
	CHECK_EQUAL(shown(format->find("prev_comm")), "prev_comm `char[TASK_COMM_LEN]` 12+16x16");
}

void refuses_what_is_no_format()
{
	auto message = [](const char *text) {
		auto format = parse_format(text);
		return format ? "a format" : format.error().message;
	};
	CHECK_EQUAL(message(""), "format: failed to read an event's format: it has no name or no common fields");
	CHECK_EQUAL(message("name: x\nID: 1\nformat:\n\tfield:int common_pid; offset:x; size:4;\n"),
		    "format: failed to read `field:int common_pid; offset:x; size:4;`: not a field's line");
	CHECK_EQUAL(message("name: x\nID: many\n"), "format: failed to read `ID: many`: no number");
}

const Suite suite("format", {
				    {"reads a header's length", reads_a_headers_length},
				    {"reads fields", reads_fields},
				    {"reads fields that are not aligned", reads_fields_that_are_not_aligned},
				    {"reads lines without a sign", reads_lines_without_a_sign},
				    {"refuses what is no format", refuses_what_is_no_format},
			    });

} // namespace
