// SPDX-License-Identifier: GPL-2.0-only
// Runs all suites: a line per case, at the end `N passed, N failed, N skipped`. With arguments: only the
// suites whose names hold one of them.
#include "suite.h"

#include <CUnit/TestDB.h>
#include <CUnit/TestRun.h>
#include <cstdio>
#include <cstring>

namespace {

struct Skipped {
};
std::string skip_reason;
void (*running)() = nullptr;

void run_case()
{
	skip_reason.clear();
	try {
		running();
	} catch (const Skipped &) {
	}
}

bool is_wanted(const Suite &suite, int argc, char **argv)
{
	bool wanted = true;
	for (int i = 1; i < argc; i++) {
		if (argv[i][0] == '/') // a path is for the tests themselves
			continue;
		if (*argv[i] && strstr(suite.name, argv[i]))
			return true;
		wanted = false;
	}
	return wanted;
}

} // namespace

Suite::Suite(const char *name, std::initializer_list<Case> cases) : name(name), cases(cases)
{
	all().push_back(this);
}

std::vector<const Suite *> &Suite::all()
{
	static std::vector<const Suite *> suites;
	return suites;
}

void skip(const std::string &reason)
{
	skip_reason = reason;
	throw Skipped();
}

void check_equal(std::string_view got, std::string_view wanted, const char *expression, const char *file, int line)
{
	std::string text = got == wanted ? expression : fmt::format("{}: got \"{}\", wanted \"{}\"", expression, got, wanted);
	CU_assertImplementation(got == wanted, static_cast<unsigned>(line), text.c_str(), file, "", CU_FALSE);
}

void check_equal(long long got, long long wanted, const char *expression, const char *file, int line)
{
	std::string text = got == wanted ? expression : fmt::format("{}: got {}, wanted {}", expression, got, wanted);
	CU_assertImplementation(got == wanted, static_cast<unsigned>(line), text.c_str(), file, "", CU_FALSE);
}

int main(int argc, char **argv)
{
	unsigned passed = 0, failed = 0, skipped = 0;
	CU_initialize_registry();
	for (const Suite *suite : Suite::all()) {
		if (!is_wanted(*suite, argc, argv))
			continue;
		CU_pSuite added = CU_add_suite(suite->name, nullptr, nullptr);
		for (const Case &one : suite->cases) {
			CU_pTest test = CU_add_test(added, one.sentence, run_case);
			running = one.run;
			CU_run_test(added, test);
			if (CU_get_number_of_failure_records()) { // of this case: each run starts a new count
				failed++;
				printf("FAIL: %s: %s\n", suite->name, one.sentence);
				for (CU_pFailureRecord f = CU_get_failure_list(); f; f = f->pNext)
					printf("      %s:%u: %s\n", f->strFileName ? f->strFileName : "?", f->uiLineNumber,
					       f->strCondition ? f->strCondition : "");
			} else if (!skip_reason.empty()) {
				skipped++;
				printf("skip: %s: %s: %s\n", suite->name, one.sentence, skip_reason.c_str());
			} else {
				passed++;
				printf("pass: %s: %s\n", suite->name, one.sentence);
			}
			fflush(stdout);
		}
	}
	CU_cleanup_registry();
	printf("%u passed, %u failed, %u skipped\n", passed, failed, skipped);
	return failed ? 1 : 0;
}
