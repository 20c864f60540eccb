// SPDX-License-Identifier: GPL-2.0-only
#include "layer/btf/core_fields.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include <bpf/btf.h>

namespace {

// Kinds of relocations. Source: enum bpf_core_relo_kind of linux/bpf.h, 5.17.
enum : uint32_t { field_byte_offset = 0, field_exists = 2, field_last = 5, type_exists = 8, type_size = 9 };

// The beginning of .BTF.ext. The CO-RE part came later than the header: hdr_len tells.
struct ExtensionHeader {
	uint16_t magic;
	uint8_t version, flags;
	uint32_t header_size;
	uint32_t function_offset, function_size, line_offset, line_size;
	uint32_t core_offset, core_size;
};

struct Relocation {
	uint32_t instruction, type, access, kind;
};

Error damaged()
{
	return {"btf: failed to read what the program relocates: .BTF.ext is damaged", EINVAL};
}

const btf_type *resolved(const BtfView &types, __u32 id)
{
	const btf_type *type = types.type(id);
	for (int depth = 0; depth < 32 && (btf_is_mod(type) || btf_is_typedef(type)); depth++)
		type = types.type(type->type);
	return type;
}

// "0:1:2": an index of the pointer, then members and array elements. Appends the members' names; false: no such thing.
bool name_path(const BtfView &types, const btf_type *type, const char *access, std::vector<std::string> &path)
{
	const char *end = access + strlen(access);
	bool first = true;
	for (const char *at = access; at < end; at++) {
		unsigned index = 0;
		at = std::from_chars(at, end, index).ptr;
		if (std::exchange(first, false))
			continue;
		if (btf_is_array(type)) {
			type = resolved(types, btf_array(type)->type);
			continue;
		}
		if (!btf_is_composite(type) || index >= btf_vlen(type))
			return false;
		const btf_member *member = btf_members(type) + index;
		if (const char *name = types.name(member->name_off); *name)
			path.push_back(name);
		type = resolved(types, member->type);
	}
	return true;
}

struct Found {
	std::vector<CoreField> reads, asks;
};

void add(const BtfView &types, const Relocation &relocation, Found &found)
{
	const btf_type *type = resolved(types, relocation.type);
	std::string name = types.name(type->name_off);
	CoreField field{name.substr(0, name.find("___")), {}, name.find("___") != name.npos, {}};
	if (!btf_is_composite(type) || name.empty() ||
	    (relocation.kind <= field_last && !name_path(types, type, types.name(relocation.access), field.path)))
		return;
	if (relocation.kind == field_exists || relocation.kind == type_exists)
		found.asks.push_back(std::move(field));
	else if (relocation.kind <= field_last || relocation.kind == type_size)
		found.reads.push_back(std::move(field));
}

// Is `part` what `whole` names, or something that it lies in?
bool leads_to(const CoreField &part, const CoreField &whole)
{
	return part.type == whole.type && part.path.size() <= whole.path.size() &&
	       std::equal(part.path.begin(), part.path.end(), whole.path.begin());
}

// Its bit, or -1. The types come from a file that somebody named: anonymous ones may stand in a circle.
long find_member(const BtfView &types, const btf_type *type, const std::string &name, const btf_type **found, int depth = 0)
{
	constexpr int most_depth = 16;
	for (__u32 i = 0; i < btf_vlen(type); i++) {
		const btf_member *member = btf_members(type) + i;
		const char *member_name = types.name(member->name_off);
		const btf_type *inner = resolved(types, member->type);
		long inside = 0;
		if (!*member_name && btf_is_composite(inner))
			inside = depth < most_depth ? find_member(types, inner, name, found, depth + 1) : -1;
		else if (name == member_name)
			*found = inner;
		else
			continue;
		if (inside >= 0)
			return btf_member_bit_offset(type, i) + inside;
	}
	return -1;
}

} // namespace

Result<std::vector<CoreField>> core_fields(std::span<const char> types, std::span<const char> extension)
{
	auto view = BtfView::over(types);
	if (!view)
		return view.error();
	ExtensionHeader header{};
	if (extension.size() < sizeof(header))
		return damaged();
	memcpy(&header, extension.data(), sizeof(header));
	if (header.magic != BTF_MAGIC || header.header_size < sizeof(header)) // made before there was CO-RE
		return header.magic == BTF_MAGIC ? std::vector<CoreField>() : Result<std::vector<CoreField>>(damaged());
	uint64_t at = uint64_t(header.header_size) + header.core_offset, end = at + header.core_size;
	if (end > extension.size())
		return damaged();

	std::vector<CoreField> fields, asked;
	auto read = [&](auto &value) {
		if (end - at < sizeof(value))
			return false;
		memcpy(&value, extension.data() + at, sizeof(value));
		at += sizeof(value);
		return true;
	};
	uint32_t record_size = 0;
	if (header.core_size && (!read(record_size) || record_size < sizeof(Relocation)))
		return damaged();
	struct {
		uint32_t name, count;
	} section;
	while (at < end) {
		if (!read(section) || section.count > (end - at) / record_size)
			return damaged();
		Found found;
		for (uint32_t i = 0; i < section.count; i++) {
			Relocation relocation;
			memcpy(&relocation, extension.data() + at, sizeof(relocation));
			at += record_size;
			add(*view, relocation, found);
		}
		for (CoreField &field : found.reads) {
			field.asked_first = found.asks;
			fields.push_back(std::move(field));
		}
		asked.insert(asked.end(), found.asks.begin(), found.asks.end());
	}
	for (CoreField &field : fields)
		for (const CoreField &question : asked)
			field.optional = field.optional || leads_to(question, field);
	return fields;
}

bool finds(const BtfView &types, const CoreField &field)
{
	if (field.optional || bit_offset(types, field.type, field.path) >= 0)
		return true;
	bool has_type = bit_offset(types, field.type, {}) >= 0;
	return !has_type && std::any_of(field.asked_first.begin(), field.asked_first.end(), [&types](const CoreField &question) {
		return bit_offset(types, question.type, question.path) >= 0;
	});
}

long bit_offset(const BtfView &types, const std::string &type, const std::vector<std::string> &path)
{
	for (__u32 id = 1; id < types.type_count(); id++) {
		const btf_type *at = types.type(id);
		if (!btf_is_composite(at) || type != types.name(at->name_off))
			continue;
		long bits = 0;
		for (const std::string &name : path) {
			while (btf_is_array(at)) // its first element: which one is read makes no difference to what is there
				at = resolved(types, btf_array(at)->type);
			long more = btf_is_composite(at) ? find_member(types, at, name, &at) : -1;
			if (more < 0)
				return -1;
			bits += more;
		}
		return bits;
	}
	return -1;
}
