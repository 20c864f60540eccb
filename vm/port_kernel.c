// SPDX-License-Identifier: GPL-2.0-only
/* The one part of the kernel port that is too big for its header: memory mapped twice. */
#include <linux/gfp.h>
#include "port_kernel.h"

/* As the kernel's ring buffer: the pages of the data stand twice in the table that vmap maps. */
void *port_ring_alloc(u64 data_size)
{
	u32 data_pages = data_size / PAGE_SIZE, own = data_pages + 2, i, got;
	struct page **pages = port_alloc((u64)(own + data_pages) * sizeof(*pages));
	void *memory = NULL;

	if (!pages)
		return NULL;
	for (got = 0; got < own; got++) {
		pages[got] = alloc_page(GFP_KERNEL | __GFP_ZERO);
		if (!pages[got])
			goto out;
		if (got >= 2)
			pages[got + data_pages] = pages[got];
	}
	memory = vmap(pages, own + data_pages, VM_MAP | VM_USERMAP, PAGE_KERNEL);
out:
	for (i = 0; !memory && i < got; i++)
		__free_page(pages[i]);
	port_free(pages);
	return memory;
}

void port_ring_free(void *memory, u64 data_size)
{
	u32 own = data_size / PAGE_SIZE + 2, i;
	struct page **pages;

	if (!memory)
		return;
	/* Without a table to remember them in, the pages stay: a leak is better than a page in use twice. */
	pages = port_alloc((u64)own * sizeof(*pages));
	for (i = 0; pages && i < own; i++)
		pages[i] = vmalloc_to_page((char *)memory + (u64)i * PAGE_SIZE);
	vunmap(memory);
	for (i = 0; pages && i < own; i++)
		__free_page(pages[i]);
	port_free(pages);
}
