// SPDX-License-Identifier: GPL-2.0-only
/*
 * Changing a hash table. Writers of one bucket exclude each other; readers are not stopped: an element is
 * complete before it is linked, and an update puts a new element in place of the old one, so a reader
 * sees either value, never half of each.
 */
#include "hash.h"

/* The lock of a bucket. Several buckets share one: max_entries can be millions. */
static struct vm_hash_lock *lock_of(const struct vm_hash *hash, u32 value)
{
	return &hash->locks[value & hash->lock_mask];
}

/* The link that points to the element with this key (or to `only`, if it is not VM_NO_INDEX), or NULL. */
static u32 *link_to(struct vm_map *map, u32 value, const void *key, u32 only)
{
	struct vm_hash *hash = map->own;
	u32 *link = &hash->buckets[value & hash->bucket_mask];
	struct vm_element *element;

	for (; !(*link & VM_CHAIN_END); link = &element->next) {
		element = vm_hash_at(hash, *link);
		if (key ? element->hash == value && vm_bytes_equal(element + 1, key, map->attr.key_size)
			: *link == only)
			return link;
	}
	return NULL;
}

static void fill_value(struct vm_map *map, u32 index, const void *value, u32 cpu, int is_new)
{
	struct vm_hash *hash = map->own;
	u32 each;

	if (hash->objects) {
		port_store(&hash->objects[index], (void *)value);
	} else if (!hash->percpu) {
		vm_value_copy(vm_hash_value(map, index, 0), value, map->attr.value_size);
	} else if (cpu == VM_EVERY_CPU) {
		for (each = 0; each < port_cpu_count(); each++)
			vm_value_copy(vm_hash_value(map, index, each),
				      (const char *)value + (u64)each * map->value_stride, map->value_stride);
	} else {
		for (each = 0; is_new && each < port_cpu_count(); each++)
			port_memset(vm_hash_value(map, index, each), 0, map->value_stride);
		vm_value_copy(vm_hash_value(map, index, cpu), value, map->attr.value_size);
	}
}

/* Puts the element at the head of the chain, or where `old` is. From then on readers find it. */
static void link_in(struct vm_map *map, u32 index, u32 value, const void *key, u32 *old)
{
	struct vm_hash *hash = map->own;
	struct vm_element *element = vm_hash_at(hash, index);
	u32 *link = old ? old : &hash->buckets[value & hash->bucket_mask];

	vm_value_copy(element + 1, key, map->attr.key_size);
	port_store(&element->hash, value);
	port_store(&element->used, 0);
	port_store(&element->live, 1);
	port_store(&element->next, old ? vm_hash_at(hash, *old)->next : *link);
	port_store(link, index);
}

/* A new value for an element that is there: through the lock's spare element, which the old one becomes. */
static int replace(struct vm_map *map, u32 *link, u32 value, const void *key, const void *new_value, u64 flags, u32 cpu)
{
	struct vm_hash *hash = map->own;
	struct vm_hash_lock *lock = lock_of(hash, value);
	unsigned long flags_saved;
	u32 old = *link, index = lock->spare;

	if (flags & VM_F_LOCK) {
		if (port_lock(&map->spin, &flags_saved))
			return -EBUSY;
		fill_value(map, old, new_value, cpu, 0);
		port_unlock(&map->spin, flags_saved);
		return 0;
	}
	/* Per-CPU values have one writer each, so they change in place. */
	if (hash->percpu) {
		fill_value(map, old, new_value, cpu, 0);
		return 0;
	}
	fill_value(map, index, new_value, cpu, 1);
	link_in(map, index, value, key, link);
	port_store(&vm_hash_at(hash, old)->live, 0);
	lock->spare = old;
	return 0;
}

static int insert(struct vm_map *map, u32 index, u32 value, const void *key, const void *new_value, u32 cpu)
{
	int err = 0;

	if (index == VM_NO_INDEX)
		index = vm_freelist_take(&((struct vm_hash *)map->own)->free, &err);
	if (index == VM_NO_INDEX)
		return err ? err : -E2BIG;
	fill_value(map, index, new_value, cpu, 1);
	link_in(map, index, value, key, NULL);
	return 0;
}

int vm_hash_update(struct vm_map *map, const void *key, const void *new_value, u64 flags, u32 cpu)
{
	struct vm_hash *hash = map->own;
	const u32 value = vm_hash_bytes(hash->seed, key, map->attr.key_size);
	u64 kind = flags & ~(u64)VM_F_LOCK;
	u32 *link, taken = VM_NO_INDEX;
	unsigned long lock_flags;
	int err = 0;

	if (kind > VM_EXIST)
		return -EINVAL;
	/* Making room takes another bucket's lock, so it comes first. */
	if (map->ops == &vm_lru_hash_ops && kind != VM_EXIST && vm_hash_find(map, key) == VM_NO_INDEX) {
		taken = vm_lru_take(map, &err);
		if (taken == VM_NO_INDEX)
			return err ? err : -ENOMEM;
	}
	err = port_lock(&lock_of(hash, value)->lock, &lock_flags);
	if (!err) {
		link = link_to(map, value, key, VM_NO_INDEX);
		if (link && kind == VM_NOEXIST)
			err = -EEXIST;
		else if (!link && kind == VM_EXIST)
			err = -ENOENT;
		else if (link)
			err = replace(map, link, value, key, new_value, flags, cpu);
		else {
			err = insert(map, taken, value, key, new_value, cpu);
			taken = VM_NO_INDEX;
		}
		port_unlock(&lock_of(hash, value)->lock, lock_flags);
	}
	if (taken != VM_NO_INDEX)
		vm_freelist_give(&hash->free, taken);
	return err;
}

static void unlink_at(struct vm_hash *hash, u32 *link)
{
	struct vm_element *element = vm_hash_at(hash, *link);

	/* The element keeps its own link: a reader that stands on it goes on from there. */
	port_store(link, element->next);
	port_store(&element->live, 0);
}

int vm_hash_remove(struct vm_map *map, const void *key)
{
	struct vm_hash *hash = map->own;
	const u32 value = vm_hash_bytes(hash->seed, key, map->attr.key_size);
	unsigned long flags;
	u32 *link, index;
	int err;

	err = port_lock(&lock_of(hash, value)->lock, &flags);
	if (err)
		return err;
	link = link_to(map, value, key, VM_NO_INDEX);
	if (!link) {
		err = -ENOENT;
	} else {
		index = *link;
		unlink_at(hash, link);
		err = vm_freelist_give(&hash->free, index);
		if (err) {
			/* Nobody can have it: it goes back where it was, rather than get lost. */
			port_store(&vm_hash_at(hash, index)->live, 1);
			port_store(link, index);
		}
	}
	port_unlock(&lock_of(hash, value)->lock, flags);
	return err;
}

int vm_hash_unlink(struct vm_map *map, u32 index)
{
	struct vm_hash *hash = map->own;
	const u32 value = port_load(&vm_hash_at(hash, index)->hash);
	unsigned long flags;
	u32 *link;

	if (port_lock(&lock_of(hash, value)->lock, &flags))
		return 0;
	link = link_to(map, value, NULL, index);
	if (link)
		unlink_at(hash, link);
	port_unlock(&lock_of(hash, value)->lock, flags);
	return link != NULL;
}
