// SPDX-License-Identifier: GPL-2.0-only
/*
 * What bpf(2) answers about maps, asked of the vm and of the running kernel: every error number and every
 * byte must be the same. Where there is no bpf(2), only the vm's own consistency is tested.
 */
#define _GNU_SOURCE
#include <CUnit/Basic.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "machine.h"
#include "suites.h"

#define VALUE_BYTES 1024

static long bpf(int command, union bpf_attr *attr)
{
	return syscall(__NR_bpf, command, attr, sizeof(*attr)) < 0 ? -errno : 0;
}

static int kernel_create(const struct vm_map_attr *shape, int inner, int *fd)
{
	union bpf_attr attr = {.map_type = shape->type,
			       .key_size = shape->key_size,
			       .value_size = shape->value_size,
			       .max_entries = shape->max_entries,
			       .map_flags = shape->flags,
			       .inner_map_fd = inner};

	*fd = syscall(__NR_bpf, BPF_MAP_CREATE, &attr, sizeof(attr));
	return *fd < 0 ? -errno : 0;
}

/* Shapes that are wrong in one way each, and some that are not. */
static const struct vm_map_attr shapes[] = {
	{.type = VM_MAP_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 1},
	{.type = VM_MAP_ARRAY, .key_size = 8, .value_size = 8, .max_entries = 1},
	{.type = VM_MAP_ARRAY, .key_size = 4, .value_size = 0, .max_entries = 1},
	{.type = VM_MAP_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 0},
	{.type = VM_MAP_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 1, .flags = VM_F_NO_PREALLOC},
	{.type = VM_MAP_ARRAY, .key_size = 4, .value_size = 0x80000000, .max_entries = 1},
	{.type = VM_MAP_ARRAY,
	 .key_size = 4,
	 .value_size = 8,
	 .max_entries = 1,
	 .flags = VM_F_RDONLY_PROG | VM_F_WRONLY_PROG},
	{.type = VM_MAP_PERCPU_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 1, .flags = VM_F_MMAPABLE},
	{.type = VM_MAP_PERCPU_ARRAY, .key_size = 4, .value_size = 40000, .max_entries = 1},
	{.type = VM_MAP_HASH, .key_size = 0, .value_size = 8, .max_entries = 1},
	{.type = VM_MAP_HASH, .key_size = 4, .value_size = 0, .max_entries = 1},
	{.type = VM_MAP_HASH, .key_size = 4, .value_size = 8, .max_entries = 0},
	{.type = VM_MAP_HASH, .key_size = 4, .value_size = 8 << 20, .max_entries = 1},
	{.type = VM_MAP_HASH, .key_size = 4, .value_size = 8, .max_entries = 1, .flags = VM_F_NO_PREALLOC},
	{.type = VM_MAP_HASH, .key_size = 4, .value_size = 8, .max_entries = 1, .flags = VM_F_NO_COMMON_LRU},
	{.type = VM_MAP_HASH, .key_size = 4, .value_size = 8, .max_entries = 1, .flags = VM_F_MMAPABLE},
	{.type = VM_MAP_PERCPU_HASH, .key_size = 4, .value_size = 40000, .max_entries = 1},
	{.type = VM_MAP_LRU_HASH, .key_size = 4, .value_size = 8, .max_entries = 1, .flags = VM_F_NO_PREALLOC},
	{.type = VM_MAP_LRU_HASH, .key_size = 4, .value_size = 8, .max_entries = 8},
	{.type = VM_MAP_LPM_TRIE, .key_size = 8, .value_size = 4, .max_entries = 1},
	{.type = VM_MAP_LPM_TRIE, .key_size = 4, .value_size = 4, .max_entries = 1, .flags = VM_F_NO_PREALLOC},
	{.type = VM_MAP_LPM_TRIE, .key_size = 261, .value_size = 4, .max_entries = 1, .flags = VM_F_NO_PREALLOC},
	{.type = VM_MAP_LPM_TRIE, .key_size = 260, .value_size = 4, .max_entries = 1, .flags = VM_F_NO_PREALLOC},
	{.type = VM_MAP_QUEUE, .key_size = 4, .value_size = 4, .max_entries = 1},
	{.type = VM_MAP_QUEUE, .key_size = 0, .value_size = 0, .max_entries = 1},
	{.type = VM_MAP_STACK, .key_size = 0, .value_size = 4, .max_entries = 0},
	{.type = VM_MAP_RINGBUF, .max_entries = 4096},
	{.type = VM_MAP_RINGBUF, .max_entries = 4095},
	{.type = VM_MAP_RINGBUF, .max_entries = 12288},
	{.type = VM_MAP_RINGBUF, .max_entries = 2048},
	{.type = VM_MAP_RINGBUF, .key_size = 4, .max_entries = 4096},
	{.type = VM_MAP_STACK_TRACE, .key_size = 4, .value_size = 12, .max_entries = 1},
	{.type = VM_MAP_STACK_TRACE, .key_size = 4, .value_size = 8 * 128, .max_entries = 1},
	{.type = VM_MAP_STACK_TRACE, .key_size = 4, .value_size = 8 * 127, .max_entries = 1},
	{.type = VM_MAP_PROG_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 1},
	{.type = VM_MAP_PROG_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 0},
	{.type = VM_MAP_PERF_EVENT_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 2},
	{.type = VM_MAP_ARRAY_OF_MAPS, .key_size = 4, .value_size = 8, .max_entries = 2},
	{.type = 0, .key_size = 4, .value_size = 8, .max_entries = 2},
	{.type = 200, .key_size = 4, .value_size = 8, .max_entries = 2},
};

static void creation_fails_as_in_the_kernel(void)
{
	for (u32 i = 0; i < sizeof(shapes) / sizeof(*shapes); i++) {
		struct vm_map *map = NULL, *inner = NULL;
		struct vm_map_attr attr = shapes[i];
		int fd = -1, inner_fd = -1, ours, kernels;

		vm_map_create(&shapes[0], &inner);
		kernel_create(&shapes[0], 0, &inner_fd);
		attr.inner = inner;
		ours = vm_map_create(&attr, &map);
		kernels = kernel_create(&shapes[i], inner_fd, &fd);
		if (bpf_place.available() && ours != kernels) {
			printf("  shape %u (type %u): %d, kernel %d\n", i, attr.type, ours, kernels);
			CU_FAIL("creation");
		}
		if (!ours)
			vm_map_put(map);
		vm_map_put(inner);
		close(fd);
		close(inner_fd);
	}
}

static u64 state;

static u32 below(u32 bound)
{
	state = state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (u32)(state >> 33) % bound;
}

struct call {
	u32 kind;
	u8 key[16];
	u8 value[VALUE_BYTES];
	u64 flags;
	int no_key;
};

static int ours(struct vm_map *map, struct call *call, u8 *out)
{
	switch (call->kind) {
	case 0:
	case 1:
		return vm_map_update(map, call->key, call->value, call->flags);
	case 2:
		return vm_map_delete(map, call->key);
	case 3:
		return vm_map_lookup(map, call->key, out, call->flags & VM_F_LOCK ? 8 : call->flags / 2 * 8);
	default:
		return vm_map_pop(map, call->key, out, 0);
	}
}

static int kernels(int fd, struct call *call, u8 *out)
{
	union bpf_attr attr = {.map_fd = fd};

	attr.key = call->no_key ? 0 : (unsigned long)call->key;
	attr.value = (unsigned long)(call->kind < 2 ? call->value : out);
	attr.flags = call->flags;
	switch (call->kind) {
	case 0:
	case 1:
		return bpf(BPF_MAP_UPDATE_ELEM, &attr);
	case 2:
		attr.flags = 0;
		attr.value = 0;
		return bpf(BPF_MAP_DELETE_ELEM, &attr);
	case 3:
		attr.flags = call->flags & VM_F_LOCK ? 8 : call->flags / 2 * 8;
		return bpf(BPF_MAP_LOOKUP_ELEM, &attr);
	default:
		attr.flags = 0;
		return bpf(BPF_MAP_LOOKUP_AND_DELETE_ELEM, &attr);
	}
}

static void random_call(struct call *call, const struct vm_map_attr *shape)
{
	memset(call, 0, sizeof(*call));
	call->kind = below(5);
	call->flags = below(4) ? 0 : below(4);
	call->no_key = !shape->key_size;
	call->key[0] = below(10);
	if (shape->type == VM_MAP_LPM_TRIE) {
		/* Only prefixes whose other bits are zero: the kernel keeps what it is given, the vm does not. */
		call->key[0] = below(5) * 8;
		for (u32 i = 0; i < call->key[0] / 8u && i < 4; i++)
			call->key[4 + i] = below(2);
	}
	for (u32 i = 0; i < sizeof(call->value); i++)
		call->value[i] = below(256);
}

static int same_call(struct vm_map *map, int fd, const struct vm_map_attr *shape, struct call *call)
{
	u8 out[VALUE_BYTES] = {0}, kernel_out[VALUE_BYTES] = {0};
	int us = ours(map, call, out), them = kernels(fd, call, kernel_out);

	if (us == them && !memcmp(out, kernel_out, sizeof(out)))
		return 1;
	/* Taking stack traces out came in 6.18; call 4 is that. */
	if (shape->type == VM_MAP_STACK_TRACE && call->kind == 4 && them == -524)
		return 1;
	printf("  type %u, call %u, key %u, flags %llu: %d, kernel %d\n", shape->type, call->kind, call->key[0],
	       call->flags, us, them);
	return 0;
}

/* All keys, each once, and -ENOENT at the end. */
static u32 count_keys(struct vm_map *map)
{
	u8 key[16], next[16], *last = NULL;
	u32 count = 0;

	while (!vm_map_next_key(map, last, next) && count < 1000) {
		memcpy(key, next, sizeof(key));
		last = key;
		count++;
	}
	return count;
}

static u32 kernel_count_keys(int fd)
{
	u8 key[16], next[16];
	union bpf_attr attr = {.map_fd = fd, .next_key = (unsigned long)next};
	u32 count = 0;

	while (!bpf(BPF_MAP_GET_NEXT_KEY, &attr) && count < 1000) {
		memcpy(key, next, sizeof(key));
		memset(&attr, 0, sizeof(attr));
		attr.map_fd = fd;
		attr.key = (unsigned long)key;
		attr.next_key = (unsigned long)next;
		count++;
	}
	return count;
}

static void calls_answer_as_in_the_kernel(void)
{
	static const struct vm_map_attr kinds[] = {
		{.type = VM_MAP_ARRAY, .key_size = 4, .value_size = 12, .max_entries = 7},
		{.type = VM_MAP_PERCPU_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 7},
		{.type = VM_MAP_HASH, .key_size = 8, .value_size = 12, .max_entries = 7},
		{.type = VM_MAP_HASH, .key_size = 5, .value_size = 3, .max_entries = 7, .flags = VM_F_NO_PREALLOC},
		{.type = VM_MAP_PERCPU_HASH, .key_size = 4, .value_size = 8, .max_entries = 7},
		{.type = VM_MAP_LRU_HASH, .key_size = 4, .value_size = 8, .max_entries = 512},
		{.type = VM_MAP_LRU_PERCPU_HASH, .key_size = 4, .value_size = 8, .max_entries = 512},
		{.type = VM_MAP_LPM_TRIE, .key_size = 8, .value_size = 12, .max_entries = 7, .flags = VM_F_NO_PREALLOC},
		{.type = VM_MAP_QUEUE, .value_size = 12, .max_entries = 5},
		{.type = VM_MAP_STACK, .value_size = 12, .max_entries = 5},
		{.type = VM_MAP_RINGBUF, .max_entries = 4096},
		{.type = VM_MAP_STACK_TRACE, .key_size = 4, .value_size = 80, .max_entries = 16},
	};
	struct call call;

	if (!bpf_place.available())
		return;
	for (u32 i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		struct vm_map *map;
		int fd, good = 1;

		state = i;
		CU_ASSERT_FATAL(!vm_map_create(&kinds[i], &map));
		CU_ASSERT_FATAL(!kernel_create(&kinds[i], 0, &fd));
		for (u32 step = 0; step < 5000 && good; step++) {
			random_call(&call, &kinds[i]);
			good = same_call(map, fd, &kinds[i], &call);
		}
		CU_ASSERT(good);
		if (kinds[i].key_size)
			CU_ASSERT_EQUAL(count_keys(map), kernel_count_keys(fd));
		vm_map_put(map);
		close(fd);
	}
}

static void frozen_maps_are_written_by_programs_only(void)
{
	struct vm_map_attr attr = {.type = VM_MAP_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 1};
	struct vm_map *map;
	u64 value = 1;
	u32 key = 0;

	CU_ASSERT_FATAL(!vm_map_create(&attr, &map));
	CU_ASSERT_EQUAL(vm_map_update(map, &key, &value, 0), 0);
	CU_ASSERT_EQUAL(vm_map_freeze(map), 0);
	CU_ASSERT_EQUAL(vm_map_freeze(map), -EBUSY);
	CU_ASSERT_EQUAL(vm_map_update(map, &key, &value, 0), -EPERM);
	CU_ASSERT_EQUAL(vm_map_delete(map, &key), -EPERM);
	CU_ASSERT_EQUAL(vm_map_lookup(map, &key, &value, 0), 0);
	vm_map_put(map);
}

static void lru_keeps_what_is_looked_up(void)
{
	struct vm_map_attr attr = {.type = VM_MAP_LRU_HASH, .key_size = 4, .value_size = 8, .max_entries = 64};
	struct vm_map *map;
	u64 value = 0;
	u32 key;

	CU_ASSERT_FATAL(!vm_map_create(&attr, &map));
	for (key = 0; key < 1000; key++)
		CU_ASSERT_EQUAL(vm_map_update(map, &key, &value, 0), 0);
	CU_ASSERT_EQUAL(count_keys(map), 64);
	key = 999;
	CU_ASSERT_EQUAL(vm_map_lookup(map, &key, &value, 0), 0);
	vm_map_put(map);
}

static void inner_maps_must_look_alike(void)
{
	struct vm_map_attr attr = {.type = VM_MAP_HASH, .key_size = 4, .value_size = 8, .max_entries = 4};
	struct vm_map_attr outer_attr = {
		.type = VM_MAP_ARRAY_OF_MAPS, .key_size = 4, .value_size = 4, .max_entries = 2};
	struct vm_map *model, *other, *outer;
	u32 key = 0, id = 0;

	CU_ASSERT_FATAL(!vm_map_create(&attr, &model));
	attr.value_size = 16;
	CU_ASSERT_FATAL(!vm_map_create(&attr, &other));
	outer_attr.inner = model;
	CU_ASSERT_FATAL(!vm_map_create(&outer_attr, &outer));
	CU_ASSERT_EQUAL(vm_map_set_object(outer, &key, other, 0), -EINVAL);
	CU_ASSERT_EQUAL(vm_map_lookup(outer, &key, &id, 0), -ENOENT);
	vm_map_get(model);
	CU_ASSERT_EQUAL(vm_map_set_object(outer, &key, model, 0), 0);
	CU_ASSERT_EQUAL(vm_map_lookup(outer, &key, &id, 0), 0);
	CU_ASSERT_EQUAL(id, vm_map_id(model));
	CU_ASSERT_EQUAL(vm_map_delete(outer, &key), 0);
	CU_ASSERT_EQUAL(vm_map_delete(outer, &key), -ENOENT);
	vm_map_put(outer);
	vm_map_put(other);
	vm_map_put(model);
}

int maps_register(void)
{
	CU_pSuite suite = CU_add_suite("maps", NULL, NULL);

	return !suite || !CU_ADD_TEST(suite, creation_fails_as_in_the_kernel) ||
	       !CU_ADD_TEST(suite, calls_answer_as_in_the_kernel) ||
	       !CU_ADD_TEST(suite, frozen_maps_are_written_by_programs_only) ||
	       !CU_ADD_TEST(suite, lru_keeps_what_is_looked_up) || !CU_ADD_TEST(suite, inner_maps_must_look_alike);
}
