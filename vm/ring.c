// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ring buffer, in the kernel's layout (kernel/bpf/ringbuf.c, 5.8): a page with the consumer's position,
 * one with the producer's, then the data, mapped twice so that no record is ever in two pieces. Each record
 * has an 8-byte header whose length word is busy until it is committed.
 *
 * User space can write the consumer's page, and in the user-space port all of it: positions are only ever
 * used masked, and what the producer knows it keeps to itself.
 */
#include "map.h"

#define RECORD_MAX 0x3fffffffU

struct vm_ring {
	struct port_lock lock;
	u64 mask;
	u64 produced;
	u64 *consumer;
	u64 *producer;
	char *data;
};

struct record_header {
	u32 length;
	u32 page;
};

static int ring_create(struct vm_map *map)
{
	const u64 size = map->attr.max_entries, page = PORT_PAGE_SIZE;
	struct vm_ring *ring;
	char *memory;

	if (map->attr.key_size || map->attr.value_size || !size || (size & (size - 1)) || size % page ||
	    (map->attr.flags & ~VM_F_NUMA_NODE))
		return -EINVAL;
	ring = port_alloc(sizeof(*ring));
	if (!ring)
		return -ENOMEM;
	memory = map->attr.memory ? map->attr.memory : port_ring_alloc(size);
	if (!memory) {
		port_free(ring);
		return -ENOMEM;
	}
	ring->mask = size - 1;
	ring->consumer = (u64 *)memory;
	ring->producer = (u64 *)(memory + page);
	ring->data = memory + 2 * page;
	map->own = ring;
	map->arena.start = memory; /* of size 0: programs reach records only while they hold them */
	return 0;
}

static void ring_destroy(struct vm_map *map)
{
	if (!map->attr.memory)
		port_ring_free(map->arena.start, map->attr.max_entries);
	port_free(map->own);
}

void *vm_ring_reserve(struct vm_map *map, u64 size)
{
	struct vm_ring *ring = map->own;
	struct record_header *header = NULL;
	unsigned long flags;
	u64 length;

	if (size > RECORD_MAX)
		return NULL;
	length = vm_round_up(size + VM_RING_HEADER, 8);
	if (length > ring->mask + 1 || port_lock(&ring->lock, &flags))
		return NULL;
	if (ring->produced + length - port_load(ring->consumer) <= ring->mask) {
		header = (struct record_header *)(ring->data + (ring->produced & ring->mask));
		header->page = ((char *)header - (char *)ring->consumer) / PORT_PAGE_SIZE;
		port_store(&header->length, (u32)size | VM_RING_BUSY);
		ring->produced += length;
		port_store(ring->producer, ring->produced);
	}
	port_unlock(&ring->lock, flags);
	return header ? header + 1 : NULL;
}

int vm_ring_commit(struct vm_map *map, void *record, u64 flags, int discard)
{
	struct vm_ring *ring = map->own;
	struct record_header *header = (struct record_header *)record - 1;
	u64 place = (char *)header - ring->data, consumed;

	port_exchange(&header->length, (header->length & ~VM_RING_BUSY) | (discard ? VM_RING_DISCARD : 0));
	/* A consumer that is further back will see this record when it gets here. */
	consumed = port_load(ring->consumer) & ring->mask;
	if (flags & VM_RING_FORCE_WAKEUP)
		return 1;
	return consumed == place && !(flags & VM_RING_NO_WAKEUP);
}

u64 vm_ring_query(struct vm_map *map, u64 what)
{
	struct vm_ring *ring = map->own;

	switch (what) {
	case 0: /* BPF_RB_AVAIL_DATA */
		return port_load(ring->producer) - port_load(ring->consumer);
	case 1: /* BPF_RB_RING_SIZE */
		return ring->mask + 1;
	case 2: /* BPF_RB_CONS_POS */
		return port_load(ring->consumer);
	case 3: /* BPF_RB_PROD_POS */
		return port_load(ring->producer);
	default:
		return 0;
	}
}

int vm_map_ring_ready(struct vm_map *map)
{
	return map->attr.type == VM_MAP_RINGBUF && vm_ring_query(map, 0);
}

const struct vm_map_ops vm_ring_ops = {
	.name = "ring buffer",
	.create = ring_create,
	.destroy = ring_destroy,
};
