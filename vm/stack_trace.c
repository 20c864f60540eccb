// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stack traces, each stored once: the id is the place in a table that is indexed by a hash of the
 * addresses. Two stacks that want the same place collide; who comes second says whether it may replace.
 */
#include "map.h"

#define LOCKS 64

struct vm_stack_trace {
	u32 hash;
	u32 count; /* 0: free */
	u64 ips[];
};

struct vm_stack_traces {
	struct port_lock locks[LOCKS];
	u32 mask;
	u32 stride;
	char *traces;
};

static int stack_trace_create(struct vm_map *map)
{
	const struct vm_map_attr *attr = &map->attr;
	struct vm_stack_traces *own;
	u64 places = 1;

	if (attr->key_size != 4 || attr->value_size < 8 || attr->value_size % 8 || !attr->max_entries ||
	    attr->value_size / 8 > VM_STACK_MAX_DEPTH || (attr->flags & ~(VM_F_NUMA_NODE | VM_F_RDONLY | VM_F_WRONLY)))
		return -EINVAL;
	while (places < attr->max_entries)
		places *= 2;
	if (places > 1U << 31)
		return -E2BIG;
	own = port_alloc(sizeof(*own));
	if (!own)
		return -ENOMEM;
	own->mask = places - 1;
	own->stride = sizeof(struct vm_stack_trace) + attr->value_size;
	own->traces = port_alloc(places * own->stride);
	if (!own->traces) {
		port_free(own);
		return -ENOMEM;
	}
	map->own = own;
	return 0;
}

static void stack_trace_destroy(struct vm_map *map)
{
	port_free(((struct vm_stack_traces *)map->own)->traces);
	port_free(map->own);
}

static struct vm_stack_trace *trace_at(struct vm_stack_traces *own, u32 id)
{
	return (struct vm_stack_trace *)(own->traces + (u64)id * own->stride);
}

s64 vm_stack_trace_add(struct vm_map *map, const u64 *ips, u32 count, u64 flags)
{
	struct vm_stack_traces *own = map->own;
	u32 hash = vm_hash_bytes(0, ips, count * 8), id = hash & own->mask;
	struct vm_stack_trace *trace = trace_at(own, id);
	unsigned long lock_flags;
	s64 result = id;

	if (port_lock(&own->locks[id % LOCKS], &lock_flags))
		return -EBUSY;
	if (trace->count && trace->hash == hash &&
	    ((flags & VM_STACK_FAST_CMP) ||
	     (trace->count == count && !port_memcmp(trace->ips, ips, count * sizeof(*ips))))) {
		/* There already. */
	} else if (trace->count && !(flags & VM_STACK_REUSE_ID)) {
		result = -EEXIST;
	} else {
		trace->hash = hash;
		trace->count = count;
		port_memcpy(trace->ips, ips, count * sizeof(*ips));
	}
	port_unlock(&own->locks[id % LOCKS], lock_flags);
	return result;
}

static u32 id_of(const void *key)
{
	u32 id;

	port_memcpy(&id, key, sizeof(id));
	return id;
}

static int stack_trace_read(struct vm_map *map, const void *key, void *value)
{
	struct vm_stack_traces *own = map->own;
	struct vm_stack_trace *trace;
	unsigned long flags;
	u32 id = id_of(key), length;

	if (id > own->mask)
		return -ENOENT;
	if (port_lock(&own->locks[id % LOCKS], &flags))
		return -EBUSY;
	trace = trace_at(own, id);
	length = trace->count * sizeof(u64);
	port_memcpy(value, trace->ips, length);
	port_memset((char *)value + length, 0, map->attr.value_size - length);
	port_unlock(&own->locks[id % LOCKS], flags);
	return length ? 0 : -ENOENT;
}

static int stack_trace_update(struct vm_map *map, const void *key, const void *value, u64 flags, u32 cpu)
{
	(void)map, (void)key, (void)value, (void)flags, (void)cpu;
	return -EINVAL;
}

static int stack_trace_remove(struct vm_map *map, const void *key)
{
	struct vm_stack_traces *own = map->own;
	unsigned long flags;
	u32 id = id_of(key), count;

	if (id > own->mask)
		return -E2BIG;
	if (port_lock(&own->locks[id % LOCKS], &flags))
		return -EBUSY;
	count = trace_at(own, id)->count;
	port_store(&trace_at(own, id)->count, 0);
	port_unlock(&own->locks[id % LOCKS], flags);
	return count ? 0 : -ENOENT;
}

static int stack_trace_next_key(struct vm_map *map, const void *key, void *next)
{
	struct vm_stack_traces *own = map->own;
	u32 id = key ? id_of(key) : 0;

	if (key && (id > own->mask || !port_load(&trace_at(own, id)->count)))
		id = 0;
	else if (key)
		id++;
	while (id <= own->mask && !port_load(&trace_at(own, id)->count))
		id++;
	if (id > own->mask)
		return -ENOENT;
	port_memcpy(next, &id, sizeof(id));
	return 0;
}

const struct vm_map_ops vm_stack_trace_ops = {
	.name = "stack trace",
	.create = stack_trace_create,
	.destroy = stack_trace_destroy,
	.update = stack_trace_update,
	.read = stack_trace_read,
	.remove = stack_trace_remove,
	.next_key = stack_trace_next_key,
};
