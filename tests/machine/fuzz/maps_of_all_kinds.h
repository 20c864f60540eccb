/* SPDX-License-Identifier: GPL-2.0-only */
/* One small map of each kind, for fuzzed programs to name by file descriptor. */
#ifndef FUZZ_MAPS_H
#define FUZZ_MAPS_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "vm/vm.h"

static const struct vm_map_attr fuzz_kinds[] = {
	{.type = VM_MAP_ARRAY, .key_size = 4, .value_size = 16, .max_entries = 3},
	{.type = VM_MAP_HASH, .key_size = 8, .value_size = 16, .max_entries = 3},
	{.type = VM_MAP_PERCPU_ARRAY, .key_size = 4, .value_size = 16, .max_entries = 2},
	{.type = VM_MAP_PERCPU_HASH, .key_size = 4, .value_size = 12, .max_entries = 2},
	{.type = VM_MAP_LRU_HASH, .key_size = 4, .value_size = 8, .max_entries = 2},
	{.type = VM_MAP_LPM_TRIE, .key_size = 8, .value_size = 8, .max_entries = 3, .flags = VM_F_NO_PREALLOC},
	{.type = VM_MAP_QUEUE, .value_size = 8, .max_entries = 2},
	{.type = VM_MAP_STACK, .value_size = 8, .max_entries = 2},
	{.type = VM_MAP_RINGBUF, .max_entries = 4096},
	{.type = VM_MAP_STACK_TRACE, .key_size = 4, .value_size = 24, .max_entries = 2},
	{.type = VM_MAP_PROG_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 2},
	{.type = VM_MAP_PERF_EVENT_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 2},
	{.type = VM_MAP_ARRAY_OF_MAPS, .key_size = 4, .value_size = 4, .max_entries = 2},
	{.type = VM_MAP_HASH_OF_MAPS, .key_size = 4, .value_size = 4, .max_entries = 2},
	{.type = VM_MAP_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 1, .flags = VM_F_RDONLY_PROG},
};

#define FUZZ_MAPS (sizeof(fuzz_kinds) / sizeof(*fuzz_kinds))

static struct vm_map *fuzz_maps[FUZZ_MAPS];

static inline void fuzz_maps_create(void)
{
	u32 key = 0;

	for (u32 i = 0; i < FUZZ_MAPS && !fuzz_maps[i]; i++) {
		struct vm_map_attr attr = fuzz_kinds[i];

		attr.inner = fuzz_maps[1];
		if (vm_map_create(&attr, &fuzz_maps[i]))
			abort();
		if (attr.type == VM_MAP_ARRAY_OF_MAPS || attr.type == VM_MAP_HASH_OF_MAPS) {
			vm_map_get(fuzz_maps[1]);
			if (vm_map_set_object(fuzz_maps[i], &key, fuzz_maps[1], 0))
				abort();
		}
	}
	vm_map_freeze(fuzz_maps[FUZZ_MAPS - 1]);
}

static inline int fuzz_map_by_fd(void *data, int fd, struct vm_map **map)
{
	(void)data;
	if (fd < 0)
		return -EBADF;
	*map = fuzz_maps[(u32)fd % FUZZ_MAPS];
	vm_map_get(*map);
	return 0;
}

#endif
