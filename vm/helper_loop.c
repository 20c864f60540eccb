// SPDX-License-Identifier: GPL-2.0-only
/* Helpers that call back into the program. Every call pays from the run's budget. */
#include "helper.h"

HELPER(loop)
{
	u64 args[5] = {0}, result = 0;
	u32 i;

	HELPER_ARGS;
	if (r4)
		return (u64)-EINVAL;
	if ((u32)r1 > VM_MAX_LOOPS)
		return (u64)-E2BIG;
	for (i = 0; i < (u32)r1; i++) {
		args[0] = i;
		args[1] = r3;
		if (vm_call_back(machine, r2, args, &result))
			return 0;
		if (result)
			return i + 1;
	}
	return i;
}

HELPER(for_each_map_elem)
{
	struct vm_map *map = vm_arg_map(machine, 1, r1, MAPS_VALUES & ~MAP_BIT(LPM_TRIE));
	u32 cursor = 0, visited = 0, *index = &machine->keys[machine->depth];
	u64 args[5], result = 0;
	const void *key;
	void *value;

	HELPER_ARGS;
	if (!map)
		return 0;
	if (r4)
		return (u64)-EINVAL;
	while (!result && map->ops->each(map, &cursor, &key, &value, machine->cpu)) {
		if (!key) {
			*index = cursor - 1;
			key = index;
			vm_window_add(machine, key, sizeof(*index), 0);
		}
		args[0] = r1;
		args[1] = (unsigned long)key;
		args[2] = vm_value_address(machine, map, value);
		args[3] = r3;
		args[4] = 0;
		if (vm_call_back(machine, r2, args, &result))
			return 0;
		visited++;
	}
	return visited;
}
