// SPDX-License-Identifier: GPL-2.0-only
/*
 * Maps whose values are things, not bytes: arrays of programs, maps, perf events, cgroups, and the hash of
 * maps. Programs only ever name them by slot. What leaves a slot is dropped after all runs that may have
 * seen it have ended.
 */
#include "hash.h"
#include "internal.h"

void vm_map_put_object(struct vm_map *map, void *object)
{
	if (!object)
		return;
	if (map->attr.type == VM_MAP_PROG_ARRAY)
		vm_program_put(object);
	else if (vm_map_is_outer(map))
		vm_map_put(object);
	else if (map->attr.objects && map->attr.objects->put)
		map->attr.objects->put(object);
}

u32 vm_map_object_id(struct vm_map *map, void *object)
{
	if (map->attr.type == VM_MAP_PROG_ARRAY)
		return vm_program_id(object);
	if (vm_map_is_outer(map))
		return vm_map_id(object);
	return map->attr.objects && map->attr.objects->id ? map->attr.objects->id(object) : 0;
}

/* Waits for runs that may still use `object`, then drops it. */
static void retire(struct vm_map *map, void *object)
{
	if (!object)
		return;
	port_synchronize();
	vm_map_put_object(map, object);
}

/* An outer map keeps its model, to compare inner maps with. */
static int outer_create(struct vm_map *map)
{
	struct vm_map *inner = map->attr.inner;

	if (!vm_map_is_outer(map))
		return 0;
	if (!inner)
		return -EBADF;
	if (vm_map_is_outer(inner) || inner->attr.type == VM_MAP_PROG_ARRAY)
		return -EINVAL;
	vm_map_get(inner);
	return 0;
}

/* May this be put there? A program array holds one type of program only: that of its first. */
static int object_check(struct vm_map *map, void *object)
{
	u64 type = map->attr.type == VM_MAP_PROG_ARRAY ? vm_program_type(object) : 0, first;

	if (vm_map_is_outer(map))
		return vm_map_looks_like(map->attr.inner, object) ? 0 : -EINVAL;
	if (map->attr.type != VM_MAP_PROG_ARRAY)
		return 0;
	first = port_compare_exchange(&map->attr.extra, 0, type);
	return !first || first == type ? 0 : -EINVAL;
}

/* ---- arrays ---- */

static int object_array_create(struct vm_map *map)
{
	const struct vm_map_attr *attr = &map->attr;
	int err;

	if (!attr->max_entries || attr->key_size != 4 || attr->value_size != 4 ||
	    (attr->flags & ~(VM_F_NUMA_NODE | VM_F_RDONLY | VM_F_WRONLY | VM_F_PRESERVE_ELEMS)))
		return -EINVAL;
	err = outer_create(map);
	if (err)
		return err;
	map->attr.extra = 0;
	map->own = port_alloc((u64)attr->max_entries * sizeof(void *));
	if (map->own)
		return 0;
	if (vm_map_is_outer(map))
		vm_map_put(attr->inner);
	return -ENOMEM;
}

static void object_array_destroy(struct vm_map *map)
{
	void **objects = map->own;
	u32 i;

	for (i = 0; i < map->attr.max_entries; i++)
		vm_map_put_object(map, objects[i]);
	port_free(objects);
	if (vm_map_is_outer(map))
		vm_map_put(map->attr.inner);
}

static u32 array_index(const void *key)
{
	u32 index;

	port_memcpy(&index, key, sizeof(index));
	return index;
}

static void *object_array_at(struct vm_map *map, u32 slot)
{
	return slot < map->attr.max_entries ? port_load((void **)map->own + slot) : NULL;
}

static u32 object_array_slot(struct vm_map *map, const void *key)
{
	return object_array_at(map, array_index(key)) ? array_index(key) + 1 : 0;
}

static int object_array_set(struct vm_map *map, const void *key, void *object, u64 flags)
{
	int err = object_check(map, object);

	if (flags != VM_ANY)
		return -EINVAL;
	if (array_index(key) >= map->attr.max_entries)
		return -E2BIG;
	if (err)
		return err;
	retire(map, port_exchange((void **)map->own + array_index(key), object));
	return 0;
}

static int object_array_remove(struct vm_map *map, const void *key)
{
	void *old;

	if (array_index(key) >= map->attr.max_entries)
		return -E2BIG;
	old = port_exchange((void **)map->own + array_index(key), NULL);
	retire(map, old);
	return old ? 0 : -ENOENT;
}

static int object_array_read(struct vm_map *map, const void *key, void *value)
{
	void *object;
	u32 id;

	if (map->attr.type == VM_MAP_PERF_EVENT_ARRAY || map->attr.type == VM_MAP_CGROUP_ARRAY)
		return -VM_ENOTSUPP;
	object = object_array_at(map, array_index(key));
	if (!object)
		return -ENOENT;
	id = vm_map_object_id(map, object);
	port_memcpy(value, &id, sizeof(id));
	return 0;
}

void *vm_map_object(struct vm_map *map, u32 index)
{
	return map->ops->object_at ? map->ops->object_at(map, index) : NULL;
}

const struct vm_map_ops vm_object_array_ops = {
	.name = "array of objects",
	.create = object_array_create,
	.destroy = object_array_destroy,
	.read = object_array_read,
	.remove = object_array_remove,
	.next_key = vm_array_next_key,
	.set_object = object_array_set,
	.slot_of = object_array_slot,
	.object_at = object_array_at,
};

/* ---- hash of maps ---- */

static int hash_of_maps_create(struct vm_map *map)
{
	int err;

	if (map->attr.value_size != 4)
		return -EINVAL;
	err = outer_create(map);
	if (err)
		return err;
	err = vm_hash_create(map);
	if (err)
		vm_map_put(map->attr.inner);
	return err;
}

static void hash_of_maps_destroy(struct vm_map *map)
{
	vm_hash_destroy(map);
	vm_map_put(map->attr.inner);
}

static void *hash_of_maps_at(struct vm_map *map, u32 slot)
{
	struct vm_hash *hash = map->own;

	return slot < hash->total && port_load(&vm_hash_at(hash, slot)->live) ? port_load(&hash->objects[slot]) : NULL;
}

static u32 hash_of_maps_slot(struct vm_map *map, const void *key)
{
	return vm_hash_find(map, key) + 1; /* VM_NO_INDEX + 1 is 0: none */
}

/* Only user space changes these, one call at a time, so an element found stays where it is. */
static int hash_of_maps_set(struct vm_map *map, const void *key, void *object, u64 flags)
{
	struct vm_hash *hash = map->own;
	unsigned long lock_flags;
	void *old = NULL;
	int err = object_check(map, object);
	u32 index;

	if (err || flags > VM_EXIST)
		return -EINVAL;
	err = port_lock(&map->spin, &lock_flags);
	if (err)
		return err;
	index = vm_hash_find(map, key);
	if (index == VM_NO_INDEX)
		err = vm_hash_update(map, key, object, flags, 0);
	else if (flags == VM_NOEXIST)
		err = -EEXIST;
	else
		old = port_exchange(&hash->objects[index], object);
	port_unlock(&map->spin, lock_flags);
	retire(map, old);
	return err;
}

static int hash_of_maps_remove(struct vm_map *map, const void *key)
{
	struct vm_hash *hash = map->own;
	unsigned long lock_flags;
	void *old = NULL;
	u32 index;
	int err;

	err = port_lock(&map->spin, &lock_flags);
	if (err)
		return err;
	index = vm_hash_find(map, key);
	if (index != VM_NO_INDEX)
		old = port_exchange(&hash->objects[index], NULL);
	err = vm_hash_remove(map, key);
	port_unlock(&map->spin, lock_flags);
	retire(map, old);
	return err;
}

static int hash_of_maps_read(struct vm_map *map, const void *key, void *value)
{
	u32 slot = hash_of_maps_slot(map, key), id;
	void *object = slot ? hash_of_maps_at(map, slot - 1) : NULL;

	if (!object)
		return -ENOENT;
	id = vm_map_object_id(map, object);
	port_memcpy(value, &id, sizeof(id));
	return 0;
}

const struct vm_map_ops vm_hash_of_maps_ops = {
	.name = "hash of maps",
	.create = hash_of_maps_create,
	.destroy = hash_of_maps_destroy,
	.read = hash_of_maps_read,
	.remove = hash_of_maps_remove,
	.next_key = vm_hash_next_key,
	.set_object = hash_of_maps_set,
	.slot_of = hash_of_maps_slot,
	.object_at = hash_of_maps_at,
};
