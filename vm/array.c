// SPDX-License-Identifier: GPL-2.0-only
/* Arrays: all elements exist from the start. Per-CPU ones have one block of values for each CPU. */
#include "map.h"

#define ARRAY_FLAGS                                                                                                    \
	(VM_F_NUMA_NODE | VM_F_MMAPABLE | VM_F_RDONLY | VM_F_WRONLY | VM_F_RDONLY_PROG | VM_F_WRONLY_PROG |            \
	 VM_F_PRESERVE_ELEMS | VM_F_INNER_MAP)
#define PERCPU_VALUE_MAX 32768 /* what the kernel's per-CPU allocator gives at once */

static int array_create(struct vm_map *map)
{
	const struct vm_map_attr *attr = &map->attr;
	u64 elements = (u64)attr->max_entries * (vm_map_is_percpu(map) ? port_cpu_count() : 1);

	if (!attr->max_entries || attr->key_size != 4 || !attr->value_size || (attr->flags & ~ARRAY_FLAGS))
		return -EINVAL;
	if (vm_map_is_percpu(map) && (attr->flags & (VM_F_MMAPABLE | VM_F_INNER_MAP)))
		return -EINVAL;
	if (attr->value_size > 0x7fffffff || (vm_map_is_percpu(map) && map->value_stride > PERCPU_VALUE_MAX))
		return -E2BIG;
	map->arena.stride = map->value_stride;
	map->arena.value_size = attr->value_size;
	map->arena.size = elements * map->value_stride;
	map->arena.start =
		attr->memory ? attr->memory : port_alloc_shared(vm_round_up(map->arena.size, PORT_PAGE_SIZE));
	return map->arena.start ? 0 : -ENOMEM;
}

static void array_destroy(struct vm_map *map)
{
	if (!map->attr.memory)
		port_free_shared(map->arena.start);
}

static u32 array_index(const void *key)
{
	u32 index;

	port_memcpy(&index, key, sizeof(index));
	return index;
}

static void *array_lookup(struct vm_map *map, const void *key, u32 cpu)
{
	u32 index = array_index(key);

	(void)cpu;
	if (index >= map->attr.max_entries)
		return NULL;
	return map->arena.start + (u64)index * map->value_stride;
}

static void *percpu_lookup(struct vm_map *map, const void *key, u32 cpu)
{
	u32 index = array_index(key);

	if (index >= map->attr.max_entries || cpu >= port_cpu_count())
		return NULL;
	return map->arena.start + ((u64)cpu * map->attr.max_entries + index) * map->value_stride;
}

static int update_error(struct vm_map *map, const void *key, u64 flags)
{
	if ((flags & ~(u64)VM_F_LOCK) > VM_EXIST)
		return -EINVAL;
	if (array_index(key) >= map->attr.max_entries)
		return -E2BIG;
	return flags & VM_NOEXIST ? -EEXIST : 0;
}

static int array_update(struct vm_map *map, const void *key, const void *value, u64 flags, u32 cpu)
{
	int err = update_error(map, key, flags);
	unsigned long lock_flags;

	if (err)
		return err;
	if (!(flags & VM_F_LOCK)) {
		vm_value_copy(array_lookup(map, key, cpu), value, map->attr.value_size);
		return 0;
	}
	if (port_lock(&map->spin, &lock_flags))
		return -EBUSY;
	vm_value_copy(array_lookup(map, key, cpu), value, map->attr.value_size);
	port_unlock(&map->spin, lock_flags);
	return 0;
}

static int percpu_update(struct vm_map *map, const void *key, const void *value, u64 flags, u32 cpu)
{
	int err = flags > VM_EXIST ? -EINVAL : update_error(map, key, flags);
	u32 each;

	if (err)
		return err;
	if (cpu != VM_EVERY_CPU) {
		vm_value_copy(percpu_lookup(map, key, cpu), value, map->attr.value_size);
		return 0;
	}
	for (each = 0; each < port_cpu_count(); each++)
		vm_value_copy(percpu_lookup(map, key, each), (const char *)value + (u64)each * map->value_stride,
			      map->value_stride);
	return 0;
}

static int array_remove(struct vm_map *map, const void *key)
{
	(void)map;
	(void)key;
	return -EINVAL;
}

int vm_array_next_key(struct vm_map *map, const void *key, void *next)
{
	u32 index = key ? array_index(key) : 0xffffffff;

	if (index >= map->attr.max_entries)
		index = 0;
	else if (++index == map->attr.max_entries)
		return -ENOENT;
	port_memcpy(next, &index, sizeof(index));
	return 0;
}

/* There are no keys in memory: whoever needs one takes it from the cursor, which is the index plus one. */
static int array_each(struct vm_map *map, u32 *cursor, const void **key, void **value, u32 cpu)
{
	u32 index = *cursor;

	if (index >= map->attr.max_entries)
		return 0;
	*key = NULL;
	*value = map->ops->lookup(map, &index, cpu);
	*cursor = index + 1;
	return 1;
}

const struct vm_map_ops vm_array_ops = {
	.name = "array",
	.create = array_create,
	.destroy = array_destroy,
	.lookup = array_lookup,
	.update = array_update,
	.remove = array_remove,
	.next_key = vm_array_next_key,
	.each = array_each,
};

const struct vm_map_ops vm_percpu_array_ops = {
	.name = "percpu array",
	.create = array_create,
	.destroy = array_destroy,
	.lookup = percpu_lookup,
	.update = percpu_update,
	.remove = array_remove,
	.next_key = vm_array_next_key,
	.each = array_each,
};
