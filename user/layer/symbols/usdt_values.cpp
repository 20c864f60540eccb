// SPDX-License-Identifier: GPL-2.0-only
#include "layer/symbols/usdt_values.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>

namespace {

using Kind = UsdtArgument::Kind;

usdt_operand operand_of(const UsdtArgument &argument)
{
	usdt_operand operand{};
	operand.value = argument.value;
	operand.base = argument.base;
	operand.index = argument.index;
	operand.scale = argument.scale;
	operand.kind = argument.kind == Kind::constant ? USDT_CONSTANT : argument.kind == Kind::reg ? USDT_REGISTER : USDT_MEMORY;
	operand.size = argument.size;
	operand.skipped = static_cast<__u8>(64 - 8 * argument.size);
	operand.is_signed = argument.is_signed;
	operand.shift = argument.shift;
	return operand;
}

Cell number_cell(const UsdtArgument &argument, uint64_t value)
{
	if (argument.is_signed)
		return cell(static_cast<int64_t>(value));
	Cell number = cell(value);
	if (value > UINT32_MAX) // an address, most likely
		number.text = fmt::format("{:#x}", value);
	return number;
}

size_t count_of(const UsdtPlace &place)
{
	return std::min<size_t>(place.arguments.size(), USDT_ARGUMENTS);
}

} // namespace

Result<uint32_t> usdt_string_bits(const std::vector<std::string> &numbers)
{
	uint32_t bits = 0;
	for (const std::string &text : numbers) {
		int number = 0;
		auto [end, err] = std::from_chars(text.data(), text.data() + text.size(), number);
		if (err != std::errc() || *end || number < 1 || number > USDT_ARGUMENTS)
			return Error{fmt::format("-s {}: arguments have the numbers 1 to {}", text, USDT_ARGUMENTS), EINVAL};
		bits |= 1u << (number - 1);
	}
	if (__builtin_popcount(bits) > USDT_STRINGS)
		return Error{fmt::format("-s: {} strings at most", USDT_STRINGS), EINVAL};
	return bits;
}

usdt_place usdt_place_of(const UsdtPlace &place, uint32_t strings)
{
	usdt_place result{};
	result.count = static_cast<uint32_t>(count_of(place));
	result.strings = strings;
	for (size_t i = 0; i < result.count; i++)
		result.operands[i] = operand_of(place.arguments[i]);
	return result;
}

Cell usdt_arguments_cell(const UsdtPlace &place, uint32_t strings, const usdt_event &event)
{
	std::string text, json;
	size_t next_text = 0;
	for (size_t i = 0; i < count_of(place); i++) {
		Cell one = number_cell(place.arguments[i], event.arguments[i]);
		if (strings >> i & 1) {
			const char *string = event.text[next_text++];
			one = cell(std::string_view(string, strnlen(string, USDT_TEXT)));
			one.text = '"' + one.text + '"';
		}
		if (event.unread >> i & 1)
			one = {"?", "null"};
		text += (i ? ", " : "") + one.text;
		json += (i ? "," : "") + one.json;
	}
	return {text, "[" + json + "]"};
}
