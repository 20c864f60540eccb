// SPDX-License-Identifier: GPL-2.0-only
// What a sample prints: rows of described columns, histograms, plain text; as an aligned table or as
// JSON lines. One description of the columns serves both, --help and the manual page.
#pragma once

#include "layer/output/histogram.h"

#include <concepts>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

struct Column {
	const char *name;    // "PID" in the table's head; "pid" in JSON
	int width;	     // characters; negative: aligned to the left; 0: the last column, as long as it is
	const char *meaning; // with its unit, for --help
};

// A value in its two forms.
struct Cell {
	std::string text;
	std::string json; // a whole JSON value
};

Cell cell(std::string_view text);
inline Cell cell(const char *text) { return cell(std::string_view(text)); }
inline Cell cell(Cell ready) { return ready; }
template <std::integral T> Cell cell(T number)
{
	std::string digits = std::to_string(number);
	return {digits, digits};
}
inline Cell cell(bool value) { return {value ? "yes" : "no", value ? "true" : "false"}; }
// With `decimals` behind the point in the table.
Cell cell(double number, int decimals = 2);

// What a system call returned: the number, or the errno's name ("ENOENT"; in JSON the negative number).
struct ReturnValue {
	int64_t value;
};
Cell cell(ReturnValue result);

class Row {
	std::vector<Cell> cells_;

public:
	template <class T> Row &operator<<(const T &value)
	{
		cells_.push_back(cell(value));
		return *this;
	}
	// A kernel's fixed char array, up to its NUL.
	template <size_t N> Row &operator<<(const char (&value)[N])
	{
		cells_.push_back(cell(std::string_view(value, strnlen(value, N))));
		return *this;
	}
	const std::vector<Cell> &cells() const { return cells_; }
};

class Output {
public:
	virtual ~Output() = default;

	virtual void row(std::span<const Column> columns, const Row &row) = 0;
	// `title` names what is counted ("pid 12 (bash)"; empty: all); `key` says it in JSON, by columns.
	virtual void histogram(const std::string &title, std::span<const Column> key_columns, const Row &key,
			       const Histogram &histogram) = 0;
	// A table of its own follows: the head is printed again before its first row. In JSON: nothing.
	virtual void section(const std::string &title) = 0;
	// Text that stands for itself (folded stacks), in both forms.
	void text(std::string_view text);

	// Write out what is buffered. False when standard output takes no more: failure() says why.
	bool flush();
	// 0, or the errno of the write that failed; EPIPE: nobody reads any more.
	int failure() const { return failure_; }
	void set_failure(int code) { failure_ = code; }
	uint64_t rows() const { return rows_; }

protected:
	void write(std::string_view text);
	uint64_t rows_ = 0;
	int failure_ = 0;
};

std::unique_ptr<Output> table_output();
std::unique_ptr<Output> json_output();

// A JSON string with its quotes; bytes that are no UTF-8 become U+FFFD.
std::string json_string(std::string_view text);
// Control characters as \xNN, so that a file's name cannot talk to the terminal.
std::string printable(std::string_view text);
// "PID" -> "pid": the JSON key of a column.
std::string json_key(const char *column);
