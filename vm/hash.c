// SPDX-License-Identifier: GPL-2.0-only
/* Hash tables: creation, finding, walking. Changing them is in hash_update.c. */
#include "hash.h"

#define HASH_FLAGS                                                                                                     \
	(VM_F_NO_PREALLOC | VM_F_NO_COMMON_LRU | VM_F_NUMA_NODE | VM_F_RDONLY | VM_F_WRONLY | VM_F_RDONLY_PROG |       \
	 VM_F_WRONLY_PROG | VM_F_ZERO_SEED)
#define PERCPU_VALUE_MAX 32768
#define ELEMENT_MAX	 (4U << 20) /* what kmalloc gives at once */
#define LOCKS_MAX	 256

struct vm_element *vm_hash_at(const struct vm_hash *hash, u32 index)
{
	return (struct vm_element *)(hash->elements + (u64)index * hash->stride);
}

static char *key_of(struct vm_element *element)
{
	return (char *)(element + 1);
}

static int is_lru(const struct vm_map *map)
{
	return map->attr.type == VM_MAP_LRU_HASH || map->attr.type == VM_MAP_LRU_PERCPU_HASH;
}

static int hash_check(const struct vm_map *map)
{
	const struct vm_map_attr *attr = &map->attr;

	if (!attr->max_entries || !attr->key_size || !attr->value_size || (attr->flags & ~HASH_FLAGS))
		return -EINVAL;
	if ((attr->flags & VM_F_NO_COMMON_LRU) && !is_lru(map))
		return -EINVAL;
	if (is_lru(map) && (attr->flags & VM_F_NO_PREALLOC))
		return -VM_ENOTSUPP;
	if ((u64)attr->key_size + attr->value_size >= ELEMENT_MAX ||
	    (vm_map_is_percpu(map) && map->value_stride > PERCPU_VALUE_MAX) || attr->max_entries > VM_CHAIN_END / 2)
		return -E2BIG;
	return 0;
}

static u32 power_of_two(u32 atleast)
{
	u32 power = 1;

	while (power < atleast)
		power *= 2;
	return power;
}

/* Tells memory.c where keys and values are. */
static void set_arena(struct vm_map *map, struct vm_hash *hash)
{
	struct vm_arena *arena = &map->arena;

	if (hash->objects)
		return;
	if (hash->percpu) {
		arena->start = hash->percpu;
		arena->size = (u64)hash->total * port_cpu_count() * map->value_stride;
		arena->stride = map->value_stride;
	} else {
		arena->start = hash->elements;
		arena->size = (u64)hash->total * hash->stride;
		arena->stride = hash->stride;
		arena->value_offset = hash->value_offset;
		arena->key_offset = sizeof(struct vm_element);
		arena->key_size = map->attr.key_size;
	}
	arena->value_size = map->attr.value_size;
}

static int allocate(struct vm_map *map, struct vm_hash *hash)
{
	u32 buckets = hash->bucket_mask + 1, locks = hash->lock_mask + 1, i;

	hash->buckets = port_alloc((u64)buckets * sizeof(*hash->buckets));
	hash->locks = port_alloc((u64)locks * sizeof(*hash->locks));
	hash->elements = port_alloc((u64)hash->total * hash->stride);
	if (vm_map_is_percpu(map))
		hash->percpu = port_alloc((u64)hash->total * port_cpu_count() * map->value_stride);
	if (map->attr.type == VM_MAP_HASH_OF_MAPS)
		hash->objects = port_alloc((u64)hash->total * sizeof(*hash->objects));
	if (vm_freelist_create(&hash->free, map->attr.max_entries, hash->total) || !hash->buckets || !hash->locks ||
	    !hash->elements || (vm_map_is_percpu(map) && !hash->percpu) ||
	    (map->attr.type == VM_MAP_HASH_OF_MAPS && !hash->objects))
		return -ENOMEM;
	for (i = 0; i < buckets; i++)
		hash->buckets[i] = VM_CHAIN_END | i;
	for (i = 0; i < locks; i++)
		hash->locks[i].spare = map->attr.max_entries + i;
	return 0;
}

int vm_hash_create(struct vm_map *map)
{
	struct vm_hash *hash;
	int err = hash_check(map);

	if (err)
		return err;
	hash = port_alloc(sizeof(*hash));
	if (!hash)
		return -ENOMEM;
	map->own = hash;
	hash->bucket_mask = power_of_two(map->attr.max_entries) - 1;
	hash->lock_mask = hash->bucket_mask < LOCKS_MAX ? hash->bucket_mask : LOCKS_MAX - 1;
	hash->total = map->attr.max_entries + hash->lock_mask + 1;
	hash->value_offset = sizeof(struct vm_element) + vm_round_up(map->attr.key_size, 8);
	hash->stride = hash->value_offset;
	if (!vm_map_is_percpu(map) && map->attr.type != VM_MAP_HASH_OF_MAPS)
		hash->stride += map->value_stride;
	hash->seed = map->attr.flags & VM_F_ZERO_SEED ? 0 : port_random();
	err = allocate(map, hash);
	if (err) {
		vm_hash_destroy(map);
		return err;
	}
	set_arena(map, hash);
	return 0;
}

void vm_hash_destroy(struct vm_map *map)
{
	struct vm_hash *hash = map->own;
	u32 i;

	for (i = 0; hash->objects && i < hash->total; i++)
		vm_map_put_object(map, hash->objects[i]);
	vm_freelist_destroy(&hash->free);
	port_free(hash->buckets);
	port_free(hash->locks);
	port_free(hash->elements);
	port_free(hash->percpu);
	port_free(hash->objects);
	port_free(hash->lengths);
	port_free(hash);
}

/* A chain that keeps changing under the reader is given up: the element was being replaced all the time. */
#define RESTARTS 16

u32 vm_hash_find(const struct vm_map *map, const void *key)
{
	const struct vm_hash *hash = map->own;
	const u32 value = vm_hash_bytes(hash->seed, key, map->attr.key_size), bucket = value & hash->bucket_mask;
	struct vm_element *element;
	u32 index, tries, steps;

	for (tries = 0; tries < RESTARTS; tries++) {
		index = port_load(&hash->buckets[bucket]);
		for (steps = 0; !(index & VM_CHAIN_END) && steps <= hash->total; steps++) {
			element = vm_hash_at(hash, index);
			if (port_load_relaxed(&element->hash) == value &&
			    vm_bytes_equal(key_of(element), key, map->attr.key_size))
				return index;
			index = port_load(&element->next);
		}
		if (port_likely(index == (VM_CHAIN_END | bucket)))
			break;
	}
	return VM_NO_INDEX;
}

void *vm_hash_value(const struct vm_map *map, u32 index, u32 cpu)
{
	const struct vm_hash *hash = map->own;

	if (hash->percpu)
		return hash->percpu + ((u64)cpu * hash->total + index) * map->value_stride;
	return (char *)vm_hash_at(hash, index) + hash->value_offset;
}

void *vm_hash_lookup(struct vm_map *map, const void *key, u32 cpu)
{
	u32 index = vm_hash_find(map, key);

	return index == VM_NO_INDEX ? NULL : vm_hash_value(map, index, cpu);
}

/* Programs' lookups keep an element young; user space walking over the map does not. */
static void *lru_lookup(struct vm_map *map, const void *key, u32 cpu)
{
	struct vm_element *element;
	u32 index = vm_hash_find(map, key);

	if (index == VM_NO_INDEX)
		return NULL;
	element = vm_hash_at(map->own, index);
	if (!port_load_relaxed(&element->used))
		port_store(&element->used, 1);
	return vm_hash_value(map, index, cpu);
}

static int first_key_from(struct vm_map *map, u32 bucket, void *next)
{
	struct vm_hash *hash = map->own;
	u32 index;

	for (; bucket <= hash->bucket_mask; bucket++) {
		index = port_load(&hash->buckets[bucket]);
		if (!(index & VM_CHAIN_END)) {
			vm_value_copy(next, key_of(vm_hash_at(hash, index)), map->attr.key_size);
			return 0;
		}
	}
	return -ENOENT;
}

/* After a key that is gone meanwhile, it starts over: the kernel does so too. */
int vm_hash_next_key(struct vm_map *map, const void *key, void *next)
{
	struct vm_hash *hash = map->own;
	struct vm_element *element;
	u32 index;

	index = key ? vm_hash_find(map, key) : VM_NO_INDEX;
	if (index == VM_NO_INDEX)
		return first_key_from(map, 0, next);
	element = vm_hash_at(hash, index);
	index = port_load(&element->next);
	if (!(index & VM_CHAIN_END)) {
		vm_value_copy(next, key_of(vm_hash_at(hash, index)), map->attr.key_size);
		return 0;
	}
	return first_key_from(map, (port_load(&element->hash) & hash->bucket_mask) + 1, next);
}

int vm_hash_each(struct vm_map *map, u32 *cursor, const void **key, void **value, u32 cpu)
{
	struct vm_hash *hash = map->own;
	struct vm_element *element;

	while (*cursor < hash->total) {
		element = vm_hash_at(hash, *cursor);
		++*cursor;
		if (port_load(&element->live)) {
			*key = key_of(element);
			*value = vm_hash_value(map, *cursor - 1, cpu);
			return 1;
		}
	}
	return 0;
}

const struct vm_map_ops vm_hash_ops = {
	.name = "hash",
	.create = vm_hash_create,
	.destroy = vm_hash_destroy,
	.lookup = vm_hash_lookup,
	.update = vm_hash_update,
	.remove = vm_hash_remove,
	.next_key = vm_hash_next_key,
	.each = vm_hash_each,
};

const struct vm_map_ops vm_lru_hash_ops = {
	.name = "LRU hash",
	.create = vm_hash_create,
	.destroy = vm_hash_destroy,
	.lookup = lru_lookup,
	.update = vm_hash_update,
	.remove = vm_hash_remove,
	.next_key = vm_hash_next_key,
	.each = vm_hash_each,
};
