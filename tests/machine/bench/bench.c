// SPDX-License-Identifier: GPL-2.0-only
/*
 * How fast the machine is, beside the running kernel in the same minute: nanoseconds per instruction of a few
 * loops, with all run-time checks on, and of map operations, on one CPU and on two. The kernel's numbers
 * are its own (BPF_PROG_TEST_RUN, repeat); whether they are its JIT's or its interpreter's is printed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/bpf.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "bench.h"
#include "machine.h"

#define ROUNDS 7

struct loop {
	const char *name;
	const char *text; /* a loop of r6 rounds; COUNT is replaced */
	u32 insns;	  /* per round */
};

static const struct loop loops[] = {
	{"arithmetic",
	 "r6 = COUNT; r0 = 0; r2 = 7; r3 = 9; again:; r0 += r2; r3 *= 5; r2 <<= 1; r2 |= r3; r2 &= 0xffff; r0 -= r3; "
	 "w4 = w2; "
	 "w4 ^= w0; r6 -= 1; if r6 != 0 goto again; r0 = 0; exit",
	 10},
	{"branches",
	 "r6 = COUNT; r0 = 0; again:; if r0 s> 5 goto a; r0 += 1; a:; if w0 != 3 goto b; r0 = 1; b:; if r6 & 0x1 goto "
	 "c; r0 += 1; "
	 "c:; r6 -= 1; if r6 != 0 goto again; r0 = 0; exit",
	 7},
	{"stack",
	 "r6 = COUNT; r0 = 0; *(u64 *)(r10 -8) = 1; *(u32 *)(r10 -16) = 1; again:; r2 = *(u64 *)(r10 -8); r2 += 3; "
	 "*(u64 *)(r10 -8) = "
	 "r2; r3 = *(u32 *)(r10 -16); r0 += r3; *(u8 *)(r10 -16) = 5; r6 -= 1; if r6 != 0 goto again; r0 = 0; exit",
	 8},
	{"stack by pointer",
	 "r6 = COUNT; r0 = 0; r4 = r10; r4 += -32; *(u64 *)(r4 +0) = 1; *(u64 *)(r4 +8) = 1; again:; r2 = *(u64 *)(r4 "
	 "+0); r2 += 3; "
	 "*(u64 *)(r4 +0) = r2; r3 = *(u32 *)(r4 +8); r0 += r3; *(u8 *)(r4 +8) = 5; r6 -= 1; if r6 != 0 goto again; r0 "
	 "= 0; exit",
	 8},
	{"map value",
	 "r4 = value[0]+0; r6 = COUNT; r0 = 0; again:; r2 = *(u64 *)(r4 +0); r2 += 3; *(u64 *)(r4 +0) = r2; r3 = *(u32 "
	 "*)(r4 +8); "
	 "r0 += r3; *(u8 *)(r4 +8) = 5; r6 -= 1; if r6 != 0 goto again; r0 = 0; exit",
	 8},
	{"call",
	 "r6 = COUNT; again:; r1 = r6; call sub; r6 -= 1; if r6 != 0 goto again; r0 = 0; exit; sub:; r0 = r1; exit", 6},
};

/* One helper call per round; the rest of the round is taken off by the loop that has none. */
static const struct loop operations[] = {
	{"nothing",
	 "r6 = COUNT; again:; *(u32 *)(r10 -4) = r6; r1 = map[1]; r2 = r10; r2 += -4; r0 = r2; r6 -= 1; if r6 != 0 "
	 "goto again; r0 = 0; exit",
	 8},
	{"hash lookup",
	 "r6 = COUNT; again:; *(u32 *)(r10 -4) = r6; r1 = map[1]; r2 = r10; r2 += -4; call map_lookup_elem; r6 -= 1; "
	 "if r6 != 0 goto "
	 "again; r0 = 0; exit",
	 8},
	{"array lookup",
	 "r6 = COUNT; again:; *(u32 *)(r10 -4) = r6; r1 = map[2]; r2 = r10; r2 += -4; call map_lookup_elem; r6 -= 1; "
	 "if r6 != 0 goto "
	 "again; r0 = 0; exit",
	 8},
	{"per-CPU hash lookup",
	 "r6 = COUNT; again:; *(u32 *)(r10 -4) = r6; r1 = map[3]; r2 = r10; r2 += -4; call map_lookup_elem; r6 -= 1; "
	 "if r6 != 0 goto "
	 "again; r0 = 0; exit",
	 8},
	{"LRU hash lookup",
	 "r6 = COUNT; again:; *(u32 *)(r10 -4) = r6; r1 = map[4]; r2 = r10; r2 += -4; call map_lookup_elem; r6 -= 1; "
	 "if r6 != 0 goto "
	 "again; r0 = 0; exit",
	 8},
	{"hash update",
	 "r6 = COUNT; again:; *(u32 *)(r10 -4) = r6; r1 = map[1]; r2 = r10; r2 += -4; r3 = r10; r3 += -24; *(u64 *)(r3 "
	 "+0) = 1; *(u64 "
	 "*)(r3 +8) = 1; r4 = 0; call map_update_elem; r6 -= 1; if r6 != 0 goto again; r0 = 0; exit",
	 13},
};

static const struct vm_map_attr shapes[] = {
	{.type = VM_MAP_ARRAY, .key_size = 4, .value_size = 16, .max_entries = 1},
	{.type = VM_MAP_HASH, .key_size = 4, .value_size = 16, .max_entries = 16384},
	{.type = VM_MAP_ARRAY, .key_size = 4, .value_size = 16, .max_entries = 16384},
	{.type = VM_MAP_PERCPU_HASH, .key_size = 4, .value_size = 16, .max_entries = 16384},
	{.type = VM_MAP_LRU_HASH, .key_size = 4, .value_size = 16, .max_entries = 16384},
};

#define MAPS  (sizeof(shapes) / sizeof(*shapes))
#define COUNT 8000 /* rounds: the kernel's verifier walks through each */

static struct vm_map *maps[MAPS];
static int fds[MAPS];

static int map_by_fd(void *data, int fd, struct vm_map **map)
{
	(void)data;
	*map = maps[fd];
	vm_map_get(*map);
	return 0;
}

static void make_maps(void)
{
	u64 value[512] = {0};

	for (u32 i = 0; i < MAPS; i++) {
		union bpf_attr attr = {.map_type = shapes[i].type,
				       .key_size = shapes[i].key_size,
				       .value_size = shapes[i].value_size,
				       .max_entries = shapes[i].max_entries};

		if (vm_map_create(&shapes[i], &maps[i]))
			exit(1);
		fds[i] = syscall(__NR_bpf, BPF_MAP_CREATE, &attr, sizeof(attr));
		for (u32 key = 0; key < shapes[i].max_entries; key++) {
			union bpf_attr update = {
				.map_fd = fds[i], .key = (unsigned long)&key, .value = (unsigned long)value};

			vm_map_update(maps[i], &key, value, 0);
			if (fds[i] >= 0)
				syscall(__NR_bpf, BPF_MAP_UPDATE_ELEM, &update, sizeof(update));
		}
	}
}

static void assemble_loop(const struct loop *loop, struct vm_insn *insns, u32 *count)
{
	char text[2048] = "", error[128], number[16];
	const char *at = strstr(loop->text, "COUNT");

	snprintf(number, sizeof(number), "%d", COUNT);
	snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - loop->text), loop->text, number, at + 5);
	if (assemble(text, insns, 256, count, error, sizeof(error))) {
		fprintf(stderr, "bench: %s: %s\n", loop->name, error);
		exit(1);
	}
}

double bench_cpu_now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
	return time.tv_sec * 1e9 + time.tv_nsec;
}

/* Nanoseconds per round in the vm: the best of some, by this thread's own CPU time. */
static double time_vm(const struct loop *loop)
{
	static __thread struct vm_machine machine;
	static __thread u64 context[32];
	struct vm_insn insns[256];
	char log[256] = "";
	struct vm_load load = {.type = VM_PROGRAM_SYSCALL,
			       .insns = insns,
			       .map_by_fd = map_by_fd,
			       .log = log,
			       .log_size = sizeof(log)};
	struct vm_program *program;
	double best = 1e18, start;
	u64 result;

	assemble_loop(loop, insns, &load.insn_count);
	if (vm_program_load(&load, &program)) {
		fprintf(stderr, "bench: %s\n", log);
		exit(1);
	}
	machine.context = context;
	machine.context_size = sizeof(context);
	for (int round = 0; round < ROUNDS; round++) {
		start = bench_cpu_now();
		for (int i = 0; i < 50; i++)
			if (vm_program_run(program, &machine, &result))
				exit(1);
		start = (bench_cpu_now() - start) / 50 / COUNT;
		best = start < best ? start : best;
	}
	vm_program_put(program);
	return best;
}

/* The same in the running kernel; negative if it will not. */
static double time_kernel(const struct loop *loop)
{
	struct vm_insn insns[256];
	u8 data[64] = {0};
	u32 count;
	double best = 1e18;
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_SCHED_CLS, .insns = (unsigned long)insns, .license = (unsigned long)"GPL"};
	int fd;

	assemble_loop(loop, insns, &count);
	link_maps(insns, count, fds);
	attr.insn_cnt = count;
	fd = syscall(__NR_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
	for (int round = 0; fd >= 0 && round < ROUNDS; round++) {
		union bpf_attr run = {
			.test = {.prog_fd = fd, .repeat = 50, .data_in = (unsigned long)data, .data_size_in = 64}};

		if (syscall(__NR_bpf, BPF_PROG_TEST_RUN, &run, sizeof(run)))
			break;
		if ((double)run.test.duration / COUNT < best)
			best = (double)run.test.duration / COUNT;
	}
	if (fd >= 0)
		close(fd);
	return best < 1e17 ? best : -1;
}

static void print_number(double number)
{
	if (number < 0)
		printf(" %10s", "-");
	else
		printf(" %10.2f", number);
}

static void bench_loops(void)
{
	printf("%-22s %10s %10s %10s\n", "ns per instruction", "vm", "kernel", "ratio");
	for (u32 i = 0; i < sizeof(loops) / sizeof(*loops); i++) {
		double vm = time_vm(&loops[i]) / loops[i].insns, kernel = time_kernel(&loops[i]) / loops[i].insns;

		printf("%-22s", loops[i].name);
		print_number(vm);
		print_number(kernel);
		print_number(kernel > 0 ? vm / kernel : -1);
		printf("\n");
	}
}

static void bench_operations(void)
{
	double vm_rest = time_vm(&operations[0]), kernel_rest = time_kernel(&operations[0]);

	printf("\n%-22s %10s %10s %10s\n", "ns per map operation", "vm", "kernel", "ratio");
	for (u32 i = 1; i < sizeof(operations) / sizeof(*operations); i++) {
		double vm = time_vm(&operations[i]) - vm_rest, kernel = time_kernel(&operations[i]) - kernel_rest;

		printf("%-22s", operations[i].name);
		print_number(vm);
		print_number(kernel);
		print_number(kernel > 0 ? vm / kernel : -1);
		printf("\n");
	}
}

/* ---- map operations from threads, without a program ---- */

static u32 stop;

struct worker {
	pthread_t thread;
	u64 lookups, updates;
	u32 seed;
	int updating;
};

static void *work(void *argument)
{
	struct worker *worker = argument;
	u64 value[2] = {0}, out[2];
	u32 key = worker->seed;

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		for (int i = 0; i < 1000; i++) {
			key = (key * 1103515245 + 12345) & 16383;
			if (worker->updating)
				worker->updates += !vm_map_update(maps[1], &key, value, 0);
			else
				worker->lookups += !vm_map_lookup(maps[1], &key, out, 0);
		}
	}
	return NULL;
}

static void bench_threads(void)
{
	printf("\n%-22s %14s %14s\n", "million per second", "lookups", "updates");
	for (int threads = 1; threads <= 2; threads++) {
		double rates[2];

		for (int updating = 0; updating < 2; updating++) {
			struct worker workers[2] = {{.seed = 1, .updating = updating},
						    {.seed = 77, .updating = updating}};
			u64 total = 0;

			stop = 0;
			for (int i = 0; i < threads; i++)
				pthread_create(&workers[i].thread, NULL, work, &workers[i]);
			usleep(500000);
			__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
			for (int i = 0; i < threads; i++) {
				pthread_join(workers[i].thread, NULL);
				total += workers[i].lookups + workers[i].updates;
			}
			rates[updating] = total / 0.5 / 1e6;
		}
		printf("%d thread%-14s %14.2f %14.2f\n", threads, threads > 1 ? "s" : "", rates[0], rates[1]);
	}
}

int main(int argc, char **argv)
{
	char jit = '?';
	FILE *file = fopen("/proc/sys/net/core/bpf_jit_enable", "re");

	if (file) {
		jit = (char)fgetc(file);
		fclose(file);
	}
	make_maps();
	printf("kernel: %s (the other cannot be had without booting another kernel)\n\n",
	       jit == '0' ? "its interpreter" : "its JIT");
	bench_loops();
	bench_operations();
	bench_threads();
	bench_samples(argc > 1 ? argv[1] : ".output/kern");
	return 0;
}
