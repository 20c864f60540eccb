// SPDX-License-Identifier: GPL-2.0-only
/*
 * The vm as a place. The build makes a second object of this one whose every vm_ name is that of the copy
 * built with the kernel's flags (vm/build.mk).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>
#include "machine.h"

extern const char user_place_name[];

static int read_memory(struct vm_machine *machine, void *to, u32 size, u64 from, int user)
{
	struct iovec local = {to, size}, remote = {(void *)(unsigned long)from, size};

	(void)machine, (void)user;
	return process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == (ssize_t)size ? 0 : -EFAULT;
}

static u64 constant_time(struct vm_machine *machine, enum vm_clock clock)
{
	(void)machine;
	return 1000 + clock;
}

static u64 constant_pid(struct vm_machine *machine)
{
	(void)machine;
	return 0x1234000056ULL;
}

static int constant_comm(struct vm_machine *machine, char *to, u32 size)
{
	(void)machine;
	strncpy(to, "machine", size);
	return 0;
}

static int constant_stack(struct vm_machine *machine, u64 *ips, u32 count, u32 skip, int user)
{
	u32 i;

	(void)machine;
	for (i = 0; i < count && i < 3; i++)
		ips[i] = (user ? 0x400000 : 0xffffffff81000000ULL) + (i + skip) * 16;
	return i;
}

static int constant_probe(struct vm_machine *machine, enum vm_probe_value which, u32 index, u64 *value)
{
	(void)machine;
	if (which == VM_PROBE_ARG && index > 1)
		return -EINVAL;
	*value = which * 100 + index;
	return 0;
}

static int keep_output(struct vm_machine *machine, struct vm_map *map, u32 cpu, const void *data, u32 size)
{
	(void)map, (void)cpu, (void)data, (void)size;
	return machine->data ? -ENOENT : 0;
}

static void ignore_text(struct vm_machine *machine, const char *text, u32 length)
{
	(void)machine, (void)text, (void)length;
}

static const struct vm_env env = {
	.read = read_memory,
	.time = constant_time,
	.pid_tgid = constant_pid,
	.comm = constant_comm,
	.stack = constant_stack,
	.probe_value = constant_probe,
	.perf_output = keep_output,
	.print = ignore_text,
};

static struct vm_machine machine = {.env = &env};

static int map_by_number(void *data, int fd, struct vm_map **map)
{
	struct vm_map **maps = data;

	if (fd < 0 || fd >= CASE_MAPS || !maps[fd])
		return -EBADF;
	vm_map_get(maps[fd]);
	*map = maps[fd];
	return 0;
}

static int is_percpu(const struct case_map *map)
{
	return map->type == VM_MAP_PERCPU_HASH || map->type == VM_MAP_PERCPU_ARRAY ||
	       map->type == VM_MAP_LRU_PERCPU_HASH;
}

/* Per-CPU values: of all CPUs the same. */
static int put_element(struct vm_map *map, const struct case_map *shape, const struct element *element)
{
	u64 size = vm_map_value_size(map), stride = (shape->value_size + 7) / 8 * 8;
	char *value = calloc(1, size + 8);
	int err;

	for (u64 at = 0; at + (is_percpu(shape) ? stride : size) <= size; at += is_percpu(shape) ? stride : size)
		memcpy(value + at, element->value, shape->value_size);
	err = vm_map_update(map, element->key, value, 0);
	free(value);
	return err;
}

static int put_inner(struct vm_map **maps, const struct element *element)
{
	struct vm_map *inner = maps[element->value[0]];
	int err;

	vm_map_get(inner);
	err = vm_map_set_object(maps[element->map], element->key, inner, 0);
	if (err)
		vm_map_put(inner);
	return err;
}

static int make_maps(const struct test_case *test, struct vm_map **maps)
{
	int err;

	for (u32 i = 0; i < test->map_count; i++) {
		const struct case_map *shape = &test->maps[i];
		struct vm_map_attr attr = {.type = shape->type,
					   .key_size = shape->key_size,
					   .value_size = shape->value_size,
					   .max_entries = shape->max_entries,
					   .flags = shape->flags,
					   .name = "test"};

		if (shape->inner >= 0)
			attr.inner = maps[shape->inner];
		err = vm_map_create(&attr, &maps[i]);
		if (err)
			return err;
	}
	for (u32 i = 0; i < test->before_count; i++) {
		const struct element *element = &test->before[i];

		if (test->maps[element->map].inner >= 0)
			err = put_inner(maps, element);
		else
			err = put_element(maps[element->map], &test->maps[element->map], element);
		if (err)
			return err;
	}
	for (u32 i = 0; i < test->map_count; i++)
		if (test->maps[i].frozen)
			vm_map_freeze(maps[i]);
	return 0;
}

static void dump_queue(struct vm_map *map, u32 number, const struct case_map *shape, struct outcome *outcome)
{
	u32 place = 0;

	while (outcome->element_count < CASE_MAPS * CASE_ELEMENTS) {
		struct element *element = &outcome->elements[outcome->element_count];

		memset(element, 0, sizeof(*element));
		element->map = number;
		element->key[0] = place++;
		if (shape->type == VM_MAP_RINGBUF || vm_map_pop(map, NULL, element->value, 0))
			break;
		outcome->element_count++;
	}
}

static void dump_map(struct vm_map *map, u32 number, const struct case_map *shape, struct outcome *outcome)
{
	char *value = calloc(1, vm_map_value_size(map) + 8);
	u8 key[KEY_MAX], *last = NULL;

	if (!shape->key_size)
		dump_queue(map, number, shape, outcome);
	while (shape->key_size && !vm_map_next_key(map, last, key) &&
	       outcome->element_count < CASE_MAPS * CASE_ELEMENTS) {
		struct element *element = &outcome->elements[outcome->element_count];

		last = key;
		memset(element, 0, sizeof(*element));
		element->map = number;
		memcpy(element->key, key, shape->key_size);
		if (shape->inner >= 0 || vm_map_lookup(map, key, value, 0))
			continue;
		memcpy(element->value, value, shape->value_size);
		outcome->element_count++;
	}
	free(value);
}

static void run_program(const struct test_case *test, struct vm_map **maps, struct outcome *outcome)
{
	static const struct vm_context_type socket = {192, 48, 68};
	struct vm_insn insns[CASE_INSNS];
	int fds[CASE_MAPS] = {0, 1, 2, 3, 4, 5};
	struct vm_load load = {.type = test->type,
			       .flags = test->load_flags,
			       .insns = insns,
			       .insn_count = test->insn_count,
			       .map_by_fd = map_by_number,
			       .data = maps,
			       .log = outcome->message,
			       .log_size = sizeof(outcome->message),
			       .context = test->type == VM_PROGRAM_SCHED_CLS ? &socket : NULL};
	struct vm_program *program;

	memcpy(insns, test->insns, test->insn_count * sizeof(*insns));
	link_maps(insns, test->insn_count, fds);
	outcome->load_error = vm_program_load(&load, &program);
	if (outcome->load_error)
		return;
	memcpy(outcome->context, test->context, test->context_size);
	machine.context = outcome->context;
	machine.context_size = test->context_size;
	machine.packet = (void *)test->packet;
	machine.packet_size = test->packet_size;
	machine.budget = test->budget;
	machine.cpu = sched_getcpu();
	outcome->run_error = vm_program_run(program, &machine, &outcome->result);
	if (outcome->run_error)
		vm_error_describe(program, &machine.error, outcome->message, sizeof(outcome->message));
	vm_program_put(program);
}

static void run(const struct test_case *test, struct outcome *outcome)
{
	struct vm_map *maps[CASE_MAPS] = {NULL};

	memset(outcome, 0, sizeof(*outcome));
	outcome->load_error = make_maps(test, maps);
	if (outcome->load_error)
		strcpy(outcome->message, "the maps cannot be made");
	else
		run_program(test, maps, outcome);
	for (u32 i = 0; i < test->map_count && maps[i]; i++)
		dump_map(maps[i], i, &test->maps[i], outcome);
	/* Outer maps first: they hold the inner ones. */
	for (u32 i = CASE_MAPS; i-- > 0;)
		vm_map_put(maps[i]);
	qsort(outcome->elements, outcome->element_count, sizeof(struct element), compare_elements);
}

static int available(void)
{
	return 1;
}

const struct place user_place = {user_place_name, 1, available, run};
