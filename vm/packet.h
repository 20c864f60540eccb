/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VM_PACKET_H
#define VM_PACKET_H

#include "internal.h"

/* `size` bytes of the run's packet, or NULL if it is not that long. */
static inline const void *vm_packet_at(const struct vm_machine *machine, u64 offset, u32 size)
{
	return vm_within(offset, machine->packet_size, size) ? (const char *)machine->packet + offset : NULL;
}

#endif
