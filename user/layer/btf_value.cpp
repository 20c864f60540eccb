// SPDX-License-Identifier: GPL-2.0-only
#include "layer/btf_value.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace {

using Bytes = std::span<const unsigned char>;

Cell value_of(const btf *types, __u32 id, Bytes data);

// `bits` bits from bit `offset` on, as this little-endian machine lays them out.
uint64_t read_bits(Bytes data, unsigned offset, unsigned bits)
{
	uint64_t value = 0;
	if (offset % 8 == 0 && bits % 8 == 0 && bits <= 64 && (offset + bits) / 8 <= data.size()) { // all but bit fields
		memcpy(&value, data.data() + offset / 8, bits / 8);
		return value;
	}
	for (unsigned i = 0; i < bits && i < 64; i++) {
		unsigned at = offset + i;
		if (at / 8 < data.size() && (data[at / 8] >> (at % 8) & 1))
			value |= uint64_t(1) << i;
	}
	return value;
}

// What is the same in text and JSON.
Cell one_form(std::string text)
{
	return {text, text};
}

Cell integer(const btf_type *type, Bytes data, unsigned offset, unsigned bits)
{
	uint64_t value = read_bits(data, offset, bits);
	int encoding = btf_kind(type) == BTF_KIND_INT ? btf_int_encoding(type) : 0;
	if (encoding & BTF_INT_BOOL)
		return one_form(value ? "true" : "false");
	if (encoding & BTF_INT_SIGNED && bits && bits < 64 && value >> (bits - 1))
		value |= ~uint64_t(0) << bits;
	if (encoding & BTF_INT_SIGNED)
		return cell(static_cast<int64_t>(value));
	return cell(value);
}

Cell enumerator(const btf *types, const btf_type *type, Bytes data, unsigned offset, unsigned bits)
{
	uint64_t value = read_bits(data, offset, bits);
	for (int i = 0; i < btf_vlen(type); i++) {
		uint64_t known = btf_is_enum64(type) ? btf_enum64_value(btf_enum64(type) + i)
						     : static_cast<__u32>(btf_enum(type)[i].val);
		__u32 name = btf_is_enum64(type) ? btf_enum64(type)[i].name_off : btf_enum(type)[i].name_off;
		if (known == value)
			return cell(btf__name_by_offset(types, name));
	}
	return cell(value);
}

const btf_type *resolve(const btf *types, __u32 &id)
{
	const btf_type *type = btf__type_by_id(types, id);
	while (type && (btf_is_mod(type) || btf_is_typedef(type))) {
		id = type->type;
		type = btf__type_by_id(types, id);
	}
	return type;
}

Cell array_of(const btf *types, const struct btf_array *array, Bytes data)
{
	__u32 element = array->type;
	const btf_type *type = resolve(types, element);
	size_t size = static_cast<size_t>(std::max<__s64>(1, btf__resolve_size(types, element)));
	size_t count = array->nelems ? array->nelems : data.size() / size; // a flexible array: what there is
	count = std::min(count, data.size() / size);
	if (type && btf_is_int(type) && size == 1) {
		auto end = std::find(data.begin(), data.begin() + static_cast<long>(count), 0);
		std::string_view text(reinterpret_cast<const char *>(data.data()), static_cast<size_t>(end - data.begin()));
		bool reads = std::all_of(text.begin(), text.end(), [](unsigned char c) { return c >= 0x20 || c == '\n' || c == '\t'; });
		bool padded = std::all_of(end, data.begin() + static_cast<long>(count), [](unsigned char c) { return c == 0; });
		if (reads && (padded || (btf_int_encoding(type) & (BTF_INT_CHAR | BTF_INT_SIGNED))))
			return cell(text);
	}
	std::string list = "[";
	for (size_t i = 0; i < count; i++) {
		if (i)
			list += ',';
		list += value_of(types, element, data.subspan(i * size, size)).json;
	}
	list += ']';
	return {printable(list), list};
}

// Members as name=value; what is inside them as JSON.
void add_members(const btf *types, const btf_type *type, Bytes data, Cell &all)
{
	for (__u32 i = 0; i < btf_vlen(type); i++) {
		const btf_member *member = btf_members(type) + i;
		unsigned offset = btf_member_bit_offset(type, i), bits = btf_member_bitfield_size(type, i);
		if (offset / 8 >= data.size())
			continue;
		const char *name = btf__name_by_offset(types, member->name_off);
		__u32 id = member->type;
		const btf_type *inner = resolve(types, id);
		if (!*name && btf_is_composite(inner)) {
			add_members(types, inner, data.subspan(offset / 8), all);
			continue;
		}
		Cell value = !bits			? value_of(types, id, data.subspan(offset / 8))
			     : btf_is_any_enum(inner)	? enumerator(types, inner, data, offset, bits)
							: integer(inner, data, offset, bits);
		if (!all.text.empty()) {
			all.text += ' ';
			all.json += ',';
		}
		all.text.append(name).append("=").append(printable(value.json));
		all.json.append("\"").append(name).append("\":").append(value.json);
	}
}

Cell floating(const btf_type *type, Bytes data)
{
	double number = 0;
	if (type->size == 8 && data.size() >= 8)
		memcpy(&number, data.data(), 8);
	float small;
	if (type->size == 4 && data.size() >= 4)
		number = (memcpy(&small, data.data(), 4), small);
	return one_form(nlohmann::json(number).dump());
}

Cell value_of(const btf *types, __u32 id, Bytes data)
{
	const btf_type *type = resolve(types, id);
	if (!type)
		return one_form("null");
	switch (btf_kind(type)) {
	case BTF_KIND_INT:
		return integer(type, data, 0, type->size * 8);
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64:
		return enumerator(types, type, data, 0, type->size * 8);
	case BTF_KIND_PTR:
		return cell(fmt::format("{:#x}", read_bits(data, 0, 64)));
	case BTF_KIND_FLOAT:
		return floating(type, data);
	case BTF_KIND_ARRAY:
		return array_of(types, btf_array(type), data);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION: {
		Cell all{"", "{"};
		add_members(types, type, data, all);
		all.json += '}';
		return all;
	}
	default:
		return one_form("null");
	}
}

} // namespace

Cell hex_value(Bytes data)
{
	std::string text, digits;
	for (unsigned char byte : data) {
		text += fmt::format("{}{:02x}", text.empty() ? "" : " ", byte);
		digits += fmt::format("{:02x}", byte);
	}
	return {text, "\"" + digits + "\""};
}

Cell btf_value(const btf *types, __u32 id, Bytes data)
{
	if (!types || !id)
		return hex_value(data);
	return value_of(types, id, data);
}
