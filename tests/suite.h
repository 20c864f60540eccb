// SPDX-License-Identifier: GPL-2.0-only
// CUnit suites as a readable list of sentences: a test file ends in one static Suite.
#pragma once

#include <CUnit/CUnit.h>

#include <fmt/format.h>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

struct Case {
	const char *sentence;
	void (*run)();
};

struct Suite {
	const char *name;
	std::vector<Case> cases;

	Suite(const char *name, std::initializer_list<Case> cases);
	static std::vector<const Suite *> &all();
};

// Leaves the running case as skipped, with the reason; a case that cannot run here says why.
[[noreturn]] void skip(const std::string &reason);

// Fails with what the two sides are.
void check_equal(std::string_view got, std::string_view wanted, const char *expression, const char *file, int line);
void check_equal(long long got, long long wanted, const char *expression, const char *file, int line);

#define CHECK(condition) CU_assertImplementation(bool(condition), __LINE__, #condition, __FILE__, "", CU_FALSE)
// Ends the case when it fails.
#define REQUIRE(condition) CU_assertImplementation(bool(condition), __LINE__, #condition, __FILE__, "", CU_TRUE)
#define CHECK_EQUAL(got, wanted) check_equal(got, wanted, #got, __FILE__, __LINE__)
