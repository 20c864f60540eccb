// SPDX-License-Identifier: GPL-2.0-only
/*
 * The machine's tests. Without arguments: the CUnit suites and the vectors in each place that there is.
 * --random N --seed S: N random programs, vm against kernel. --vectors DIRECTORY: other vectors.
 * --seeds DIRECTORY: writes what the fuzzers start from.
 */
#define _GNU_SOURCE
#include <CUnit/Basic.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include "machine.h"
#include "suites.h"

/* Per-CPU values are looked at on one CPU only. */
static void stay_on_one_cpu(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(sched_getcpu(), &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static void raise_memlock(void)
{
	struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};

	setrlimit(RLIMIT_MEMLOCK, &limit);
}

static void run_suites(u32 *passed, u32 *failed)
{
	if (CU_initialize_registry() != CUE_SUCCESS || suites_register()) {
		++*failed;
		return;
	}
	CU_basic_set_mode(CU_BRM_NORMAL);
	CU_basic_run_tests();
	*failed += CU_get_number_of_tests_failed();
	*passed += CU_get_number_of_tests_run() - CU_get_number_of_tests_failed();
	CU_cleanup_registry();
}

/* Programs for the fuzzers to start from: a byte that chooses the type, then the instructions. */
static int write_seeds(const char *directory)
{
	static struct test_case test;
	char path[512];

	for (u32 i = 0; i < 40; i++) {
		FILE *file;

		random_case(&test, i);
		snprintf(path, sizeof(path), "%s/random-%02u", directory, i);
		file = fopen(path, "we");
		if (!file)
			return perror(path), 1;
		fputc(5, file);
		fwrite(test.insns, sizeof(*test.insns), test.insn_count, file);
		fclose(file);
	}
	return vectors_write(directory);
}

int main(int argc, char **argv)
{
	const struct place *const places[] = {&user_place, &kernel_style_place, &bpf_place};
	const char *directory = "tests/machine/vectors";
	u32 passed = 0, failed = 0, skipped = 0;
	u64 random = 0, seed = 1;
	int verbose = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--random") && i + 1 < argc)
			random = strtoull(argv[++i], NULL, 0);
		else if (!strcmp(argv[i], "--seed") && i + 1 < argc)
			seed = strtoull(argv[++i], NULL, 0);
		else if (!strcmp(argv[i], "--vectors") && i + 1 < argc)
			directory = argv[++i];
		else if (!strcmp(argv[i], "--seeds") && i + 1 < argc)
			return write_seeds(argv[++i]);
		else if (!strcmp(argv[i], "-v"))
			verbose = 1;
		else
			return fprintf(stderr,
				       "usage: %s [-v] [--vectors DIRECTORY] [--random N --seed S] [--seeds "
				       "DIRECTORY]\n",
				       argv[0]),
			       2;
	}
	raise_memlock();
	stay_on_one_cpu();
	if (random)
		return bpf_place.available() ? random_compare(random, seed, verbose) != 0 : 77;
	run_suites(&passed, &failed);
	for (u32 i = 0; i < sizeof(places) / sizeof(*places); i++) {
		u32 before = passed;

		if (!places[i]->available()) {
			printf("vectors in the %s: skipped, no bpf(2) for us\n", places[i]->name);
			skipped++;
			continue;
		}
		if (vectors_run(directory, places[i], &passed, &failed, &skipped))
			failed++;
		printf("vectors in the %s: %u passed\n", places[i]->name, passed - before);
	}
	printf("%u passed, %u failed, %u skipped\n", passed, failed, skipped);
	return failed != 0;
}
