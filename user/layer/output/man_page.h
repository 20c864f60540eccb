// SPDX-License-Identifier: GPL-2.0-only
// A manual page in man(7)'s language, and the layout of plain help texts.
#pragma once

#include <string>
#include <string_view>

class ManPage {
	std::string text_;

public:
	// `name` as in NAME - summary; section 1.
	ManPage(std::string_view name, std::string_view summary);
	void start(std::string_view heading);
	void section(std::string_view heading, std::string_view text);
	void item(std::string_view term, std::string_view text);
	void verbatim(std::string_view heading, std::string_view text);
	const std::string &text() const { return text_; }
};

// Lines of at most `width` characters; empty lines stay.
std::string wrap(std::string_view text, size_t width);
// `spaces` before each line.
std::string indent(std::string_view text, int spaces);
