// SPDX-License-Identifier: GPL-2.0-only
#include "ftrace/plan_join.h"

#include <algorithm>

namespace
{

// The same address with another pointer at its root.
Value rebuilt(Values &values, Value address, Value root, Value with)
{
	if (address == root)
		return with;
	if (address->is(ValueKind::sum))
		return values.sum(rebuilt(values, address->a, root, with), address->distance());
	if (address->is(ValueKind::memory))
		return values.memory(rebuilt(values, address->a, root, with), address->size, address->space);
	return address;
}

// Can an event start there? (Whether it really has it, depends on the hook.)
bool can_start(Value pointer)
{
	Value base = place_of(pointer).base;
	switch (base->kind) {
	case ValueKind::context_bytes:
	case ValueKind::memory:
		return base->size == 8 && !base->is_string;
	case ValueKind::constant:
	case ValueKind::current:
		return true;
	default:
		return false;
	}
}

bool has(const std::vector<JoinedRead> &reads, const JoinedRead &wanted)
{
	return std::any_of(reads.begin(), reads.end(), [&](const JoinedRead &read) {
		return read.read.address == wanted.read.address && read.read.is_string == wanted.read.is_string &&
		       read.read.size >= wanted.read.size;
	});
}

} // namespace

std::vector<JoinedRead> PlanJoin::reads_through_maps(Values &values) const
{
	std::vector<JoinedRead> all;
	for (const Member &member : members)
		for (const PlanRead &read : member.run.reads) {
			Value root = root_of(read.address);
			if (root->is(ValueKind::map_bytes))
				all.push_back({read, member.program, root->map, root->distance()});
		}
	// What was copied into a map as a whole came from another map's field.
	for (size_t i = 0; i < all.size(); i++)
		for (const Member &member : members)
			for (const PlanCopy &copy : member.run.copies) {
				if (copy.to != all[i].map || copy.to == copy.from)
					continue;
				JoinedRead moved = all[i];
				moved.map = copy.from;
				moved.offset = all[i].offset + copy.from_offset;
				Value root = values.map_bytes(moved.map, moved.offset, 8);
				moved.read.address =
					rebuilt(values, moved.read.address, root_of(moved.read.address), root);
				if (!has(all, moved))
					all.push_back(moved);
			}
	return all;
}

std::vector<JoinedRead> PlanJoin::reads_to_keep(Values &values, const Member &member,
						std::vector<JoinedRead> *unable) const
{
	std::vector<JoinedRead> kept;
	for (const JoinedRead &wanted : reads_through_maps(values))
		for (const PlanPointer &pointer : member.run.pointers) {
			if (pointer.map != wanted.map || pointer.offset != wanted.offset)
				continue;
			if (root_of(pointer.value)
				    ->is(ValueKind::map_bytes)) // as it came from there, or by way of a copy
				continue;
			JoinedRead read = wanted;
			read.read.address =
				rebuilt(values, wanted.read.address, root_of(wanted.read.address), pointer.value);
			read.read.insn = pointer.insn;
			read.is_stored = pointer.is_stored;
			if (can_start(pointer.value)) {
				read.read.space = Space::any; // the reader may be a flavour that takes it for another's
				if (!has(kept, read))
					kept.push_back(read);
			} else if (unable && pointer.is_stored) {
				unable->push_back(read);
			}
		}
	return kept;
}

bool PlanJoin::is_provided(const JoinedRead &read) const
{
	for (const Member &member : members)
		for (const PlanPointer &pointer : member.run.pointers)
			if (pointer.map == read.map && pointer.offset == read.offset && can_start(pointer.value))
				return true;
	// As part of another map's value.
	return std::any_of(members.begin(), members.end(), [&](const Member &member) {
		return std::any_of(member.run.copies.begin(), member.run.copies.end(),
				   [&](const PlanCopy &copy) { return copy.to == read.map; });
	});
}

std::set<const PlanMap *> PlanJoin::unchanging(const std::set<const PlanMap *> &all) const
{
	std::set<const PlanMap *> left = all;
	for (const Member &member : members)
		for (const PlanMap *map : member.run.written)
			left.erase(map);
	return left;
}
