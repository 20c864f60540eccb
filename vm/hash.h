/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hash table that four kinds of map share (hash, LRU hash, LPM trie, hash of maps).
 *
 * Elements are found without a lock. A chain's links are indices; the last link says which bucket the
 * chain belongs to. Elements are never freed, only used again: a reader that an element took along into
 * another chain sees the wrong bucket at its end, and starts over.
 */
#ifndef VM_HASH_H
#define VM_HASH_H

#include "freelist.h"
#include "map.h"

struct vm_element {
	u32 next;
	u32 hash;
	u32 live;
	u32 used; /* LRU: looked up since the hand of the clock passed */
		  /* the key, rounded up to 8, and the value, unless it is per CPU */
};

#define VM_CHAIN_END 0x80000000U

struct vm_hash {
	u32 *buckets;
	u32 bucket_mask;
	u32 lock_mask;
	struct vm_hash_lock {
		struct port_lock lock;
		u32 spare; /* an element to replace another with, even when the map is full */
	} __attribute__((aligned(64))) * locks;
	char *elements;
	u32 stride;
	u32 value_offset;
	u32 total; /* elements, the spare ones included */
	u32 seed;
	char *percpu;	/* [cpu][element] values */
	void **objects; /* hash of maps: [element] */
	u32 *lengths;	/* LPM trie: how many prefixes of each length there are */
	u32 hand;	/* LRU: where the clock stands */
	struct vm_freelist free;
};

int vm_hash_create(struct vm_map *map);
void vm_hash_destroy(struct vm_map *map);
struct vm_element *vm_hash_at(const struct vm_hash *hash, u32 index);
/* Index of the element with this key, or VM_NO_INDEX. */
u32 vm_hash_find(const struct vm_map *map, const void *key);
void *vm_hash_value(const struct vm_map *map, u32 index, u32 cpu);
void *vm_hash_lookup(struct vm_map *map, const void *key, u32 cpu);
int vm_hash_update(struct vm_map *map, const void *key, const void *value, u64 flags, u32 cpu);
int vm_hash_remove(struct vm_map *map, const void *key);
int vm_hash_next_key(struct vm_map *map, const void *key, void *next);
int vm_hash_each(struct vm_map *map, u32 *cursor, const void **key, void **value, u32 cpu);
/* Takes the element out of its chain if it is still in it, and gives it to nobody. 1 if so. */
int vm_hash_unlink(struct vm_map *map, u32 index);
/* lru.c: a free element, if need be by dropping one that was not looked up for long. */
u32 vm_lru_take(struct vm_map *map, int *err);

#endif
