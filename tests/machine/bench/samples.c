// SPDX-License-Identifier: GPL-2.0-only
/*
 * The samples' own programs in the vm: nanoseconds per run, over an empty context whose pointers cannot be
 * read. libbpf loads them into the running kernel to have them relocated; what it cannot load is left out.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "bench.h"
#include "vm/vm.h"

#define RUNS	 20000
#define MAPS_MAX 32

static struct {
	int fd;
	struct vm_map *map;
} known[MAPS_MAX];
static u32 known_count;

static int map_by_fd(void *data, int fd, struct vm_map **map)
{
	(void)data;
	for (u32 i = 0; i < known_count; i++) {
		if (known[i].fd == fd) {
			vm_map_get(known[i].map);
			*map = known[i].map;
			return 0;
		}
	}
	return -EBADF;
}

static void copy_map(struct bpf_map *of)
{
	struct vm_map_attr attr = {.type = bpf_map__type(of),
				   .key_size = bpf_map__key_size(of),
				   .value_size = bpf_map__value_size(of),
				   .max_entries = bpf_map__max_entries(of),
				   .flags = bpf_map__map_flags(of)};
	size_t size;
	const void *initial = bpf_map__initial_value(of, &size);
	u32 key = 0;

	if (known_count == MAPS_MAX || vm_map_create(&attr, &known[known_count].map))
		return;
	if (initial)
		vm_map_update(known[known_count].map, &key, initial, 0);
	if (attr.flags & VM_F_RDONLY_PROG) /* as libbpf did: then the checker takes what is in there for constants */
		vm_map_freeze(known[known_count].map);
	known[known_count++].fd = bpf_map__fd(of);
}

static u64 fixed_number(struct vm_machine *machine)
{
	(void)machine;
	return 0x100000001ULL;
}

static void time_program(const char *object, struct bpf_program *program)
{
	static const struct vm_env env = {.pid_tgid = fixed_number, .task = fixed_number};
	static const struct vm_context_type context_type = {4096, 0, 0};
	static struct vm_machine machine;
	static char context[4096], log[256];
	struct vm_load load = {.type = bpf_program__type(program),
			       .insns = (const struct vm_insn *)bpf_program__insns(program),
			       .insn_count = bpf_program__insn_cnt(program),
			       .context = &context_type,
			       .map_by_fd = map_by_fd,
			       .log = log,
			       .log_size = sizeof(log)};
	struct vm_program *loaded;
	double start;
	u64 result, errors = 0;

	if (vm_program_load(&load, &loaded)) {
		printf("%-16s %-28s %s\n", object, bpf_program__name(program), log);
		return;
	}
	machine.env = &env;
	machine.context = context;
	machine.context_size = sizeof(context);
	start = bench_cpu_now();
	for (int i = 0; i < RUNS; i++)
		errors += vm_program_run(loaded, &machine, &result) != 0;
	printf("%-16s %-28s %6u insns %10.1f ns per run%s\n", object, bpf_program__name(program), load.insn_count,
	       (bench_cpu_now() - start) / RUNS, errors ? " (ends in an error)" : "");
	vm_program_put(loaded);
}

static int silent(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level, (void)format, (void)args;
	return 0;
}

static void time_object(const char *path)
{
	struct bpf_object *object = bpf_object__open_file(path, NULL);
	struct bpf_program *program;
	struct bpf_map *map;
	const char *name = strrchr(path, '/') + 1;
	char shown[64];

	if (!object)
		return;
	snprintf(shown, sizeof(shown), "%.*s", (int)strcspn(name, "_"), name);
	if (bpf_object__load(object)) {
		printf("%-16s this kernel does not load it\n", shown);
	} else {
		bpf_object__for_each_map(map, object) copy_map(map);
		bpf_object__for_each_program(program, object) if (bpf_program__autoload(program))
			time_program(shown, program);
	}
	while (known_count)
		vm_map_put(known[--known_count].map);
	bpf_object__close(object);
}

void bench_samples(const char *directory)
{
	char pattern[512];
	glob_t found;

	snprintf(pattern, sizeof(pattern), "%s/*_kern.o", directory);
	if (glob(pattern, 0, NULL, &found))
		return;
	printf("\nthe samples' programs\n");
	libbpf_set_print(silent);
	for (size_t i = 0; i < found.gl_pathc; i++)
		time_object(found.gl_pathv[i]);
	globfree(&found);
}
