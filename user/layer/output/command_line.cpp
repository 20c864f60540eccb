// SPDX-License-Identifier: GPL-2.0-only
#include "layer/output/command_line.h"

namespace {

std::string quoted(std::string_view argument)
{
	constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./_-";
	if (!argument.empty() && argument.find_first_not_of(plain) == argument.npos)
		return std::string(argument);
	std::string text = "'";
	for (char c : argument)
		text += c == '\'' ? std::string("'\\''") : std::string(1, c);
	return text + "'";
}

} // namespace

Cell command_line(std::span<const std::string_view> arguments, bool cut)
{
	std::string text, json;
	for (std::string_view argument : arguments) {
		text += (text.empty() ? "" : " ") + printable(quoted(argument));
		json += (json.empty() ? "" : ",") + json_string(argument);
	}
	return {text + (cut ? " ..." : ""), "[" + json + "]"};
}
