// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random programs, run by the vm and by the running kernel or the module: result, context and maps must be the same, bit by
 * bit.
 */
#include <stdio.h>
#include <string.h>
#include "machine.h"

static int differ(const struct test_case *test, const struct outcome *ours, const struct outcome *kernels,
		  const char **what)
{
	if (ours->load_error || kernels->load_error)
		*what = ours->load_error ? "the vm refuses it" : NULL;
	else if (ours->run_error || kernels->run_error)
		*what = "an error while running";
	else if ((u32)ours->result != (u32)kernels->result)
		*what = "the result";
	else if (memcmp(ours->context, kernels->context, test->context_size))
		*what = "the context";
	else if (ours->element_count != kernels->element_count ||
		 memcmp(ours->elements, kernels->elements, ours->element_count * sizeof(struct element)))
		*what = "the maps";
	else
		return 0;
	return *what != NULL;
}

static void report(const struct test_case *test, const struct outcome *ours, const struct outcome *kernels,
		   const char *what)
{
	printf("  DIFFERS %s: %s (vm: %d %d %s; kernel: %d %d %s)\n", test->name, what, ours->load_error,
	       ours->run_error, ours->message, kernels->load_error, kernels->run_error, kernels->message);
	for (u32 i = 0; i < test->context_size; i += 8)
		if (memcmp(ours->context + i, kernels->context + i, 8))
			printf("    context+%u: %016llx, kernel %016llx\n", i, *(u64 *)(ours->context + i),
			       *(u64 *)(kernels->context + i));
	print_case(test);
}

int random_compare(u64 count, u64 seed, const struct place *other, int verbose)
{
	static struct test_case test;
	static struct outcome ours, kernels;
	u64 refused = 0, different = 0, insns = 0;
	const char *what;

	for (u64 i = 0; i < count; i++) {
		random_case(&test, seed * 1000000007ULL + i);
		user_place.run(&test, &ours);
		other->run(&test, &kernels);
		insns += test.insn_count;
		if (kernels.load_error) {
			refused++;
			if (verbose)
				printf("  refused %s: %d %s\n", test.name, kernels.load_error, kernels.message);
		}
		if (differ(&test, &ours, &kernels, &what) && different++ < 5)
			report(&test, &ours, &kernels, what);
		if (verbose && i % 10000 == 9999) {
			printf("  %llu programs, %llu instructions, %llu differ, %llu refused by the %s\n", i + 1,
			       insns, different, refused, other->name);
			fflush(stdout);
		}
	}
	printf("%llu random programs (%llu instructions) from seed %llu: %llu differ, %llu refused by the %s\n",
	       count, insns, seed, different, refused, other->name);
	return different || refused > count / 20 + 1 ? -1 : 0;
}
