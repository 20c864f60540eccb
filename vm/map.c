// SPDX-License-Identifier: GPL-2.0-only
/* The table of map types, and what bpf(2) does with any of them. Errors are the kernel's, type by type. */
#include "map.h"

static const struct vm_map_ops *const types[VM_MAP_TYPE_COUNT] = {
	[VM_MAP_HASH] = &vm_hash_ops,
	[VM_MAP_ARRAY] = &vm_array_ops,
	[VM_MAP_PROG_ARRAY] = &vm_object_array_ops,
	[VM_MAP_PERF_EVENT_ARRAY] = &vm_object_array_ops,
	[VM_MAP_PERCPU_HASH] = &vm_hash_ops,
	[VM_MAP_PERCPU_ARRAY] = &vm_percpu_array_ops,
	[VM_MAP_STACK_TRACE] = &vm_stack_trace_ops,
	[VM_MAP_CGROUP_ARRAY] = &vm_object_array_ops,
	[VM_MAP_LRU_HASH] = &vm_lru_hash_ops,
	[VM_MAP_LRU_PERCPU_HASH] = &vm_lru_hash_ops,
	[VM_MAP_LPM_TRIE] = &vm_lpm_ops,
	[VM_MAP_ARRAY_OF_MAPS] = &vm_object_array_ops,
	[VM_MAP_HASH_OF_MAPS] = &vm_hash_of_maps_ops,
	[VM_MAP_QUEUE] = &vm_queue_ops,
	[VM_MAP_STACK] = &vm_stack_ops,
	[VM_MAP_RINGBUF] = &vm_ring_ops,
};

int vm_map_create(const struct vm_map_attr *attr, struct vm_map **out)
{
	static u32 last_id;
	struct vm_map *map;
	int err;

	if (attr->type >= VM_MAP_TYPE_COUNT || !types[attr->type])
		return -EINVAL;
	if ((attr->flags & VM_F_RDONLY_PROG) && (attr->flags & VM_F_WRONLY_PROG))
		return -EINVAL;
	map = port_alloc(sizeof(*map));
	if (!map)
		return -ENOMEM;
	map->ops = types[attr->type];
	map->attr = *attr;
	map->attr.name[sizeof(attr->name) - 1] = '\0';
	map->value_stride = vm_round_up(attr->value_size, 8);
	map->references = 1;
	err = map->ops->create(map);
	if (err) {
		port_free(map);
		return err;
	}
	map->id = port_fetch_add(&last_id, 1) + 1;
	*out = map;
	return 0;
}

void vm_map_get(struct vm_map *map)
{
	port_fetch_add(&map->references, 1);
}

/* Nothing to wait for: a run comes here by its program or by another map, and both wait before they let go of us. */
void vm_map_put(struct vm_map *map)
{
	if (!map || port_fetch_add(&map->references, -1) != 1)
		return;
	map->ops->destroy(map);
	port_free(map);
}

/* The first `words` and the odd bytes after them: one copy per word, so that no reader sees half of one. */
PORT_RACY void vm_value_copy(void *to, const void *from, u32 size)
{
	volatile char *bytes = to;
	const volatile char *source = from;
	u32 done = 0;

	if (!(((unsigned long)to | (unsigned long)from) & 7))
		for (; done + 8 <= size; done += 8)
			*(volatile u64 *)(bytes + done) = *(const volatile u64 *)(source + done);
	for (; done < size; done++)
		bytes[done] = source[done];
}

/* Keys are compared while they may be replaced by another CPU; what looks equal then was equal once. */
PORT_RACY int vm_bytes_equal(const void *a, const void *b, u32 size)
{
	const volatile char *x = a, *y = b;
	u32 done = 0;

	if (!(((unsigned long)a | (unsigned long)b) & 7))
		for (; done + 8 <= size; done += 8)
			if (*(const volatile u64 *)(x + done) != *(const volatile u64 *)(y + done))
				return 0;
	for (; done < size; done++)
		if (x[done] != y[done])
			return 0;
	return 1;
}

/* Multiply and fold, eight bytes at a time (the mixing step of wyhash and its kin). */
static u64 mix(u64 a, u64 b)
{
	a = (a ^ b) * 0x9e3779b97f4a7c15ULL;
	return a ^ a >> 32;
}

u32 vm_hash_bytes(u32 seed, const void *key, u32 size)
{
	const char *bytes = key;
	u64 state = seed + size, word;

	for (; size >= 8; size -= 8, bytes += 8) {
		__builtin_memcpy(&word, bytes, 8);
		state = mix(state, word);
	}
	if (size >= 4) {
		u32 half;

		__builtin_memcpy(&half, bytes, 4);
		state = mix(state, half);
		size -= 4;
		bytes += 4;
	}
	for (word = 0; size; size--)
		word = word << 8 | (u8)*bytes++;
	state = mix(state, word);
	return (u32)(state ^ state >> 15);
}

u64 vm_map_value_size(const struct vm_map *map)
{
	if (vm_map_is_percpu(map))
		return (u64)map->value_stride * port_cpu_count();
	return map->attr.value_size;
}

static int read_element(struct vm_map *map, const void *key, void *value)
{
	const u32 cpus = vm_map_is_percpu(map) ? port_cpu_count() : 1;
	u32 cpu;
	void *from;

	for (cpu = 0; cpu < cpus; cpu++) {
		from = map->ops->lookup(map, key, cpus > 1 || vm_map_is_percpu(map) ? cpu : 0);
		if (!from)
			return -ENOENT;
		vm_value_copy((char *)value + (u64)cpu * map->value_stride, from,
			      vm_map_is_percpu(map) ? map->value_stride : map->attr.value_size);
	}
	return 0;
}

static int read_any(struct vm_map *map, const void *key, void *value)
{
	if (map->ops->read)
		return map->ops->read(map, key, value);
	if (map->ops->take)
		return map->ops->take(map, value, 0);
	return map->ops->lookup ? read_element(map, key, value) : -VM_ENOTSUPP;
}

/* An object whose id is read must not go away meanwhile. */
static int read_object(struct vm_map *map, const void *key, void *value)
{
	unsigned cookie = port_read_begin();
	int err = read_any(map, key, value);

	port_read_end(cookie);
	return err;
}

int vm_map_lookup(struct vm_map *map, const void *key, void *value, u64 flags)
{
	unsigned long lock_flags;
	int err;

	if (flags & ~(u64)VM_F_LOCK)
		return -EINVAL;
	if (map->attr.flags & VM_F_WRONLY)
		return -EPERM;
	if (map->ops->set_object)
		return read_object(map, key, value);
	if (!(flags & VM_F_LOCK))
		return read_any(map, key, value);
	err = port_lock(&map->spin, &lock_flags);
	if (err)
		return err;
	err = read_any(map, key, value);
	port_unlock(&map->spin, lock_flags);
	return err;
}

static int may_write(const struct vm_map *map)
{
	return !map->frozen && !(map->attr.flags & VM_F_RDONLY);
}

int vm_map_update(struct vm_map *map, const void *key, const void *value, u64 flags)
{
	int err = -VM_ENOTSUPP;

	if (!may_write(map))
		err = -EPERM;
	else if (map->ops->push)
		err = map->ops->push(map, value, flags);
	else if (map->ops->update)
		err = map->ops->update(map, key, value, flags, VM_EVERY_CPU);
	return err;
}

int vm_map_delete(struct vm_map *map, const void *key)
{
	int err = -VM_ENOTSUPP;

	if (!may_write(map))
		err = -EPERM;
	else if (map->ops->remove)
		err = map->ops->remove(map, key);
	return err;
}

int vm_map_next_key(struct vm_map *map, const void *key, void *next)
{
	int err = -VM_ENOTSUPP;

	if (map->attr.flags & VM_F_WRONLY)
		err = -EPERM;
	else if (map->ops->next_key)
		err = map->ops->next_key(map, key, next);
	return err;
}

int vm_map_pop(struct vm_map *map, const void *key, void *value, u64 flags)
{
	int err = -VM_ENOTSUPP;

	if (flags & ~(u64)VM_F_LOCK)
		err = -EINVAL;
	else if (!may_write(map))
		err = -EPERM;
	else if (map->ops->take)
		err = map->ops->take(map, value, 1);
	else if (map->ops == &vm_hash_ops || map->ops == &vm_lru_hash_ops || map->ops == &vm_stack_trace_ops) {
		err = map->ops->read ? map->ops->read(map, key, value) : read_element(map, key, value);
		if (!err)
			err = map->ops->remove(map, key);
	}
	return err;
}

/* From now on only programs write; the checker may take values of a map they cannot write for constants. */
int vm_map_freeze(struct vm_map *map)
{
	return port_exchange(&map->frozen, 1) ? -EBUSY : 0;
}

const struct vm_map_attr *vm_map_attr(const struct vm_map *map)
{
	return &map->attr;
}

u32 vm_map_id(const struct vm_map *map)
{
	return map->id;
}

void vm_map_set_owner(struct vm_map *map, void *owner)
{
	port_store(&map->attr.owner, owner);
}

int vm_map_holds_objects(const struct vm_map *map)
{
	return map->ops->set_object != NULL;
}

int vm_map_set_object(struct vm_map *map, const void *key, void *object, u64 flags)
{
	if (!map->ops->set_object)
		return -VM_ENOTSUPP;
	if (!may_write(map))
		return -EPERM;
	return map->ops->set_object(map, key, object, flags);
}

void *vm_map_memory(struct vm_map *map, u64 *size)
{
	if (map->attr.type == VM_MAP_RINGBUF)
		*size = 2 * PORT_PAGE_SIZE + 2 * (u64)map->attr.max_entries;
	else if (map->attr.type == VM_MAP_ARRAY && (map->attr.flags & VM_F_MMAPABLE))
		*size = vm_round_up(map->arena.size, PORT_PAGE_SIZE);
	else
		return NULL;
	return map->arena.start;
}

int vm_map_looks_like(const struct vm_map *map, const struct vm_map *other)
{
	return map->attr.type == other->attr.type && map->attr.key_size == other->attr.key_size &&
	       map->attr.value_size == other->attr.value_size && map->attr.flags == other->attr.flags &&
	       (map->attr.type != VM_MAP_ARRAY || (map->attr.flags & VM_F_INNER_MAP) ||
		map->attr.max_entries == other->attr.max_entries);
}
