// SPDX-License-Identifier: GPL-2.0-only
/* Helpers that read memory which may not be there, packets, and strings. */
#include "helper.h"
#include "packet.h"

static u64 probe_read(struct vm_machine *machine, u64 to, u64 size, u64 from, int user)
{
	void *memory = vm_arg_memory(machine, 1, to, (u32)size, 1);

	return memory ? (u64)(s64)vm_read(machine, memory, (u32)size, from, user) : 0;
}

static u64 probe_read_str(struct vm_machine *machine, u64 to, u64 size, u64 from, int user)
{
	void *memory = vm_arg_memory(machine, 1, to, (u32)size, 1);

	return memory ? (u64)vm_read_string(machine, memory, (u32)size, from, user) : 0;
}

HELPER(probe_read_kernel)
{
	HELPER_ARGS;
	return probe_read(machine, r1, r2, r3, 0);
}

HELPER(probe_read_user)
{
	HELPER_ARGS;
	return probe_read(machine, r1, r2, r3, 1);
}

HELPER(probe_read_kernel_str)
{
	HELPER_ARGS;
	return probe_read_str(machine, r1, r2, r3, 0);
}

HELPER(probe_read_user_str)
{
	HELPER_ARGS;
	return probe_read_str(machine, r1, r2, r3, 1);
}

HELPER(skb_load_bytes)
{
	void *to = vm_arg_memory(machine, 3, r3, (u32)r4, 1);
	const void *from;

	HELPER_ARGS;
	if (!to)
		return 0;
	from = vm_packet_at(machine, (u32)r2, (u32)r4);
	if (!from) {
		port_memset(to, 0, (u32)r4);
		return (u64)-EFAULT;
	}
	port_memcpy(to, from, (u32)r4);
	return 0;
}

HELPER(strncmp)
{
	const u8 *first = vm_arg_memory(machine, 1, r1, (u32)r2, 0), *second;
	u32 i;

	HELPER_ARGS;
	if (!first)
		return 0;
	for (i = 0; i < (u32)r2; i++) {
		second = vm_arg_memory(machine, 3, r3 + i, 1, 0);
		if (!second)
			return 0;
		if (first[i] != *second)
			return first[i] < *second ? (u64)-1 : 1;
		if (!first[i])
			break;
	}
	return 0;
}
