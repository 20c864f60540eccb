/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TESTS_BENCH_H
#define TESTS_BENCH_H

/* This thread's own CPU time in nanoseconds: other loads on the machine count less. */
double bench_cpu_now(void);
/* Times the programs of all *_kern.o in the directory. */
void bench_samples(const char *directory);

#endif
