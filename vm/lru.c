// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which element an LRU hash gives up: a clock. A hand goes around all elements; one that was looked up
 * since the hand last passed is spared once. That is near enough to least recently used, and needs no
 * list that every lookup would have to reorder.
 */
#include "hash.h"

u32 vm_lru_take(struct vm_map *map, int *err)
{
	struct vm_hash *hash = map->own;
	struct vm_element *element;
	u32 index = vm_freelist_take(&hash->free, err), steps;

	/* Twice around: the first round may only clear marks. */
	for (steps = 0; index == VM_NO_INDEX && steps < 2 * hash->total; steps++) {
		u32 hand = port_fetch_add(&hash->hand, 1) % hash->total;

		element = vm_hash_at(hash, hand);
		if (!port_load(&element->live))
			continue;
		if (port_load_relaxed(&element->used))
			port_store(&element->used, 0);
		else if (vm_hash_unlink(map, hand))
			index = hand;
	}
	return index;
}
