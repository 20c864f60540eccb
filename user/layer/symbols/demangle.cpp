// SPDX-License-Identifier: GPL-2.0-only
#include "layer/symbols/demangle.h"

#include <cxxabi.h>
#include <cstdlib>
#include <memory>

namespace
{

struct Free {
	void operator()(char *text) const { std::free(text); }
};

// Demanglers recurse; a longer name than this was not written by a compiler that people use.
constexpr size_t name_max = 64 * 1024;

bool is_hash(std::string_view text)
{
	// "h" and 16 hex digits: what rustc's legacy scheme ends every path with
	if (text.size() != 17 || text[0] != 'h')
		return false;
	return text.find_first_not_of("0123456789abcdef", 1) == std::string_view::npos;
}

struct Escape {
	std::string_view code;
	const char *text;
};

constexpr Escape escapes[] = {
	{"SP", "@"}, {"BP", "*"}, {"RF", "&"}, {"LT", "<"}, {"GT", ">"}, {"LP", "("}, {"RP", ")"}, {"C", ","},
};

void append_utf8(std::string &out, unsigned code)
{
	if (code < 0x80) {
		out += static_cast<char>(code);
	} else if (code < 0x800) {
		out += static_cast<char>(0xc0 | code >> 6);
		out += static_cast<char>(0x80 | (code & 0x3f));
	} else if (code < 0x10000) {
		out += static_cast<char>(0xe0 | code >> 12);
		out += static_cast<char>(0x80 | (code >> 6 & 0x3f));
		out += static_cast<char>(0x80 | (code & 0x3f));
	} else {
		out += static_cast<char>(0xf0 | (code >> 18 & 7));
		out += static_cast<char>(0x80 | (code >> 12 & 0x3f));
		out += static_cast<char>(0x80 | (code >> 6 & 0x3f));
		out += static_cast<char>(0x80 | (code & 0x3f));
	}
}

// "$LT$", "$u20$" and ".." are how the legacy scheme spells characters that linkers refuse.
bool append_escape(std::string &out, std::string_view code)
{
	for (const Escape &escape : escapes) {
		if (escape.code == code) {
			out += escape.text;
			return true;
		}
	}
	if (code.size() < 2 || code.size() > 7 || code[0] != 'u')
		return false;
	unsigned value = 0;
	for (char c : code.substr(1)) {
		if (c >= '0' && c <= '9')
			value = value * 16 + (c - '0');
		else if (c >= 'a' && c <= 'f')
			value = value * 16 + (c - 'a' + 10);
		else
			return false;
	}
	if (value > 0x10ffff)
		return false;
	append_utf8(out, value);
	return true;
}

std::string unescape(std::string_view part)
{
	std::string out;
	if (part.substr(0, 2) == "_$") // a path element may not start with '$'
		part.remove_prefix(1);
	while (!part.empty()) {
		if (part.substr(0, 2) == "..") {
			out += "::";
			part.remove_prefix(2);
			continue;
		}
		size_t end = part[0] == '$' ? part.find('$', 1) : std::string_view::npos;
		if (end != std::string_view::npos && append_escape(out, part.substr(1, end - 1))) {
			part.remove_prefix(end + 1);
			continue;
		}
		out += part[0];
		part.remove_prefix(1);
	}
	return out;
}

// "_ZN4core3fmt5Write17h0123456789abcdefE": a C++ name by its looks; the hash at the end tells.
std::optional<std::string> demangle_rust_legacy(std::string_view name)
{
	if (name.substr(0, 3) != "_ZN")
		return {};
	std::string out;
	std::string_view rest = name.substr(3), last;
	for (bool first = true; !rest.empty() && rest[0] != 'E'; first = false) {
		size_t length = 0, digits = 0;
		for (; digits < rest.size() && digits < 6 && rest[digits] >= '0' && rest[digits] <= '9'; digits++)
			length = length * 10 + (rest[digits] - '0');
		if (!digits || !length || length > rest.size() - digits)
			return {};
		if (!last.empty())
			out += (first || out.empty() ? "" : "::") + unescape(last);
		last = rest.substr(digits, length);
		rest.remove_prefix(digits + length);
	}
	if (rest.empty() || !is_hash(last) || out.empty())
		return {};
	return out;
}

std::optional<std::string> demangle_cxx(std::string_view name)
{
	int status = 0;
	std::unique_ptr<char, Free> text(abi::__cxa_demangle(std::string(name).c_str(), nullptr, nullptr, &status));
	if (status || !text)
		return {};
	return std::string(text.get());
}

// ".cold" and its like name another piece of code; ".llvm.123" only keeps linkers apart.
std::string_view telling_suffix(std::string_view suffix)
{
	for (const char *kind : {".cold", ".part", ".isra", ".constprop", ".resume", ".destroy"})
		if (suffix.substr(0, std::string_view(kind).size()) == kind)
			return suffix;
	return {};
}

} // namespace

std::string demangle(std::string_view name)
{
	if (name.size() < 3 || name.size() > name_max || name[0] != '_' || (name[1] != 'Z' && name[1] != 'R'))
		return std::string(name);
	// '.' stands for "::" inside legacy Rust names, so the suffix starts after the closing E at the earliest
	size_t end = name.find('@');
	std::string_view body = name.substr(0, end);
	size_t dot = body.rfind('E') == std::string_view::npos ? body.find('.') : body.find('.', body.rfind('E'));
	std::string_view suffix = dot == std::string_view::npos ? "" : body.substr(dot);
	body = body.substr(0, dot);

	std::optional<std::string> readable;
	if (name[1] == 'R')
		readable = demangle_rust_v0(body);
	else if (!(readable = demangle_rust_legacy(body)))
		readable = demangle_cxx(body);
	if (!readable)
		return std::string(name);
	return *readable + std::string(telling_suffix(suffix));
}

std::string_view without_parameters(std::string_view readable)
{
	// the parameter list is the last group of parentheses outside <>; "operator()" has one of its own
	int angle = 0, depth = 0;
	for (size_t i = 0; i < readable.size(); i++) {
		std::string_view before = readable.substr(0, i);
		bool is_operator = before.size() >= 8 && before.substr(before.size() - 8) == "operator";
		switch (readable[i]) {
		case '<':
			angle += !is_operator;
			break;
		case '>':
			angle -= angle > 0;
			break;
		case '(':
			if (!angle && !depth && i && !is_operator && readable.substr(i, 11) != "(anonymous ")
				return before;
			depth++;
			break;
		case ')':
			depth -= depth > 0;
			break;
		}
	}
	return readable;
}
