// SPDX-License-Identifier: GPL-2.0-only
// The contents of a loaded map as C++ values. K and V are the structs that the program uses.
#pragma once

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <utility>
#include <vector>

// The values of one key of a per-CPU map, one per possible CPU; all zero where there is no such key.
template <class V, class K> std::vector<V> percpu_values(const bpf_map *map, const K &key)
{
	static_assert(sizeof(V) % 8 == 0, "the kernel pads per-CPU values to 8 bytes");
	std::vector<V> values(static_cast<size_t>(libbpf_num_possible_cpus()));
	if (bpf_map_lookup_elem(bpf_map__fd(map), &key, values.data()) != 0)
		values.assign(values.size(), V{});
	return values;
}

// All keys of a hash map, as they are while others go on using it.
template <class K> std::vector<K> map_keys(const bpf_map *map)
{
	std::vector<K> keys;
	K key, next;
	const K *last = nullptr;
	while (bpf_map_get_next_key(bpf_map__fd(map), last, &next) == 0) {
		keys.push_back(next);
		key = next;
		last = &key;
	}
	return keys;
}

// All entries of a hash map that is not per CPU.
template <class K, class V> std::vector<std::pair<K, V>> map_entries(const bpf_map *map)
{
	std::vector<std::pair<K, V>> entries;
	for (const K &key : map_keys<K>(map)) {
		V value;
		if (bpf_map_lookup_elem(bpf_map__fd(map), &key, &value) == 0)
			entries.emplace_back(key, value);
	}
	return entries;
}
