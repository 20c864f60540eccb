// SPDX-License-Identifier: GPL-2.0-only
/*
 * A buffer in the layout of a mapped perf event (linux/perf_event.h: a control page, then 2^n pages of
 * records), so that libbpf's perf_buffer reads it. Perf itself offers nothing that would write one.
 * Many CPUs may write to one ring: what finds it locked or full is counted, and the next record says so.
 */
#include "port.h"
#include "vm.h"

/* struct perf_event_mmap_page. User space can write all of it: what we know, we keep elsewhere. */
struct control {
	u8 of_counters[1024];
	u64 head;
	u64 tail;
	u64 data_offset;
	u64 data_size;
};

struct vm_perf_ring {
	struct control *control; /* NULL: there is no memory yet */
	char *data;
	u64 size;
	u64 head;
	u64 lost; /* since the last record said so */
	struct port_lock writer;
};

struct header {
	u32 type;
	u16 misc;
	u16 size;
};

#define RECORD_LOST   2
#define RECORD_SAMPLE 9
#define RECORD_MAX    0xffffU
#define SAMPLE_MAX    (RECORD_MAX - 32)

/* What comes before the data: the header, and how long the data and its padding are. */
#define SAMPLE_HEAD (sizeof(struct header) + sizeof(u32))

struct lost_record {
	struct header header;
	u64 id;
	u64 lost;
};

struct vm_perf_ring *vm_perf_ring_create(void)
{
	return port_alloc(sizeof(struct vm_perf_ring));
}

void vm_perf_ring_destroy(struct vm_perf_ring *ring)
{
	port_free(ring);
}

int vm_perf_ring_fits(u64 size)
{
	u64 data = size - PORT_PAGE_SIZE;

	return size >= 2 * PORT_PAGE_SIZE && size <= 1ULL << 30 && !(data & (data - 1));
}

void vm_perf_ring_set_memory(struct vm_perf_ring *ring, void *memory, u64 size)
{
	struct control *control = memory;

	ring->size = size - PORT_PAGE_SIZE;
	ring->data = (char *)memory + PORT_PAGE_SIZE;
	control->data_offset = PORT_PAGE_SIZE;
	control->data_size = ring->size;
	port_store(&ring->control, control);
}

u64 vm_perf_ring_used(struct vm_perf_ring *ring)
{
	struct control *control = port_load(&ring->control);

	return control ? port_load(&ring->head) - port_load(&control->tail) : 0;
}

/* At the head; what runs over the end goes on at the start. */
static void put(struct vm_perf_ring *ring, const void *from, u32 size)
{
	u64 place = ring->head & (ring->size - 1), first = ring->size - place < size ? ring->size - place : size;

	port_memcpy(ring->data + place, from, first);
	port_memcpy(ring->data, (const char *)from + first, size - first);
	port_store(&ring->head, ring->head + size);
}

int vm_perf_ring_write(struct vm_perf_ring *ring, const void *data, u32 size)
{
	struct control *control = port_load(&ring->control);
	struct lost_record lost = {{RECORD_LOST, 0, sizeof(lost)}, 0, 0};
	struct header header = {RECORD_SAMPLE, 0, 0};
	static const char padding[8];
	unsigned long flags;
	u64 used, want;
	u32 whole, rest;
	int err = -ENOSPC;

	if (!control)
		return -ENOENT;
	if (size > SAMPLE_MAX)
		return -E2BIG;
	whole = (u32)(SAMPLE_HEAD + size + 7) & ~7U;
	rest = whole - SAMPLE_HEAD;
	header.size = whole;
	if (port_lock(&ring->writer, &flags)) {
		port_fetch_add(&ring->lost, 1);
		return -EBUSY;
	}
	used = ring->head - port_load(&control->tail);
	want = whole + (ring->lost ? sizeof(lost) : 0);
	if (used > ring->size || want > ring->size - used) {
		port_fetch_add(&ring->lost, 1);
		goto out;
	}
	if (want != whole) {
		lost.lost = port_exchange(&ring->lost, 0);
		put(ring, &lost, sizeof(lost));
	}
	put(ring, &header, sizeof(header));
	put(ring, &rest, sizeof(rest));
	put(ring, data, size);
	put(ring, padding, rest - size);
	port_store(&control->head, ring->head);
	err = 0;
out:
	port_unlock(&ring->writer, flags);
	return err;
}
