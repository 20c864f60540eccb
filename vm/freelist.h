/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which elements of a map are free: indices in one list per CPU, so that CPUs rarely meet. A CPU whose
 * list is empty takes from the others: no element is out of reach, and a map holds max_entries.
 */
#ifndef VM_FREELIST_H
#define VM_FREELIST_H

#include "port.h"

#define VM_NO_INDEX 0xffffffffU

struct vm_freelist {
	u32 *next; /* of each element, while it is free */
	struct vm_freelist_head {
		struct port_lock lock;
		u32 first;
	} __attribute__((aligned(64))) * heads;
	u32 cpus;
};

/*
 * Elements [0, count) are free then; those up to `total` may be given later. 0 or -ENOMEM; destroy also
 * takes what create left after an error.
 */
int vm_freelist_create(struct vm_freelist *list, u32 count, u32 total);
void vm_freelist_destroy(struct vm_freelist *list);
/* An index, VM_NO_INDEX if there is none, or -EBUSY in *err if a lock was not to be had. */
u32 vm_freelist_take(struct vm_freelist *list, int *err);
/* 0 or -EBUSY: then nothing has changed. */
int vm_freelist_give(struct vm_freelist *list, u32 index);

#endif
