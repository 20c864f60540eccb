// SPDX-License-Identifier: GPL-2.0-only
#include "layer/object_maps.h"
#include "layer/btf_value.h"

#include <bpf/bpf.h>
#include <cerrno>
#include <fmt/format.h>
#include <vector>

namespace {

constexpr Column columns[] = {
	{"MAP", -16, "the map's name"},
	{"KEY", -24, "decoded by the object's BTF, else hex"},
	{"CPU", 4, "of a per-CPU value"},
	{"VALUE", 0, "likewise"},
};

bool is_percpu(bpf_map_type type)
{
	return type == BPF_MAP_TYPE_PERCPU_ARRAY || type == BPF_MAP_TYPE_PERCPU_HASH || type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
}

bool has_values(bpf_map_type type)
{
	switch (type) {
	case BPF_MAP_TYPE_HASH:
	case BPF_MAP_TYPE_ARRAY:
	case BPF_MAP_TYPE_LRU_HASH:
	case BPF_MAP_TYPE_LPM_TRIE:
		return true;
	default:
		return is_percpu(type);
	}
}

class Dump {
	const btf *types_;
	const bpf_map *map_;
	Output &output_;

	void row(std::span<const unsigned char> key, const Cell &cpu, std::span<const unsigned char> value)
	{
		output_.row(columns, Row() << bpf_map__name(map_) << btf_value(types_, bpf_map__btf_key_type_id(map_), key)
					   << cpu << btf_value(types_, bpf_map__btf_value_type_id(map_), value));
	}

public:
	Dump(const btf *types, const bpf_map *map, Output &output) : types_(types), map_(map), output_(output) {}

	Result<void> run()
	{
		int fd = bpf_map__fd(map_);
		size_t size = bpf_map__value_size(map_), padded = (size + 7) / 8 * 8;
		bool percpu = is_percpu(bpf_map__type(map_));
		size_t cpus = percpu ? static_cast<size_t>(libbpf_num_possible_cpus()) : 1;
		std::vector<unsigned char> key(bpf_map__key_size(map_)), next(key.size()), value(padded * cpus);
		bool first = true;
		while (bpf_map_get_next_key(fd, first ? nullptr : key.data(), next.data()) == 0) {
			key = next;
			first = false;
			if (bpf_map_lookup_elem(fd, key.data(), value.data()) != 0) {
				if (errno == ENOENT) // removed meanwhile
					continue;
				return errno_error(fmt::format("map {}: failed to read an entry", bpf_map__name(map_)));
			}
			for (size_t cpu = 0; cpu < cpus; cpu++)
				row(key, percpu ? cell(cpu) : Cell{"", "null"}, std::span(value).subspan(cpu * padded, size));
		}
		return {};
	}
};

} // namespace

Result<void> dump_maps(bpf_object *object, Output &output)
{
	bpf_map *map;
	bool headed = false;
	bpf_object__for_each_map(map, object) {
		if (!has_values(bpf_map__type(map)) || bpf_map__is_internal(map))
			continue;
		if (!headed)
			output.section("");
		headed = true;
		if (auto done = Dump(bpf_object__btf(object), map, output).run(); !done)
			return done;
	}
	return {};
}
