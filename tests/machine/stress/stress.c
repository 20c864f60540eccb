// SPDX-License-Identifier: GPL-2.0-only
/*
 * Maps under threads, for ThreadSanitizer: threads update, delete, look up and walk the same maps, run
 * programs that count, and fill a ring that one thread empties. In the end the counts must add up.
 *
 *   stress [SECONDS]
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "vm/vm.h"

#define THREADS 4
#define KEYS	64

static struct vm_map *hash, *lru, *counts, *queue, *ring, *outer;
static struct vm_program *program;
static u32 stop;
static u64 runs[THREADS], inserted[THREADS], deleted[THREADS], pushed[THREADS], popped[THREADS], sent[THREADS];
static u64 received, failures;

static void fail(const char *what)
{
	fprintf(stderr, "stress: %s\n", what);
	__atomic_fetch_add(&failures, 1, __ATOMIC_RELAXED);
}

static int map_by_fd(void *data, int fd, struct vm_map **map)
{
	struct vm_map *maps[] = {counts, ring, hash};

	(void)data;
	*map = maps[fd];
	vm_map_get(*map);
	return 0;
}

/* counts[0] += 1 atomically, through a value pointer; then 16 bytes into the ring. */
static const struct vm_insn insns[] = {
	{0x62, 10, 0, -4, 0}, {0x18, 1, 1, 0, 0}, {0, 0, 0, 0, 0},	{0xbf, 2, 10, 0, 0}, {0x07, 2, 0, 0, -4},
	{0x85, 0, 0, 0, 1},   {0x15, 0, 0, 2, 0}, {0xb7, 1, 0, 0, 1},	{0xdb, 0, 1, 0, 0},  {0x7a, 10, 0, -16, 7},
	{0x7a, 10, 0, -8, 7}, {0x18, 1, 1, 0, 1}, {0, 0, 0, 0, 0},	{0xbf, 2, 10, 0, 0}, {0x07, 2, 0, 0, -16},
	{0xb7, 3, 0, 0, 16},  {0xb7, 4, 0, 0, 0}, {0x85, 0, 0, 0, 130}, {0x95, 0, 0, 0, 0},
};

static void run_program(struct vm_machine *machine, int self)
{
	u64 result;

	machine->cpu = 0;
	if (vm_program_run(program, machine, &result))
		fail("a run ended with an error");
	runs[self]++;
	sent[self] += result == 0;
}

static void change_maps(int self, u32 *seed)
{
	u64 key = rand_r(seed) % KEYS, value[2] = {key, key}, out[2];
	u32 small = (u32)key, slot = 0;

	inserted[self] += !vm_map_update(hash, &key, value, VM_NOEXIST);
	vm_map_update(hash, &key, value, VM_EXIST);
	/* Both halves are written at once, or not at all: an element is replaced, not changed. */
	if (!vm_map_lookup(hash, &key, out, 0) && out[0] != out[1])
		fail("a value in pieces");
	if (rand_r(seed) % 2)
		deleted[self] += !vm_map_delete(hash, &key);
	vm_map_update(lru, &small, value, 0);
	vm_map_lookup(lru, &small, out, 0);
	pushed[self] += !vm_map_update(queue, NULL, value, 0);
	popped[self] += !vm_map_pop(queue, NULL, out, 0);
	if (rand_r(seed) % 64 == 0) {
		vm_map_get(hash);
		if (vm_map_set_object(outer, &slot, hash, 0))
			fail("set_object");
		vm_map_delete(outer, &slot);
	}
}

static void walk(void)
{
	u64 key, next;
	u32 steps = 0;
	int err;

	for (err = vm_map_next_key(hash, NULL, &next); !err && steps < 4 * KEYS; steps++) {
		key = next;
		err = vm_map_next_key(hash, &key, &next);
	}
}

static void *worker(void *argument)
{
	struct vm_machine *machine = calloc(1, sizeof(*machine));
	int self = (int)(long)argument;
	u32 seed = self + 1;

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		run_program(machine, self);
		change_maps(self, &seed);
		if (rand_r(&seed) % 16 == 0)
			walk();
	}
	free(machine);
	return NULL;
}

/* As libbpf reads a ring: until a record is busy. */
static void drain(void)
{
	u64 size, *consumer, *producer, at;
	char *memory = vm_map_memory(ring, &size);

	consumer = (u64 *)memory;
	producer = (u64 *)(memory + 4096);
	at = *consumer;
	while (at < __atomic_load_n(producer, __ATOMIC_ACQUIRE)) {
		u32 length = __atomic_load_n((u32 *)(memory + 8192 + (at & 4095)), __ATOMIC_ACQUIRE);

		if (length & VM_RING_BUSY)
			break;
		received += !(length & VM_RING_DISCARD);
		at += ((length & ~VM_RING_DISCARD) + 8 + 7) / 8 * 8;
		__atomic_store_n(consumer, at, __ATOMIC_RELEASE);
	}
}

static struct vm_map *make(u32 type, u32 key_size, u32 value_size, u32 max_entries)
{
	struct vm_map_attr attr = {.type = type,
				   .key_size = key_size,
				   .value_size = value_size,
				   .max_entries = max_entries,
				   .inner = hash};
	struct vm_map *map;

	if (vm_map_create(&attr, &map))
		exit(1);
	return map;
}

static u64 sum(const u64 *of)
{
	u64 total = 0;

	for (int i = 0; i < THREADS; i++)
		total += of[i];
	return total;
}

static void expect(const char *what, u64 is, u64 should)
{
	printf("%-28s %12llu\n", what, is);
	if (is != should) {
		fprintf(stderr, "stress: %s: %llu, should be %llu\n", what, is, should);
		failures++;
	}
}

static void check_counts(void)
{
	u64 key, next, value[2], left = 0, count;
	u32 zero = 0;
	int err;

	vm_map_lookup(counts, &zero, &count, 0);
	expect("runs counted", count, sum(runs));
	for (err = vm_map_next_key(hash, NULL, &next); !err; left++) {
		key = next;
		err = vm_map_next_key(hash, &key, &next);
	}
	expect("elements left in the hash", left, sum(inserted) - sum(deleted));
	for (left = 0; !vm_map_pop(queue, NULL, value, 0);)
		left++;
	expect("values left in the queue", left, sum(pushed) - sum(popped));
	drain();
	expect("ring records received", received, sum(sent));
}

int main(int argc, char **argv)
{
	struct vm_load load = {.type = VM_PROGRAM_SYSCALL,
			       .insns = insns,
			       .insn_count = sizeof(insns) / sizeof(*insns),
			       .map_by_fd = map_by_fd};
	time_t end = time(NULL) + (argc > 1 ? atoi(argv[1]) : 5);
	pthread_t threads[THREADS];

	hash = make(VM_MAP_HASH, 8, 16, KEYS / 2);
	lru = make(VM_MAP_LRU_HASH, 4, 16, KEYS / 4);
	counts = make(VM_MAP_ARRAY, 4, 8, 1);
	queue = make(VM_MAP_QUEUE, 0, 16, 16);
	ring = make(VM_MAP_RINGBUF, 0, 0, 4096);
	outer = make(VM_MAP_ARRAY_OF_MAPS, 4, 4, 1);
	if (vm_program_load(&load, &program))
		return 1;
	for (long i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, worker, (void *)i);
	while (time(NULL) < end)
		drain();
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	check_counts();
	vm_program_put(program);
	vm_map_put(outer);
	vm_map_put(ring);
	vm_map_put(queue);
	vm_map_put(counts);
	vm_map_put(lru);
	vm_map_put(hash);
	printf("%s\n", failures ? "failed" : "passed");
	return failures != 0;
}
