// SPDX-License-Identifier: GPL-2.0-only
/* Any sequence of calls on maps. Hash and array are compared with a model that cannot be wrong. */
#include "maps_of_all_kinds.h"

#define KEYS 8

struct model {
	u8 present[KEYS];
	u8 value[KEYS][16];
	u32 count;
};

static void expect(int condition)
{
	if (!condition)
		abort();
}

/* What the hash of three entries must answer. */
static int model_update(struct model *model, u32 key, const u8 *value, u64 flags)
{
	if (flags > VM_EXIST)
		return -EINVAL;
	if (model->present[key] && flags == VM_NOEXIST)
		return -EEXIST;
	if (!model->present[key] && flags == VM_EXIST)
		return -ENOENT;
	if (!model->present[key] && model->count == 3)
		return -E2BIG;
	model->count += !model->present[key];
	model->present[key] = 1;
	memcpy(model->value[key], value, 16);
	return 0;
}

static void hash_call(struct vm_map *map, struct model *model, u8 kind, u8 number, u64 flags, const u8 *value)
{
	u64 key = number % KEYS;
	u8 out[16];
	int err;

	switch (kind % 3) {
	case 0:
		expect(vm_map_update(map, &key, value, flags) == model_update(model, key, value, flags));
		break;
	case 1:
		err = vm_map_delete(map, &key);
		expect(err == (model->present[key] ? 0 : -ENOENT));
		model->count -= model->present[key];
		model->present[key] = 0;
		break;
	default:
		err = vm_map_lookup(map, &key, out, 0);
		expect(err == (model->present[key] ? 0 : -ENOENT));
		expect(err || !memcmp(out, model->value[key], 16));
	}
}

static void any_call(struct vm_map *map, const u8 *key, const u8 *value, u8 kind, u64 flags)
{
	u8 *out = malloc(vm_map_value_size(map) + 16), next[16];

	switch (kind % 6) {
	case 0:
	case 1:
		if (vm_map_value_size(map) <= 64)
			vm_map_update(map, key, value, flags);
		break;
	case 2:
		vm_map_delete(map, key);
		break;
	case 3:
		vm_map_lookup(map, key, out, flags & ~1ULL);
		break;
	case 4:
		vm_map_pop(map, key, out, 0);
		break;
	default:
		vm_map_next_key(map, flags & 1 ? key : NULL, next);
	}
	free(out);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct vm_map_attr attr = fuzz_kinds[1];
	struct model model = {{0}, {{0}}, 0};
	struct vm_map *hash;
	u8 key[16], value[64];

	fuzz_maps_create();
	expect(!vm_map_create(&attr, &hash));
	for (; size >= 4; data += 4, size -= 4) {
		u32 which = data[1] % (FUZZ_MAPS + 1);

		memset(value, data[3], sizeof(value));
		memset(key, 0, sizeof(key));
		key[0] = data[2];
		key[4] = data[3];
		if (which == FUZZ_MAPS)
			hash_call(hash, &model, data[0], data[2], data[3] & 3, value);
		else if (!(fuzz_kinds[which].type == VM_MAP_ARRAY_OF_MAPS ||
			   fuzz_kinds[which].type == VM_MAP_HASH_OF_MAPS) ||
			 data[0] % 6 != 2)
			any_call(fuzz_maps[which], key, value, data[0], data[3] & 7);
	}
	vm_map_put(hash);
	return 0;
}
