// SPDX-License-Identifier: GPL-2.0-only
/*
 * Longest prefix match: not a trie but a hash table of masked prefixes, asked once per length that is in
 * use, longest first. Keys read back are masked (the kernel gives back the bits that were passed).
 */
#include "hash.h"

#define LPM_DATA_MAX 256

struct prefix {
	u32 length;
	u8 data[LPM_DATA_MAX];
};

static u32 bits_of(const struct vm_map *map)
{
	return (map->attr.key_size - sizeof(u32)) * 8;
}

/* The first `length` bits of the key, the rest zero. */
static void prefix_of(const struct vm_map *map, const void *key, u32 length, struct prefix *out)
{
	u32 bytes = map->attr.key_size - sizeof(u32), whole = length / 8;

	out->length = length;
	port_memset(out->data, 0, bytes);
	port_memcpy(out->data, (const u8 *)key + sizeof(u32), whole);
	if (length % 8)
		out->data[whole] = ((const u8 *)key)[sizeof(u32) + whole] & (0xff00 >> length % 8);
}

static u32 length_of(const void *key)
{
	u32 length;

	port_memcpy(&length, key, sizeof(length));
	return length;
}

static int lpm_create(struct vm_map *map)
{
	const struct vm_map_attr *attr = &map->attr;
	struct vm_hash *hash;
	int err;

	if (!(attr->flags & VM_F_NO_PREALLOC) || attr->key_size < sizeof(u32) + 1 ||
	    attr->key_size > sizeof(u32) + LPM_DATA_MAX)
		return -EINVAL;
	err = vm_hash_create(map);
	if (err)
		return err;
	hash = map->own;
	hash->lengths = port_alloc((LPM_DATA_MAX * 8 + 1) * sizeof(*hash->lengths));
	if (hash->lengths)
		return 0;
	vm_hash_destroy(map);
	return -ENOMEM;
}

static void *lpm_lookup(struct vm_map *map, const void *key, u32 cpu)
{
	struct vm_hash *hash = map->own;
	u32 length = length_of(key);
	struct prefix prefix;
	void *value;

	if (length > bits_of(map))
		return NULL;
	do {
		if (!port_load_relaxed(&hash->lengths[length]))
			continue;
		prefix_of(map, key, length, &prefix);
		value = vm_hash_lookup(map, &prefix, cpu);
		if (value)
			return value;
	} while (length--);
	return NULL;
}

/* Says a length is in use before the prefix can be found, and takes it back if nothing was added. */
static int add(struct vm_map *map, const struct prefix *prefix, const void *value, u64 flags, u32 cpu)
{
	struct vm_hash *hash = map->own;
	int err;

	port_fetch_add(&hash->lengths[prefix->length], 1);
	err = vm_hash_update(map, prefix, value, VM_NOEXIST, cpu);
	if (err)
		port_fetch_add(&hash->lengths[prefix->length], -1);
	if (err == -EEXIST && flags != VM_NOEXIST)
		err = vm_hash_update(map, prefix, value, VM_EXIST, cpu);
	return err == -E2BIG ? -ENOSPC : err;
}

static int lpm_update(struct vm_map *map, const void *key, const void *value, u64 flags, u32 cpu)
{
	struct prefix prefix;

	if (flags > VM_EXIST || length_of(key) > bits_of(map))
		return -EINVAL;
	prefix_of(map, key, length_of(key), &prefix);
	if (flags == VM_EXIST)
		return vm_hash_update(map, &prefix, value, VM_EXIST, cpu);
	return add(map, &prefix, value, flags, cpu);
}

static int lpm_remove(struct vm_map *map, const void *key)
{
	struct vm_hash *hash = map->own;
	struct prefix prefix;
	int err;

	if (length_of(key) > bits_of(map))
		return -EINVAL;
	prefix_of(map, key, length_of(key), &prefix);
	err = vm_hash_remove(map, &prefix);
	if (!err)
		port_fetch_add(&hash->lengths[prefix.length], -1);
	return err;
}

static int lpm_next_key(struct vm_map *map, const void *key, void *next)
{
	struct prefix prefix;

	if (!key || length_of(key) > bits_of(map))
		return vm_hash_next_key(map, NULL, next);
	prefix_of(map, key, length_of(key), &prefix);
	return vm_hash_next_key(map, &prefix, next);
}

const struct vm_map_ops vm_lpm_ops = {
	.name = "LPM trie",
	.create = lpm_create,
	.destroy = vm_hash_destroy,
	.lookup = lpm_lookup,
	.update = lpm_update,
	.remove = lpm_remove,
	.next_key = lpm_next_key,
	.each = vm_hash_each,
};
