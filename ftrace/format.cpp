// SPDX-License-Identifier: GPL-2.0-only
#include "ftrace/format.h"

#include <charconv>
#include <fmt/format.h>

namespace {

std::string_view trim(std::string_view text)
{
	size_t first = text.find_first_not_of(" \t\r");
	if (first == text.npos)
		return {};
	return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

// The number behind `key` ("offset:") up to the next ';'.
bool read_number(std::string_view line, std::string_view key, unsigned &number)
{
	size_t at = line.find(key);
	if (at == line.npos)
		return false;
	std::string_view rest = trim(line.substr(at + key.size()));
	return std::from_chars(rest.data(), rest.data() + rest.size(), number).ec == std::errc();
}

// "__data_loc char[] name", "unsigned char comm[16]", "const char * filename", "char (*name)[2]".
void read_declaration(std::string_view text, Field &field)
{
	field.data_loc = text.starts_with("__data_loc") || text.starts_with("__rel_loc");
	size_t bracket = text.ends_with("]") ? text.rfind('[') : text.npos;
	std::string_view before = trim(text.substr(0, bracket));
	size_t name = before.find_last_of(" \t*");
	// "__data_loc char[] name": the bracket belongs to the type.
	if (bracket == text.npos) {
		field.name = name == before.npos ? before : before.substr(name + 1);
		field.type = trim(before.substr(0, name == before.npos ? 0 : name + 1));
		return;
	}
	std::string_view count = text.substr(bracket + 1);
	std::from_chars(count.data(), count.data() + count.size(), field.count);
	field.name = name == before.npos ? before : before.substr(name + 1);
	field.type = fmt::format("{}[{}]", trim(before.substr(0, name == before.npos ? 0 : name + 1)),
				 trim(count.substr(0, count.size() - 1)));
}

// A "field:DECLARATION; offset:N; size:N; signed:N;" line. Kernels before 2.6.33 do not write the sign.
bool read_field(std::string_view line, Field &field)
{
	size_t end = line.find(';');
	unsigned is_signed = 0;
	if (end == line.npos || !read_number(line.substr(end), "offset:", field.offset) ||
	    !read_number(line.substr(end), "size:", field.size))
		return false;
	read_number(line.substr(end), "signed:", is_signed);
	field.is_signed = is_signed != 0;
	read_declaration(trim(line.substr(0, end)), field);
	// A count that is a macro's name ("[TASK_COMM_LEN]") is told by the size, where elements are bytes.
	if (!field.count && !field.data_loc && field.is_string())
		field.count = field.size;
	return !field.name.empty();
}

} // namespace

bool Field::is_string() const
{
	return type.find("char[") != type.npos;
}

const Field *Format::find(std::string_view wanted) const
{
	for (const auto *list : {&fields, &common})
		for (const Field &field : *list)
			if (field.name == wanted)
				return &field;
	return nullptr;
}

const Field *Format::at(unsigned offset, unsigned size) const
{
	for (const auto *list : {&fields, &common})
		for (const Field &field : *list)
			if (field.offset == offset && field.size == size)
				return &field;
	return nullptr;
}

unsigned Format::header_size() const
{
	unsigned end = 0;
	for (const Field &field : common)
		end = std::max(end, field.offset + field.size);
	return end;
}

unsigned Format::size() const
{
	unsigned end = header_size();
	for (const Field &field : fields)
		end = std::max(end, field.offset + field.size);
	return end;
}

Result<Format> parse_format(std::string_view text)
{
	Format format;
	unsigned id = 0;
	bool in_common = true;
	while (!text.empty()) {
		size_t end = text.find('\n');
		std::string_view line = trim(text.substr(0, end));
		text = end == text.npos ? std::string_view() : text.substr(end + 1);
		if (line.starts_with("print fmt:"))
			break;
		if (line.starts_with("name:")) {
			format.name = trim(line.substr(5));
		} else if (line.starts_with("ID:")) {
			if (!read_number(line, "ID:", id))
				return Error{fmt::format("format: failed to read `{}`: no number", line), EINVAL};
			format.id = static_cast<int>(id);
		} else if (line.starts_with("field:") || line.starts_with("field ")) {
			Field field;
			if (!read_field(line.substr(6), field))
				return Error{fmt::format("format: failed to read `{}`: not a field's line", line), EINVAL};
			in_common = in_common && field.name.starts_with("common_");
			(in_common ? format.common : format.fields).push_back(std::move(field));
		}
	}
	if (format.name.empty() || format.common.empty())
		return Error{"format: failed to read an event's format: it has no name or no common fields", EINVAL};
	return format;
}
