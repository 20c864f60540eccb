// SPDX-License-Identifier: GPL-2.0-only
#include "layer/output/output.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

std::string json_string(std::string_view text)
{
	// Most names and paths, at a tenth of the price.
	bool is_plain = std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; });
	if (is_plain)
		return '"' + std::string(text) + '"';
	return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string printable(std::string_view text)
{
	if (std::none_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }))
		return std::string(text);
	std::string out;
	out.reserve(text.size());
	for (unsigned char c : text) {
		if (c < 0x20 || c == 0x7f)
			out += fmt::format("\\x{:02x}", c);
		else
			out += static_cast<char>(c);
	}
	return out;
}

std::string json_key(const char *column)
{
	std::string key;
	for (const char *c = column; *c; c++)
		key += *c == '-' || *c == ' ' || *c == '/' ? '_' : static_cast<char>(tolower(*c));
	return key;
}

Cell cell(std::string_view text)
{
	return {printable(text), json_string(text)};
}

Cell cell(double number, int decimals)
{
	if (!std::isfinite(number))
		return {"-", "null"};
	return {fmt::format("{:.{}f}", number, decimals), nlohmann::json(number).dump()};
}

Cell cell(ReturnValue result)
{
	std::string number = std::to_string(result.value);
	const char *name = nullptr;
	if (result.value < 0 && result.value > -4096)
		name = strerrorname_np(static_cast<int>(-result.value));
	return {name ? name : number, number};
}

void Output::write(std::string_view text)
{
	if (!failure_ && fwrite(text.data(), 1, text.size(), stdout) != text.size())
		failure_ = errno;
}

void Output::text(std::string_view text)
{
	write(text);
}

bool Output::flush()
{
	if (!failure_ && fflush(stdout) != 0)
		failure_ = errno;
	return !failure_;
}

namespace {

class TableOutput final : public Output {
	const Column *head_ = nullptr; // whose head was printed last

	static std::string pad(std::string_view text, int width)
	{
		if (width == 0)
			return std::string(text);
		return width < 0 ? fmt::format("{:<{}}", text, -width) : fmt::format("{:>{}}", text, width);
	}

	static std::string line(std::span<const Column> columns, auto text_of)
	{
		std::string text;
		for (size_t i = 0; i < columns.size(); i++) {
			if (i)
				text += ' ';
			text += pad(text_of(i), columns[i].width);
		}
		text.erase(text.find_last_not_of(' ') + 1);
		return text + '\n';
	}

public:
	void row(std::span<const Column> columns, const Row &row) override
	{
		if (head_ != columns.data())
			write(line(columns, [&](size_t i) { return std::string_view(columns[i].name); }));
		head_ = columns.data();
		write(line(columns, [&](size_t i) {
			return i < row.cells().size() ? std::string_view(row.cells()[i].text) : std::string_view();
		}));
		rows_++;
	}

	void histogram(const std::string &title, std::span<const Column>, const Row &, const Histogram &histogram) override
	{
		if (!title.empty())
			write(printable(title) + "\n");
		write(histogram.draw());
		write("\n");
		rows_++;
	}

	void section(const std::string &title) override
	{
		write((head_ ? "\n" : "") + title + (title.empty() ? "" : "\n"));
		head_ = nullptr;
	}
};

class JsonOutput final : public Output {
	static std::string members(std::span<const Column> columns, const Row &row)
	{
		std::string text;
		for (size_t i = 0; i < columns.size() && i < row.cells().size(); i++)
			text += fmt::format("{}\"{}\":{}", i ? "," : "", json_key(columns[i].name), row.cells()[i].json);
		return text;
	}

public:
	void row(std::span<const Column> columns, const Row &row) override
	{
		write("{" + members(columns, row) + "}\n");
		rows_++;
	}

	void histogram(const std::string &, std::span<const Column> key_columns, const Row &key,
		       const Histogram &histogram) override
	{
		std::string start = members(key_columns, key);
		write("{" + start + (start.empty() ? "" : ",") + histogram.json().dump().substr(1) + "\n");
		rows_++;
	}

	void section(const std::string &) override {}
};

} // namespace

std::unique_ptr<Output> table_output()
{
	return std::make_unique<TableOutput>();
}

std::unique_ptr<Output> json_output()
{
	return std::make_unique<JsonOutput>();
}
