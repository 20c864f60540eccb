// SPDX-License-Identifier: GPL-2.0-only
#include "layer/output/man_page.h"

#include <fmt/format.h>

namespace {

// A leading dot or quote is a request to man(7), a backslash an escape, a dash a hyphen.
std::string escape(std::string_view text)
{
	std::string out;
	bool line_start = true;
	for (char c : text) {
		if (line_start && (c == '.' || c == '\''))
			out += "\\&";
		if (c == '\\')
			out += "\\e";
		else if (c == '-')
			out += "\\-";
		else
			out += c;
		line_start = c == '\n';
	}
	return out;
}

std::string upper(std::string_view text)
{
	std::string out(text);
	for (char &c : out)
		c = static_cast<char>(toupper(static_cast<unsigned char>(c)));
	return out;
}

} // namespace

ManPage::ManPage(std::string_view name, std::string_view summary)
{
	text_ = fmt::format(".TH {} 1 \"\" \"anyprobe {}\"\n.SH NAME\n{} \\- {}\n", upper(name), ANYPROBE_VERSION, escape(name),
			    escape(summary));
}

void ManPage::start(std::string_view heading)
{
	text_ += fmt::format(".SH {}\n", heading);
}

void ManPage::section(std::string_view heading, std::string_view text)
{
	start(heading);
	std::string paragraphs = escape(text);
	for (size_t gap; (gap = paragraphs.find("\n\n")) != paragraphs.npos;)
		paragraphs.replace(gap, 2, "\n.PP\n");
	text_ += paragraphs + "\n";
}

void ManPage::item(std::string_view term, std::string_view text)
{
	text_ += fmt::format(".TP\n.B {}\n{}\n", escape(term), escape(text));
}

void ManPage::verbatim(std::string_view heading, std::string_view text)
{
	start(heading);
	text_ += fmt::format(".nf\n{}.fi\n", escape(text));
}

std::string wrap(std::string_view text, size_t width)
{
	std::string out;
	size_t column = 0;
	while (!text.empty()) {
		if (text[0] == '\n') {
			out += '\n';
			column = 0;
			text.remove_prefix(1);
			continue;
		}
		size_t length = std::min(text.find_first_of(" \n"), text.size());
		if (length && column && column + 1 + length > width) {
			out += '\n';
			column = 0;
		} else if (length && column) {
			out += ' ';
			column++;
		}
		out += text.substr(0, length);
		column += length;
		text.remove_prefix(length);
		while (!text.empty() && text[0] == ' ')
			text.remove_prefix(1);
	}
	return out;
}

std::string indent(std::string_view text, int spaces)
{
	std::string out, before(static_cast<size_t>(spaces), ' ');
	while (!text.empty()) {
		size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
		out += (text[0] == '\n' ? "" : before);
		out += text.substr(0, end);
		text.remove_prefix(end);
	}
	if (!out.empty() && out.back() != '\n')
		out += '\n';
	return out;
}
