// SPDX-License-Identifier: GPL-2.0-only
/* The packet loads that BPF has kept from classic BPF: in network byte order, and only from the packet. */
#include "packet.h"

int vm_packet_load(struct vm_machine *machine, u64 offset, u32 size, u64 *value)
{
	const u8 *bytes = vm_packet_at(machine, (u64)(s64)(s32)offset, size);
	u32 i;

	if (!bytes)
		return -EFAULT;
	*value = 0;
	for (i = 0; i < size; i++)
		*value = *value << 8 | bytes[i];
	return 0;
}
