// SPDX-License-Identifier: GPL-2.0-only
/* Lists of free elements, one per CPU. */
#include "freelist.h"

int vm_freelist_create(struct vm_freelist *list, u32 count, u32 total)
{
	u32 i, cpu;

	list->cpus = port_cpu_count();
	list->next = port_alloc((u64)total * sizeof(*list->next));
	list->heads = port_alloc(list->cpus * sizeof(*list->heads));
	if (!list->next || !list->heads)
		return -ENOMEM;
	for (cpu = 0; cpu < list->cpus; cpu++)
		list->heads[cpu].first = VM_NO_INDEX;
	/* In stretches, so that neighbours in memory go to one CPU. */
	for (i = count; i-- > 0;) {
		cpu = (u64)i * list->cpus / count;
		list->next[i] = list->heads[cpu].first;
		list->heads[cpu].first = i;
	}
	return 0;
}

void vm_freelist_destroy(struct vm_freelist *list)
{
	port_free(list->next);
	port_free(list->heads);
}

u32 vm_freelist_take(struct vm_freelist *list, int *err)
{
	u32 start = port_cpu(), tried, index;
	struct vm_freelist_head *head;
	unsigned long flags;

	for (tried = 0; tried < list->cpus; tried++) {
		head = &list->heads[(start + tried) % list->cpus];
		if (tried && port_load_relaxed(&head->first) == VM_NO_INDEX)
			continue;
		if (port_lock(&head->lock, &flags)) {
			*err = -EBUSY;
			continue;
		}
		index = head->first;
		if (index != VM_NO_INDEX)
			port_store(&head->first, list->next[index]);
		port_unlock(&head->lock, flags);
		if (index != VM_NO_INDEX)
			return index;
	}
	return VM_NO_INDEX;
}

int vm_freelist_give(struct vm_freelist *list, u32 index)
{
	u32 start = port_cpu(), tried;
	struct vm_freelist_head *head;
	unsigned long flags;

	for (tried = 0; tried < list->cpus; tried++) {
		head = &list->heads[(start + tried) % list->cpus];
		if (port_lock(&head->lock, &flags))
			continue;
		list->next[index] = head->first;
		port_store(&head->first, index);
		port_unlock(&head->lock, flags);
		return 0;
	}
	return -EBUSY;
}
