// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a run may reach. A program holds true addresses, but none is believed: an access must lie in
 * the stack, the context, the packet, a reserved ring buffer record, or one value of one of its maps.
 * Values that were reached lately are remembered as windows, which the interpreter tests first; a
 * value's memory belongs to its map for as long as the map lives, so a window can be stale (the
 * element was deleted meanwhile) but never dangling.
 */
#include "internal.h"

static int is_window(const struct vm_window *window, const void *start, u64 read_size, u64 write_size)
{
	return window->start == (unsigned long)start && window->read_size == read_size &&
	       window->write_size == write_size;
}

/* The two latest are the ones that the interpreter looks at; what they push out stays a little longer. */
void vm_window_add(struct vm_machine *machine, const void *start, u64 read_size, u64 write_size)
{
	struct vm_window *window = machine->windows;

	if (is_window(&window[0], start, read_size, write_size) || is_window(&window[1], start, read_size, write_size))
		return;
	window += machine->next_window++ % 2;
	window[2] = window[0];
	window->start = (unsigned long)start;
	window->read_size = read_size;
	window->write_size = write_size;
}

/* Is this part of a value, or of a key? Opens a window on all of it, so that this is asked once. */
static void *reach_map(struct vm_machine *machine, struct vm_map *map, u64 address, u64 size, int write)
{
	const struct vm_arena *arena = &map->arena;
	u64 distance = address - (unsigned long)arena->start, inside;
	char *element;

	if (!arena->start || distance >= arena->size)
		return NULL;
	inside = distance % arena->stride;
	element = arena->start + (distance - inside);
	if (vm_within(inside - arena->value_offset, arena->value_size, size)) {
		if (map->attr.flags & (write ? VM_F_RDONLY_PROG : VM_F_WRONLY_PROG))
			return NULL;
		vm_value_address(machine, map, element + arena->value_offset);
		return element + inside;
	}
	if (!write && vm_within(inside - arena->key_offset, arena->key_size, size)) {
		vm_window_add(machine, element + arena->key_offset, arena->key_size, 0);
		return element + inside;
	}
	return NULL;
}

static void *reach_any_map(struct vm_machine *machine, u64 address, u64 size, int write)
{
	const struct vm_program *program = machine->program;
	void *found = NULL;
	u32 i;

	for (i = 0; i < program->map_count && !found; i++)
		found = reach_map(machine, program->maps[i], address, size, write);
	for (i = 0; i < VM_TOUCHED && !found; i++)
		if (machine->touched[i])
			found = reach_map(machine, machine->touched[i], address, size, write);
	return found;
}

/* Packet and records are few and short-lived: they are looked up each time. */
static int in_packet_or_record(struct vm_machine *machine, u64 address, u64 size, int write)
{
	u32 i;

	for (i = 0; i < VM_RECORDS; i++)
		if (machine->records[i].map &&
		    vm_within(address - (unsigned long)machine->records[i].data, machine->records[i].size, size))
			return 1;
	return !write && vm_within(address - (unsigned long)machine->packet, machine->packet_size, size);
}

void *vm_reach(struct vm_machine *machine, u64 address, u64 size, int write)
{
	const u32 pushed_out = machine->next_window < 2 ? machine->next_window : 2;
	u32 i;

	if (size && (vm_within(address - (unsigned long)machine->stack, sizeof(machine->stack), size) ||
		     vm_within(address - machine->context_write, machine->context_write_size, size)))
		return (void *)(unsigned long)address;
	if (!write && vm_within(address - (unsigned long)machine->context, machine->context_size, size))
		return (void *)(unsigned long)address;
	for (i = 0; i < 2 + pushed_out; i++) {
		struct vm_window window = machine->windows[i];

		if (!vm_within(address - window.start, write ? window.write_size : window.read_size, size))
			continue;
		if (i >= 2) { /* used again: back to the front */
			machine->windows[i] = machine->windows[i - 2];
			machine->windows[i - 2] = window;
		}
		return (void *)(unsigned long)address;
	}
	if (!size)
		return NULL;
	if (in_packet_or_record(machine, address, size, write))
		return (void *)(unsigned long)address;
	return reach_any_map(machine, address, size, write);
}

/* As the kernel's loads through typed pointers: what cannot be read is 0. */
u64 vm_load_slow(struct vm_machine *machine, u64 address, u32 size)
{
	void *owned = vm_reach(machine, address, size, 0);
	union {
		u8 b;
		u16 h;
		u32 w;
		u64 dw;
	} value;

	value.dw = 0;
	if (owned)
		port_memcpy(&value, owned, size);
	else if (!machine->env || !machine->env->read || machine->env->read(machine, &value, size, address, 0))
		return 0;
	switch (size) {
	case 1:
		return value.b;
	case 2:
		return value.h;
	case 4:
		return value.w;
	default:
		return value.dw;
	}
}

int vm_store_slow(struct vm_machine *machine, u64 address, u32 size)
{
	if (vm_reach(machine, address, size, 1))
		return 1;
	vm_error(machine, VM_ERROR_WRITE, address);
	return 0;
}

static void remember_inner(struct vm_machine *machine, struct vm_map *map)
{
	u32 i;

	for (i = 0; i < VM_TOUCHED; i++)
		if (machine->touched[i] == map)
			return;
	machine->touched[machine->next_touched++ % VM_TOUCHED] = map;
}

struct vm_map *vm_map_by_handle(struct vm_machine *machine, u64 handle)
{
	const struct vm_program *program = machine->program;
	u32 index = (handle >> 32) & 0xffff, slot = (u32)handle;
	struct vm_map *map;

	if (handle >> 48 != VM_HANDLE_MAP || index >= program->map_count)
		return NULL;
	map = program->maps[index];
	if (!slot)
		return map;
	if (!vm_map_is_outer(map))
		return NULL;
	map = map->ops->object_at(map, slot - 1);
	if (map)
		remember_inner(machine, map);
	return map;
}
