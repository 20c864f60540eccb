// SPDX-License-Identifier: GPL-2.0-only
/* Helpers that hand something out: text, perf events, ring buffer records, stack traces. */
#include "helper.h"

#define FORMAT_ARGS_MAX 12

/* A format of `size` bytes with its NUL, or NULL and -EINVAL in *err. */
static const char *arg_format(struct vm_machine *machine, u64 address, u32 size, s64 *err)
{
	const char *format = vm_arg_memory(machine, 1, address, size, 0);

	*err = -EINVAL;
	return format && size && !format[size - 1] ? format : NULL;
}

static u64 print(struct vm_machine *machine, const char *format, const u64 *args, u32 count)
{
	s64 length = vm_format(machine, machine->text, sizeof(machine->text), format, args, count);

	if (length >= 0 && machine->env && machine->env->print)
		machine->env->print(machine, machine->text,
				    length < (s64)sizeof(machine->text) ? (u32)length : (u32)sizeof(machine->text) - 1);
	return length;
}

HELPER(trace_printk)
{
	const u64 args[3] = {r3, r4, r5};
	s64 err;
	const char *format = arg_format(machine, r1, (u32)r2, &err);

	return format ? print(machine, format, args, 3) : (u64)err;
}

/* An array of u64, as trace_vprintk and snprintf take their arguments; NULL is none. */
static const u64 *arg_array(struct vm_machine *machine, u32 n, u64 address, u32 size, s64 *err)
{
	*err = 0;
	if (size % 8 || size > FORMAT_ARGS_MAX * 8 || (size && !address)) {
		*err = -EINVAL;
		return NULL;
	}
	return vm_arg_memory(machine, n, address, size, 0);
}

HELPER(trace_vprintk)
{
	s64 err;
	const char *format = arg_format(machine, r1, (u32)r2, &err);
	const u64 *args;

	HELPER_ARGS;
	if (!format)
		return err;
	args = arg_array(machine, 3, r3, (u32)r4, &err);
	return args ? print(machine, format, args, (u32)r4 / 8) : (u64)err;
}

/* The format ends somewhere in memory the program owns: it is copied, and must fit the machine's text. */
HELPER(snprintf)
{
	char *out = vm_arg_memory(machine, 1, r1, (u32)r2, 1);
	const u64 *args;
	s64 err;

	HELPER_ARGS;
	if (!out)
		return 0;
	args = arg_array(machine, 4, r4, (u32)r5, &err);
	if (!args)
		return err;
	err = vm_read_string(machine, machine->text, sizeof(machine->text), r3, 0);
	if (err < 0)
		vm_error(machine, VM_ERROR_ARGUMENT, 3);
	else
		err = vm_format(machine, out, (u32)r2, machine->text, args, (u32)r5 / 8);
	return err < 0 ? (u64)err : (u64)err + 1;
}

HELPER(perf_event_output)
{
	struct vm_map *map = vm_arg_map(machine, 2, r2, MAP_BIT(PERF_EVENT_ARRAY));
	const void *data = map ? vm_arg_memory(machine, 4, r4, r5, 0) : NULL;
	u32 index = r3 & VM_CPU_MASK;

	if (!data)
		return 0;
	HELPER_ARGS;
	if (r3 & ~VM_CPU_MASK)
		return (u64)-EINVAL;
	if (index == VM_CPU_CURRENT)
		index = machine->cpu;
	if (index >= map->attr.max_entries)
		return (u64)-E2BIG;
	if (!machine->env || !machine->env->perf_output)
		return (u64)-EOPNOTSUPP;
	return (s64)machine->env->perf_output(machine, map, index, data, (u32)r5);
}

static void wake(struct vm_machine *machine, struct vm_map *map, int needed)
{
	if (needed && machine->env && machine->env->ring_wakeup)
		machine->env->ring_wakeup(machine, map);
}

HELPER(ringbuf_output)
{
	struct vm_map *map = vm_arg_map(machine, 1, r1, MAP_BIT(RINGBUF));
	const void *data = map ? vm_arg_memory(machine, 2, r2, r3, 0) : NULL;
	void *record;

	HELPER_ARGS;
	if (!data)
		return 0;
	if (r4 & ~(u64)(VM_RING_NO_WAKEUP | VM_RING_FORCE_WAKEUP))
		return (u64)-EINVAL;
	record = vm_ring_reserve(map, r3);
	if (!record)
		return (u64)-EAGAIN;
	port_memcpy(record, data, r3);
	wake(machine, map, vm_ring_commit(map, record, r4, 0));
	return 0;
}

/* The run remembers what it holds: only that can be written and submitted, and the end takes it back. */
HELPER(ringbuf_reserve)
{
	struct vm_map *map = vm_arg_map(machine, 1, r1, MAP_BIT(RINGBUF));
	u32 i;

	HELPER_ARGS;
	if (!map || r3)
		return 0;
	for (i = 0; i < VM_RECORDS; i++) {
		if (machine->records[i].map)
			continue;
		machine->records[i].data = vm_ring_reserve(map, r2);
		if (!machine->records[i].data)
			return 0;
		machine->records[i].size = (u32)r2;
		machine->records[i].map = map;
		machine->held++;
		return (unsigned long)machine->records[i].data;
	}
	return 0;
}

static u64 finish(struct vm_machine *machine, u64 address, u64 flags, int discard)
{
	u32 i;

	for (i = 0; i < VM_RECORDS; i++) {
		struct vm_map *map = machine->records[i].map;

		if (!map || address != (unsigned long)machine->records[i].data)
			continue;
		machine->records[i].map = NULL;
		machine->held--;
		wake(machine, map, vm_ring_commit(map, machine->records[i].data, flags, discard));
		return 0;
	}
	vm_error(machine, VM_ERROR_ARGUMENT, 1);
	return 0;
}

HELPER(ringbuf_submit)
{
	HELPER_ARGS;
	return finish(machine, r1, r2, 0);
}

HELPER(ringbuf_discard)
{
	HELPER_ARGS;
	return finish(machine, r1, r2, 1);
}

HELPER(ringbuf_query)
{
	struct vm_map *map = vm_arg_map(machine, 1, r1, MAP_BIT(RINGBUF));

	HELPER_ARGS;
	return map ? vm_ring_query(map, r2) : 0;
}

/* How many addresses of the stack are now in machine->ips, or a negative errno. */
static int stack(struct vm_machine *machine, u32 count, u64 flags)
{
	if (!machine->env || !machine->env->stack)
		return -EOPNOTSUPP;
	return machine->env->stack(machine, machine->ips, count, flags & VM_STACK_SKIP_MASK,
				   (flags & VM_STACK_USER) != 0);
}

HELPER(get_stackid)
{
	struct vm_map *map = vm_arg_map(machine, 2, r2, MAP_BIT(STACK_TRACE));
	const u64 known = VM_STACK_SKIP_MASK | VM_STACK_USER | VM_STACK_FAST_CMP | VM_STACK_REUSE_ID;
	int count;

	HELPER_ARGS;
	if (!map)
		return 0;
	if (r3 & ~known)
		return (u64)-EINVAL;
	count = stack(machine, map->attr.value_size / 8, r3);
	if (count <= 0)
		return count ? (u64)(s64)count : (u64)-EFAULT;
	return vm_stack_trace_add(map, machine->ips, count, r3);
}

HELPER(get_stack)
{
	void *to = vm_arg_memory(machine, 2, r2, (u32)r3, 1);
	u32 size = (u32)r3, room = size / 8 < VM_STACK_MAX_DEPTH ? size / 8 : VM_STACK_MAX_DEPTH;
	int count;

	HELPER_ARGS;
	if (!to)
		return 0;
	port_memset(to, 0, size);
	if ((r4 & ~(VM_STACK_SKIP_MASK | VM_STACK_USER)) || size % 8)
		return (u64)-EINVAL;
	count = stack(machine, room, r4);
	if (count <= 0)
		return count ? (u64)(s64)count : (u64)-EFAULT;
	port_memcpy(to, machine->ips, count * sizeof(u64));
	return count * sizeof(u64);
}
