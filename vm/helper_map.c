// SPDX-License-Identifier: GPL-2.0-only
/* Helpers that work on maps. A map's own locks may be busy in the context we interrupted: then -EBUSY. */
#include "helper.h"

/* The same for a map that is about to be changed, which .rodata, say, must not be. */
static struct vm_map *arg_map_to_write(struct vm_machine *machine, u64 handle, u32 types)
{
	struct vm_map *map = vm_arg_map(machine, 1, handle, types);

	if (!map || !(map->attr.flags & VM_F_RDONLY_PROG))
		return map;
	vm_error(machine, VM_ERROR_ARGUMENT, 1);
	return NULL;
}

/* The key, copied out by nobody: maps read it where it is. NULL and a fault if it is not the program's. */
static const void *arg_key(struct vm_machine *machine, struct vm_map *map, u64 address)
{
	return vm_arg_memory(machine, 2, address, map->attr.key_size, 0);
}

HELPER(map_lookup_elem)
{
	struct vm_map *map = vm_arg_map(machine, 1, r1, MAPS_VALUES | MAPS_OUTER);
	const void *key;
	u32 slot;

	HELPER_ARGS;
	if (!map)
		return 0;
	key = arg_key(machine, map, r2);
	if (!key)
		return 0;
	if (port_likely(map->ops->lookup != NULL))
		return vm_value_address(machine, map, map->ops->lookup(map, key, machine->cpu));
	/* An inner map: named by where it is in the outer one, which must be one of the program's own. */
	slot = (u32)r1 ? 0 : map->ops->slot_of(map, key);
	return slot ? vm_map_handle((r1 >> 32) & 0xffff, slot) : 0;
}

HELPER(map_update_elem)
{
	struct vm_map *map = arg_map_to_write(machine, r1, MAPS_VALUES);
	const void *key, *value;

	HELPER_ARGS;
	if (!map)
		return 0;
	key = arg_key(machine, map, r2);
	value = vm_arg_memory(machine, 3, r3, map->attr.value_size, 0);
	if (!key || !value)
		return 0;
	/* Whoever holds one value lock must not wait for another. */
	if ((r4 & VM_F_LOCK) && machine->locked)
		return (u64)-EBUSY;
	return (s64)map->ops->update(map, key, value, r4, machine->cpu);
}

HELPER(map_delete_elem)
{
	struct vm_map *map = arg_map_to_write(machine, r1, MAPS_VALUES);
	const void *key;

	HELPER_ARGS;
	if (!map)
		return 0;
	key = arg_key(machine, map, r2);
	if (!key)
		return 0;
	return (s64)map->ops->remove(map, key);
}

HELPER(map_push_elem)
{
	struct vm_map *map = arg_map_to_write(machine, r1, MAPS_QUEUES);
	const void *value = map ? vm_arg_memory(machine, 2, r2, map->attr.value_size, 0) : NULL;

	HELPER_ARGS;
	return value ? (u64)(s64)map->ops->push(map, value, r3) : 0;
}

static u64 take(struct vm_machine *machine, u64 handle, u64 address, int remove)
{
	struct vm_map *map =
		remove ? arg_map_to_write(machine, handle, MAPS_QUEUES) : vm_arg_map(machine, 1, handle, MAPS_QUEUES);
	void *value = map ? vm_arg_memory(machine, 2, address, map->attr.value_size, 1) : NULL;

	return value ? (u64)(s64)map->ops->take(map, value, remove) : 0;
}

HELPER(map_pop_elem)
{
	HELPER_ARGS;
	return take(machine, r1, r2, 1);
}

HELPER(map_peek_elem)
{
	HELPER_ARGS;
	return take(machine, r1, r2, 0);
}

HELPER(map_lookup_percpu_elem)
{
	struct vm_map *map = vm_arg_map(machine, 1, r1, MAPS_PERCPU);
	const void *key = map ? arg_key(machine, map, r2) : NULL;

	HELPER_ARGS;
	if (!key || (u32)r3 >= port_cpu_count())
		return 0;
	return vm_value_address(machine, map, map->ops->lookup(map, key, (u32)r3));
}

/* Which of the program's maps has a value here. */
static struct vm_map *map_at(struct vm_machine *machine, u64 address)
{
	const struct vm_program *program = machine->program;
	struct vm_map *map;
	u32 i;

	for (i = 0; i < program->map_count + VM_TOUCHED; i++) {
		map = i < program->map_count ? program->maps[i] : machine->touched[i - program->map_count];
		if (map && address - (unsigned long)map->arena.start < map->arena.size)
			return map;
	}
	return NULL;
}

/*
 * The lock word in the value stays untouched: the lock is the map's, one for all values, where no program
 * can write over it.
 */
HELPER(spin_lock)
{
	void *word = vm_arg_memory(machine, 1, r1, 4, 1);
	struct vm_map *map = word ? map_at(machine, r1) : NULL;

	HELPER_ARGS;
	if (!map) {
		vm_error(machine, VM_ERROR_ARGUMENT, 1);
		return 0;
	}
	if (machine->locked || port_lock(&map->spin, &machine->lock_flags)) {
		vm_error(machine, VM_ERROR_LOCK, 0);
		return 0;
	}
	machine->locked = map;
	machine->held++;
	return 0;
}

HELPER(spin_unlock)
{
	HELPER_ARGS;
	if (!machine->locked || machine->locked != map_at(machine, r1)) {
		vm_error(machine, VM_ERROR_LOCK, 0);
		return 0;
	}
	port_unlock(&machine->locked->spin, machine->lock_flags);
	machine->locked = NULL;
	machine->held--;
	return 0;
}
