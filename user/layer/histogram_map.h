// SPDX-License-Identifier: GPL-2.0-only
// Reads a hash map from K to struct hist (kern/hist.h), interval by interval.
#pragma once

#include "hist.h"
#include "layer/map_reader.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

template <class K> class HistogramMap {
	std::map<std::string, hist> seen_; // by the key's bytes, as of the last take()

	// Takes off what the last take() had; says whether anything is left.
	static bool subtract(hist &now, const hist &before)
	{
		bool any = false;
		for (int i = 0; i < HIST_SLOTS; i++) {
			now.slots[i] -= before.slots[i];
			any = any || now.slots[i];
		}
		return any;
	}

public:
	// What was counted since the last call, without the keys that counted nothing; those are removed from
	// the map, to make room. Nothing is ever set back to zero in it, so no count is lost between reports.
	std::vector<std::pair<K, hist>> take(const bpf_map *map)
	{
		std::vector<std::pair<K, hist>> counted;
		for (auto &[key, now] : map_entries<K, hist>(map)) {
			std::string bytes(reinterpret_cast<const char *>(&key), sizeof(key));
			hist total = now;
			if (subtract(now, seen_[bytes])) {
				seen_[bytes] = total;
				counted.emplace_back(key, now);
			} else {
				bpf_map_delete_elem(bpf_map__fd(map), &key);
				seen_.erase(bytes);
			}
		}
		return counted;
	}
};

inline std::string name_of(const hist &hist)
{
	return {hist.name, strnlen(hist.name, sizeof(hist.name))};
}
