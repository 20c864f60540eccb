// SPDX-License-Identifier: GPL-2.0-only
#include "layer/record_types.h"

#include <fmt/format.h>

namespace {

// perf pads a record to 8 bytes less 4, so it may be this much longer than its struct.
constexpr size_t perf_padding = 8;

// Types that are no records: what maps hold, and what programs get as their context.
std::set<__u32> other_uses(const bpf_object *object, const btf *types)
{
	std::set<__u32> ids;
	const bpf_map *map;
	bpf_object__for_each_map(map, object) {
		ids.insert(bpf_map__btf_key_type_id(map));
		ids.insert(bpf_map__btf_value_type_id(map));
	}
	for (__u32 id = 1; id < btf__type_cnt(types); id++) {
		const btf_type *type = btf__type_by_id(types, id);
		if (!btf_is_func_proto(type))
			continue;
		for (int i = 0; i < btf_vlen(type); i++) {
			const btf_type *parameter = btf__type_by_id(types, btf_params(type)[i].type);
			if (parameter && btf_is_ptr(parameter))
				ids.insert(parameter->type);
		}
	}
	return ids;
}

std::map<__u32, __u32> unique_sizes(const bpf_object *object, const btf *types)
{
	std::map<__u32, __u32> by_size;
	std::set<__u32> others = other_uses(object, types);
	for (__u32 id = 1; id < btf__type_cnt(types); id++) {
		const btf_type *type = btf__type_by_id(types, id);
		if (!btf_is_struct(type) || !type->name_off || !btf_vlen(type) || others.contains(id))
			continue;
		auto [at, is_new] = by_size.try_emplace(type->size, id);
		if (!is_new)
			at->second = 0; // two of that size: neither
	}
	return by_size;
}

} // namespace

Result<RecordTypes> RecordTypes::open(const bpf_object *object, const std::vector<std::string> &choices)
{
	RecordTypes result;
	result.types_ = bpf_object__btf(object);
	if (result.types_)
		result.by_size_ = unique_sizes(object, result.types_);
	for (const std::string &choice : choices) {
		auto equals = choice.find('=');
		if (equals == choice.npos)
			return Error{fmt::format("--type {}: it takes MAP=STRUCT", choice), EINVAL};
		std::string map = choice.substr(0, equals), name = choice.substr(equals + 1);
		if (!bpf_object__find_map_by_name(object, map.c_str()))
			return Error{fmt::format("--type {}: the object has no map \"{}\"", choice, map), EINVAL};
		int id = result.types_ && !name.empty() ? btf__find_by_name_kind(result.types_, name.c_str(), BTF_KIND_STRUCT) : -1;
		if (id <= 0)
			return Error{fmt::format("--type {}: the object's BTF has no struct \"{}\"", choice, name), EINVAL};
		result.by_map_[map] = static_cast<__u32>(id);
	}
	return result;
}

Cell RecordTypes::decode(const bpf_map *map, const void *data, size_t size) const
{
	std::span bytes(static_cast<const unsigned char *>(data), size);
	if (auto chosen = by_map_.find(bpf_map__name(map)); chosen != by_map_.end())
		return btf_value(types_, chosen->second, bytes);
	if (__u32 own = bpf_map__btf_value_type_id(map))
		return btf_value(types_, own, bytes);
	size_t padding = bpf_map__type(map) == BPF_MAP_TYPE_PERF_EVENT_ARRAY ? perf_padding : 1;
	for (size_t less = 0; less < padding && less < size; less++)
		if (auto known = by_size_.find(static_cast<__u32>(size - less)); known != by_size_.end() && known->second)
			return btf_value(types_, known->second, bytes.first(size - less));
	return hex_value(bytes);
}
