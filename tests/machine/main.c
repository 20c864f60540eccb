// SPDX-License-Identifier: GPL-2.0-only
/*
 * The machine's tests. Without arguments: the CUnit suites and the vectors in each place that there is.
 * --place module: the vectors in the loaded module. --random N --seed S: N random programs, vm against kernel
 * (or the other place). --vectors DIRECTORY: other vectors.
 * --seeds DIRECTORY: writes what the fuzzers start from.
 */
#define _GNU_SOURCE
#include <CUnit/Basic.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include "kmod/protocol.h"
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

struct options {
	const char *directory;
	const struct place *place; /* NULL: all but the module */
	u64 random, seed;
	int verbose;
};

static const struct place *const places[] = {&user_place, &kernel_style_place, &bpf_place, &module_place};
static const char *const place_words[] = {"user", "kernel-style", "kernel", "module"};

#define PLACES (sizeof(places) / sizeof(*places))

static const struct place *find_place(const char *word)
{
	for (u32 i = 0; i < PLACES; i++)
		if (!strcmp(word, place_words[i]))
			return places[i];
	fprintf(stderr, "tests: failed to find place %s: there are user, kernel-style, kernel, module\n", word);
	exit(2);
}

static int is_there(const struct place *place)
{
	if (place->available())
		return 1;
	fprintf(stderr, "tests: failed to reach the %s: %s\n", place->name,
		place == &module_place ? "no " ANYPROBE_DEVICE " for us: as root, `anyprobe module load`"
				       : "no bpf(2) for us");
	return 0;
}

static void run_vectors(const struct options *options, const struct place *place, u32 *passed, u32 *failed, u32 *skipped)
{
	u32 before = *passed;

	if (vectors_run(options->directory, place, passed, failed, skipped))
		++*failed;
	printf("vectors in the %s: %u passed\n", place->name, *passed - before);
}

static int run_all(const struct options *options)
{
	u32 passed = 0, failed = 0, skipped = 0;

	if (!options->place)
		run_suites(&passed, &failed);
	for (u32 i = 0; i < PLACES; i++) {
		if (options->place ? places[i] != options->place : places[i] == &module_place)
			continue;
		if (places[i]->available()) {
			run_vectors(options, places[i], &passed, &failed, &skipped);
		} else {
			printf("vectors in the %s: skipped, no bpf(2) for us\n", places[i]->name);
			skipped++;
		}
	}
	printf("%u passed, %u failed, %u skipped\n", passed, failed, skipped);
	return failed != 0;
}

static int usage(const char *name)
{
	fprintf(stderr,
		"usage: %s [-v] [--place user|kernel-style|kernel|module] [--vectors DIRECTORY] [--random N --seed S] "
		"[--seeds DIRECTORY]\n",
		name);
	return 2;
}

int main(int argc, char **argv)
{
	struct options options = {.directory = "tests/machine/vectors", .seed = 1};

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--random") && i + 1 < argc)
			options.random = strtoull(argv[++i], NULL, 0);
		else if (!strcmp(argv[i], "--seed") && i + 1 < argc)
			options.seed = strtoull(argv[++i], NULL, 0);
		else if (!strcmp(argv[i], "--vectors") && i + 1 < argc)
			options.directory = argv[++i];
		else if (!strcmp(argv[i], "--place") && i + 1 < argc)
			options.place = find_place(argv[++i]);
		else if (!strcmp(argv[i], "--seeds") && i + 1 < argc)
			return write_seeds(argv[++i]);
		else if (!strcmp(argv[i], "-v"))
			options.verbose = 1;
		else
			return usage(argv[0]);
	}
	raise_memlock();
	stay_on_one_cpu();
	if (options.place && !is_there(options.place))
		return 1;
	if (options.random && !options.place && !bpf_place.available())
		return 77;
	if (options.random)
		return random_compare(options.random, options.seed, options.place ? options.place : &bpf_place,
				      options.verbose) != 0;
	return run_all(&options);
}
