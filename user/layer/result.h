// SPDX-License-Identifier: GPL-2.0-only
// Result<T>: a value, or an Error that says what failed and what the user can do about it.
//
// What can be expected to fail (a missing file, no privilege, a kernel that lacks something) returns
// a Result; nothing in this project throws for it.
#pragma once

#include <cerrno>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

// One line, lower case: `part: failed to <verb> <thing>: <reason>`, then what to do.
struct Error {
	std::string message;
	int code = 0; // positive errno where one decided, else 0
};

// `what` followed by the text of errno `code`.
inline Error errno_error(std::string what, int code = errno)
{
	return {std::move(what) + ": " + std::strerror(code), code};
}

template <class T> class [[nodiscard]] Result {
	std::optional<T> value_;
	Error error_;

public:
	Result(T value) : value_(std::move(value)) {}
	Result(Error error) : error_(std::move(error)) {}

	explicit operator bool() const { return value_.has_value(); }
	T &operator*() { return *value_; }
	const T &operator*() const { return *value_; }
	T *operator->() { return &*value_; }
	const T *operator->() const { return &*value_; }
	const Error &error() const { return error_; }
};

template <> class [[nodiscard]] Result<void> {
	std::optional<Error> error_;

public:
	Result() = default;
	Result(Error error) : error_(std::move(error)) {}

	explicit operator bool() const { return !error_.has_value(); }
	const Error &error() const { return *error_; }
};
