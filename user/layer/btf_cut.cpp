// SPDX-License-Identifier: GPL-2.0-only
#include "layer/btf_cache.h"

#include <linux/btf.h>
#include <map>
#include <set>

namespace {

using Members = std::set<std::string, std::less<>>;

// A flavour (task_struct___before_5_14) means the type without its suffix.
std::string_view plain_name(std::string_view name)
{
	auto suffix = name.find("___");
	return suffix == name.npos || suffix == 0 ? name : name.substr(0, suffix);
}

// All names that one may write behind a value of this type, through anonymous members too.
void add_member_names(const BtfView &types, const btf_type *type, Members &names)
{
	const btf_member *member = btf_members(type);
	for (int i = 0; i < btf_vlen(type); i++, member++) {
		const char *name = types.name(member->name_off);
		const btf_type *inner = types.type(member->type);
		if (*name)
			names.emplace(name);
		else if (btf_is_composite(inner))
			add_member_names(types, inner, names);
	}
}

class Cut {
	const BtfView &from_;
	btf *to_;
	std::map<std::string, Members, std::less<>> wanted_; // type name -> members
	std::map<__u32, int> done_;			     // id in from_ -> id in to_

	int add_composite(const btf_type *type, const Members &members);
	int add_enum(const btf_type *type, bool whole);
	bool has_any(const btf_type *type, const Members &members) const;

public:
	Cut(const BtfView &from, btf *to) : from_(from), to_(to) {}
	void want(const BtfView &object);
	// Returns the id in the new BTF, or a negative errno. `enclosing`: the members wanted of an anonymous type.
	int add(__u32 id, const Members *enclosing = nullptr);
	int add_all();
};

void Cut::want(const BtfView &object)
{
	for (__u32 id = 1; id < object.type_count(); id++) {
		const btf_type *type = object.type(id);
		std::string_view name = object.name(type->name_off);
		if (name.empty())
			continue;
		if (btf_is_composite(type))
			add_member_names(object, type, wanted_[std::string(plain_name(name))]);
		else if (btf_is_any_enum(type))
			wanted_[std::string(plain_name(name))];
	}
}

bool Cut::has_any(const btf_type *type, const Members &members) const
{
	Members names;
	add_member_names(from_, type, names);
	for (const std::string &name : names)
		if (members.contains(name))
			return true;
	return false;
}

// Members' types come first: libbpf adds members to the type that was added last.
int Cut::add_composite(const btf_type *type, const Members &members)
{
	struct Field {
		const char *name;
		int type;
		__u32 bit_offset, bit_size;
	};
	std::vector<Field> fields;
	const btf_member *member = btf_members(type);
	for (__u32 i = 0; i < btf_vlen(type); i++, member++) {
		const char *name = from_.name(member->name_off);
		const btf_type *inner = from_.type(member->type);
		bool anonymous = !*name && btf_is_composite(inner);
		if (anonymous ? !has_any(inner, members) : !members.contains(name))
			continue;
		int id = add(member->type, &members);
		if (id < 0)
			return id;
		fields.push_back({name, id, btf_member_bit_offset(type, i), btf_member_bitfield_size(type, i)});
	}
	const char *name = from_.name(type->name_off);
	int id = btf_is_struct(type) ? btf__add_struct(to_, name, type->size) : btf__add_union(to_, name, type->size);
	for (const Field &field : fields) {
		if (id < 0)
			break;
		int err = btf__add_field(to_, field.name, field.type, field.bit_offset, field.bit_size);
		if (err)
			return err;
	}
	return id;
}

int Cut::add_enum(const btf_type *type, bool whole)
{
	const char *name = from_.name(type->name_off);
	bool wide = btf_is_enum64(type);
	int id = wide ? btf__add_enum64(to_, name, type->size, btf_kflag(type)) : btf__add_enum(to_, name, type->size);
	for (int i = 0; whole && id > 0 && i < btf_vlen(type); i++) {
		int err;
		if (wide) {
			const struct btf_enum64 *value = btf_enum64(type) + i;
			err = btf__add_enum64_value(to_, from_.name(value->name_off), btf_enum64_value(value));
		} else {
			const struct btf_enum *value = btf_enum(type) + i;
			err = btf__add_enum_value(to_, from_.name(value->name_off), value->val);
		}
		if (err)
			return err;
	}
	return id;
}

int Cut::add(__u32 id, const Members *enclosing)
{
	if (auto known = done_.find(id); known != done_.end())
		return known->second;
	const btf_type *type = from_.type(id);
	while (id && (btf_is_mod(type) || btf_is_typedef(type))) {
		id = type->type;
		type = from_.type(id);
	}
	if (!id)
		return 0;
	const char *name = from_.name(type->name_off);
	auto wanted = wanted_.find(std::string_view(name));
	static const Members none;
	int made = 0;

	switch (btf_kind(type)) {
	case BTF_KIND_INT:
		made = btf__add_int(to_, name, type->size, btf_int_encoding(type));
		break;
	case BTF_KIND_FLOAT:
		made = btf__add_float(to_, name, type->size);
		break;
	case BTF_KIND_PTR:
		made = btf__add_ptr(to_, 0);
		break;
	case BTF_KIND_ARRAY: {
		const struct btf_array *array = btf_array(type);
		int index = add(array->index_type), element = add(array->type, enclosing);
		if (index < 0 || element < 0)
			return -EINVAL;
		made = btf__add_array(to_, index, element, array->nelems);
		break;
	}
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64:
		made = add_enum(type, *name && wanted != wanted_.end());
		break;
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		if (*name)
			made = add_composite(type, wanted == wanted_.end() ? none : wanted->second);
		else // depends on where it stands: not to be shared
			return add_composite(type, enclosing ? *enclosing : none);
		break;
	default: // nothing that a field can be
		return 0;
	}
	if (made > 0)
		done_[id] = made;
	return made;
}

int Cut::add_all()
{
	for (__u32 id = 1; id < from_.type_count(); id++) {
		const btf_type *type = from_.type(id);
		if (!btf_is_composite(type) && !btf_is_any_enum(type))
			continue;
		const char *name = from_.name(type->name_off);
		if (!*name || !wanted_.contains(std::string_view(name)))
			continue;
		int made = add(id);
		if (made < 0)
			return made;
	}
	return 0;
}

} // namespace

Result<BtfPtr> cut_btf(const BtfView &kernel, const std::vector<const btf *> &objects)
{
	BtfPtr result(btf__new_empty());
	if (!result)
		return errno_error("btf: failed to start a new BTF");
	Cut cut(kernel, result.get());
	for (const btf *object : objects) {
		auto types = btf_view(object);
		if (!types)
			return types.error();
		cut.want(*types);
	}
	int err = cut.add_all();
	if (err < 0)
		return errno_error("btf: failed to cut the kernel's BTF", -err);
	return result;
}
