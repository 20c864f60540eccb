// SPDX-License-Identifier: GPL-2.0-only
/*
 * The running kernel as a place: bpf(2) and BPF_PROG_TEST_RUN. The same calls through /dev/anyprobe make
 * the module another one.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "kmod/protocol.h"
#include "machine.h"

static int device = -1; /* -1: the kernel itself */

static u64 pointer(const void *of)
{
	return (unsigned long)of;
}

static long bpf(int command, union bpf_attr *attr)
{
	struct anyprobe_bpf call = {command, sizeof(*attr), pointer(attr)};

	return device >= 0 ? ioctl(device, ANYPROBE_IOC_BPF, &call) : syscall(__NR_bpf, command, attr, sizeof(*attr));
}

u32 port_cpu_count(void);

static int is_percpu(const struct case_map *map)
{
	return map->type == BPF_MAP_TYPE_PERCPU_HASH || map->type == BPF_MAP_TYPE_PERCPU_ARRAY ||
	       map->type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
}

static u32 value_bytes(const struct case_map *map)
{
	return is_percpu(map) ? (map->value_size + 7) / 8 * 8 * port_cpu_count() : map->value_size;
}

static int map_create(const struct case_map *shape, const int *fds)
{
	union bpf_attr attr = {.map_type = shape->type,
			       .key_size = shape->key_size,
			       .value_size = shape->value_size,
			       .max_entries = shape->max_entries,
			       .map_flags = shape->flags,
			       .map_name = "test"};

	if (shape->inner >= 0)
		attr.inner_map_fd = fds[shape->inner];
	return bpf(BPF_MAP_CREATE, &attr);
}

static int put_element(const int *fds, const struct test_case *test, const struct element *element)
{
	const struct case_map *shape = &test->maps[element->map];
	char *value = calloc(1, value_bytes(shape) + 8);
	union bpf_attr attr = {.map_fd = fds[element->map],
			       .key = shape->key_size ? pointer(element->key) : 0,
			       .value = pointer(value)};
	int err;

	for (u32 at = 0; at < value_bytes(shape); at += is_percpu(shape) ? (shape->value_size + 7) / 8 * 8 : 4096)
		memcpy(value + at, element->value, shape->value_size);
	if (shape->inner >= 0)
		memcpy(value, &fds[element->value[0]], 4);
	err = bpf(BPF_MAP_UPDATE_ELEM, &attr);
	free(value);
	return err ? -errno : 0;
}

static int make_maps(const struct test_case *test, int *fds)
{
	for (u32 i = 0; i < test->map_count; i++) {
		fds[i] = map_create(&test->maps[i], fds);
		if (fds[i] < 0)
			return -errno;
	}
	for (u32 i = 0; i < test->before_count; i++) {
		int err = put_element(fds, test, &test->before[i]);

		if (err)
			return err;
	}
	for (u32 i = 0; i < test->map_count; i++) {
		union bpf_attr attr = {.map_fd = fds[i]};

		if (test->maps[i].frozen)
			bpf(BPF_MAP_FREEZE, &attr);
	}
	return 0;
}

static void dump_map(int fd, u32 number, const struct case_map *shape, struct outcome *outcome)
{
	char *value = calloc(1, value_bytes(shape) + 8);
	u8 key[KEY_MAX], next[KEY_MAX];
	u64 last = 0;
	u32 place = 0;

	while (outcome->element_count < CASE_MAPS * CASE_ELEMENTS && shape->type != BPF_MAP_TYPE_RINGBUF) {
		struct element *element = &outcome->elements[outcome->element_count];
		union bpf_attr attr = {.map_fd = fd, .key = last, .next_key = pointer(next)};

		memset(element, 0, sizeof(*element));
		element->map = number;
		if (shape->key_size && bpf(BPF_MAP_GET_NEXT_KEY, &attr))
			break;
		memcpy(key, next, sizeof(key));
		last = pointer(key);
		memset(&attr, 0, sizeof(attr));
		attr.map_fd = fd;
		attr.key = shape->key_size ? pointer(key) : 0;
		attr.value = pointer(value);
		if (bpf(shape->key_size ? BPF_MAP_LOOKUP_ELEM : BPF_MAP_LOOKUP_AND_DELETE_ELEM, &attr)) {
			if (!shape->key_size)
				break;
			continue;
		}
		if (shape->inner >= 0)
			continue;
		memcpy(element->key, key, shape->key_size);
		if (!shape->key_size)
			element->key[0] = place++;
		memcpy(element->value, value, shape->value_size);
		outcome->element_count++;
	}
	free(value);
}

/* The last line of the verifier's log that says something. */
static void keep_reason(char *log, struct outcome *outcome)
{
	char *end = strstr(log, "processed "), *line;

	if (end)
		*end = '\0';
	for (u32 length = strlen(log); length && log[length - 1] == '\n';)
		log[--length] = '\0';
	line = strrchr(log, '\n');
	snprintf(outcome->message, sizeof(outcome->message), "%.300s", line ? line + 1 : log);
}

/* The vm names a map by its file descriptor; here it has its number in the test. */
static void number_maps(const int *fds, struct outcome *outcome)
{
	char real[32], number[32], rest[sizeof(outcome->message)], *at;

	for (int i = 0; i < CASE_MAPS; i++) {
		snprintf(real, sizeof(real), "map[fd:%d]", fds[i]);
		snprintf(number, sizeof(number), "map[fd:%d]", i);
		at = strstr(outcome->message, real);
		if (!at)
			continue;
		strcpy(rest, at + strlen(real));
		snprintf(at, sizeof(outcome->message) - (at - outcome->message), "%s%s", number, rest);
		return;
	}
}

/* place_btf.c */
int btf_load(void);
u32 btf_functions(const struct vm_insn *insns, u32 count, struct bpf_func_info *functions);

static int has_callback(const struct test_case *test)
{
	for (u32 i = 0; i < test->insn_count; i++)
		if (test->insns[i].code == VM_LD_IMM64 && test->insns[i].src == VM_PSEUDO_FUNC)
			return 1;
	return 0;
}

static int program_load(const struct test_case *test, const int *fds, struct outcome *outcome)
{
	static struct vm_insn insns[CASE_INSNS];
	static struct bpf_func_info functions[CASE_INSNS];
	static char log[1 << 20];
	static int btf = -1;
	union bpf_attr attr = {.prog_type = test->type,
			       .insn_cnt = test->insn_count,
			       .insns = pointer(insns),
			       .license = pointer("GPL")};
	int fd;

	memcpy(insns, test->insns, test->insn_count * sizeof(*insns));
	link_maps(insns, test->insn_count, fds);
	if (test->type == BPF_PROG_TYPE_SYSCALL)
		attr.prog_flags = BPF_F_SLEEPABLE;
	if (has_callback(test) && device < 0) {
		btf = btf >= 0 ? btf : btf_load();
		attr.prog_btf_fd = btf;
		attr.func_info = pointer(functions);
		attr.func_info_rec_size = sizeof(*functions);
		attr.func_info_cnt = btf_functions(insns, test->insn_count, functions);
	}
	fd = bpf(BPF_PROG_LOAD, &attr);
	if (fd >= 0)
		return fd;
	outcome->load_error = -errno;
	attr.log_buf = pointer(log);
	attr.log_size = sizeof(log);
	attr.log_level = 1;
	log[0] = '\0';
	fd = bpf(BPF_PROG_LOAD, &attr);
	if (fd >= 0)
		close(fd);
	keep_reason(log, outcome);
	return -1;
}

static void program_run(const struct test_case *test, int fd, struct outcome *outcome)
{
	union bpf_attr attr = {.test.prog_fd = fd};
	u8 data_out[512] = {0};

	memcpy(outcome->context, test->context, test->context_size);
	if (test->type == BPF_PROG_TYPE_SYSCALL) {
		attr.test.ctx_in = pointer(outcome->context);
		attr.test.ctx_size_in = test->context_size;
	} else {
		attr.test.data_in = pointer(test->packet);
		attr.test.data_size_in = test->packet_size;
	}
	if (test->type != BPF_PROG_TYPE_SYSCALL || device >= 0) {
		attr.test.data_out = pointer(data_out);
		attr.test.data_size_out = sizeof(data_out);
	}
	if (bpf(BPF_PROG_TEST_RUN, &attr))
		outcome->run_error = -errno;
	if (outcome->run_error == -EFAULT && device >= 0) /* the module says why, in place of a packet */
		snprintf(outcome->message, sizeof(outcome->message), "%.399s", (char *)data_out);
	outcome->result = attr.test.retval;
}

static void run(const struct test_case *test, struct outcome *outcome)
{
	int fds[CASE_MAPS] = {-1, -2, -3, -4, -5, -6}, fd = -1;

	memset(outcome, 0, sizeof(*outcome));
	outcome->load_error = make_maps(test, fds);
	if (outcome->load_error)
		strcpy(outcome->message, "the maps cannot be made");
	else
		fd = program_load(test, fds, outcome);
	if (fd >= 0) {
		program_run(test, fd, outcome);
		close(fd);
	}
	number_maps(fds, outcome);
	for (u32 i = 0; i < test->map_count && fds[i] >= 0; i++)
		dump_map(fds[i], i, &test->maps[i], outcome);
	for (u32 i = 0; i < CASE_MAPS; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	qsort(outcome->elements, outcome->element_count, sizeof(struct element), compare_elements);
}

static int available(void)
{
	static const struct vm_insn insns[] = {{0xb7, 0, 0, 0, 0}, {0x95, 0, 0, 0, 0}};
	union bpf_attr attr = {.prog_type = BPF_PROG_TYPE_SYSCALL,
			       .insn_cnt = 2,
			       .insns = pointer(insns),
			       .license = pointer("GPL"),
			       .prog_flags = BPF_F_SLEEPABLE};
	int fd = bpf(BPF_PROG_LOAD, &attr);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* 0: the usual one. */
static void module_set_budget(u32 budget)
{
	static u32 now;
	FILE *file;

	if (budget == now)
		return;
	file = fopen("/sys/module/anyprobe/parameters/budget", "we");
	if (file) {
		fprintf(file, "%u\n", budget ? budget : 1000000);
		fclose(file);
	}
	now = budget;
}

/* Programs get the module's own budget, which is everybody's: it is given back. */
static void run_in_module(const struct test_case *test, struct outcome *outcome)
{
	device = open(ANYPROBE_DEVICE, O_RDWR | O_CLOEXEC);
	module_set_budget(test->budget);
	run(test, outcome);
	module_set_budget(0);
	close(device);
	device = -1;
}

static int available_in_module(void)
{
	return !access(ANYPROBE_DEVICE, R_OK | W_OK);
}

const struct place module_place = {"module", 0, available_in_module, run_in_module};
const struct place bpf_place = {"kernel", 0, available, run};
