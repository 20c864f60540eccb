/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a type of map is: a table of operations over memory that is all allocated at creation.
 * One file per kind; map.c has the table of types and what they share.
 */
#ifndef VM_MAP_H
#define VM_MAP_H

#include "port.h"
#include "vm.h"

/*
 * Where the values are, so that a run-time check can tell in one division whether an address is part
 * of one. Keys may be read (bpf_for_each_map_elem hands them out), values be written too.
 */
struct vm_arena {
	char *start;
	u64 size;
	u32 stride; /* from one element to the next */
	u32 value_offset;
	u32 value_size;
	u32 key_offset;
	u32 key_size; /* 0: no keys here */
};

struct vm_map {
	const struct vm_map_ops *ops;
	struct vm_map_attr attr;
	struct vm_arena arena;
	u32 references;
	u32 id;
	u32 frozen;
	u32 value_stride;      /* value_size rounded up to 8 */
	struct port_lock spin; /* for bpf_spin_lock and VM_F_LOCK: one for all values of the map */
	void *own;	       /* the kind's */
};

/*
 * `cpu` chooses the value of a per-CPU map; VM_EVERY_CPU stands for all, one after the other, which is
 * how user space reads and writes them. NULL operations give -EOPNOTSUPP (lookup: NULL).
 */
/* The kernel's own errno for an operation that a type of map lacks; libc has no name for it. */
#define VM_ENOTSUPP 524

#define VM_EVERY_CPU 0xffffffffU

struct vm_map_ops {
	const char *name;
	int (*create)(struct vm_map *map);
	void (*destroy)(struct vm_map *map);
	/* The value itself, for a program. */
	void *(*lookup)(struct vm_map *map, const void *key, u32 cpu);
	int (*update)(struct vm_map *map, const void *key, const void *value, u64 flags, u32 cpu);
	int (*remove)(struct vm_map *map, const void *key);
	int (*next_key)(struct vm_map *map, const void *key, void *next);
	/* Copies out for user space; NULL: what lookup finds. */
	int (*read)(struct vm_map *map, const void *key, void *value);
	int (*push)(struct vm_map *map, const void *value, u64 flags);
	int (*take)(struct vm_map *map, void *value, int remove); /* pop and peek */
	int (*set_object)(struct vm_map *map, const void *key, void *object, u64 flags);
	/* Programs name an inner map by slot: slot_of gives it + 1 (0: none), inner_at the map there. */
	u32 (*slot_of)(struct vm_map *map, const void *key);
	void *(*object_at)(struct vm_map *map, u32 slot);
	/* Steps through elements: starts with *cursor 0; 0 when there are no more. */
	int (*each)(struct vm_map *map, u32 *cursor, const void **key, void **value, u32 cpu);
};

extern const struct vm_map_ops vm_array_ops, vm_percpu_array_ops, vm_hash_ops, vm_lru_hash_ops, vm_lpm_ops,
	vm_queue_ops, vm_stack_ops, vm_ring_ops, vm_stack_trace_ops, vm_object_array_ops, vm_hash_of_maps_ops;

static inline int vm_map_is_percpu(const struct vm_map *map)
{
	return map->attr.type == VM_MAP_PERCPU_HASH || map->attr.type == VM_MAP_PERCPU_ARRAY ||
	       map->attr.type == VM_MAP_LRU_PERCPU_HASH;
}

static inline int vm_map_is_outer(const struct vm_map *map)
{
	return map->attr.type == VM_MAP_ARRAY_OF_MAPS || map->attr.type == VM_MAP_HASH_OF_MAPS;
}

static inline u64 vm_round_up(u64 value, u64 to)
{
	return (value + to - 1) / to * to;
}

/* Copies a value that others may be reading and writing; whole words where both sides are aligned. */
void vm_value_copy(void *to, const void *from, u32 size);
u32 vm_hash_bytes(u32 seed, const void *key, u32 size);
int vm_bytes_equal(const void *a, const void *b, u32 size);
/* The same attributes, so that one can stand in for the other inside a map of maps. */
int vm_map_looks_like(const struct vm_map *map, const struct vm_map *other);
u32 vm_map_object_id(struct vm_map *map, void *object);

/* array.c: every index in turn; what is indexed by u32 shares it. */
int vm_array_next_key(struct vm_map *map, const void *key, void *next);

/* ---- helpers on particular maps ---- */

/* ring.c: a record of `size` bytes, or NULL if it does not fit; then submit or discard it. */
void *vm_ring_reserve(struct vm_map *map, u64 size);
/* Whether user space must be woken up. */
int vm_ring_commit(struct vm_map *map, void *record, u64 flags, int discard);
u64 vm_ring_query(struct vm_map *map, u64 what);
/* stack_trace.c: the id of these addresses, or a negative errno. */
s64 vm_stack_trace_add(struct vm_map *map, const u64 *ips, u32 count, u64 flags);

#endif
