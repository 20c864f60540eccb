// SPDX-License-Identifier: GPL-2.0-only
// What a program reads and writes: its own memory is kept here, everything else is noted as a read.
#include "ftrace/plan_machine.h"

#include <algorithm>
#include <fmt/format.h>
#include <linux/bpf.h>

namespace
{

constexpr uint64_t first_page = 4096; // no memory below: what is read there is behind a NULL pointer
constexpr uint32_t longest_read = 4096;

// Is some part of a computed address the program's own or the context?
Value inside(Value address, bool (*wanted)(Value))
{
	if (wanted(address))
		return address;
	if (address->is(ValueKind::sum))
		return inside(address->a, wanted);
	if (!address->is(ValueKind::operation) || address->index != VM_ADD)
		return nullptr;
	Value found = inside(address->a, wanted);
	return found ? found : inside(address->b, wanted);
}

Value own_inside(Value address)
{
	return inside(address, [](Value v) { return v->is_own() || v->is(ValueKind::maybe_object); });
}

Value context_inside(Value address)
{
	return inside(address, [](Value v) { return v->is(ValueKind::context); });
}

unsigned depth_of(Value address)
{
	unsigned depth = 1;
	for (; address->is(ValueKind::sum) || address->is(ValueKind::memory); address = address->a)
		depth += address->is(ValueKind::memory);
	return depth;
}

} // namespace

uint32_t PlanMachine::object_for(const PlanMap *map, uint64_t which, uint32_t size)
{
	for (uint32_t i = 0; i < objects_.size(); i++)
		if (objects_[i].map == map && objects_[i].which == which)
			return i;
	OwnObject object{map, which, {}, false, size};
	// Global data: an array with one value.
	bool fixed = map && (map->constant || input_.unchanging.contains(map));
	uint32_t zero = 0;
	if (fixed && map->lookup && which == 0 && map->key_size == sizeof(zero))
		object.has_contents = map->lookup(&zero, object.contents);
	if (object.has_contents && !map->constant)
		result_.assumed.insert(map);
	objects_.push_back(std::move(object));
	return static_cast<uint32_t>(objects_.size() - 1);
}

OwnBytes &PlanMachine::own(Value address)
{
	if (address->is(ValueKind::stack))
		return state_.frames[std::min<size_t>(address->index, state_.frames.size() - 1)].stack;
	return state_.objects[address->index];
}

OwnBytes::Untouched PlanMachine::untouched(Value address)
{
	if (address->is(ValueKind::stack))
		return [this](int64_t, uint32_t) { return values_.unknown(~uint64_t(0)); };
	const OwnObject &object = objects_[address->index];
	if (object.has_contents)
		return [this, contents = object.contents](int64_t offset, uint32_t size) -> Value {
			uint64_t number = 0;
			if (offset < 0 || size > 8 || static_cast<size_t>(offset) + size > contents.size())
				return values_.unknown(~uint64_t(0));
			memcpy(&number, contents.data() + offset, size);
			return values_.constant(number);
		};
	if (!object.map)
		return [this](int64_t, uint32_t) { return values_.unknown(~uint64_t(0)); };
	return [this, map = object.map](int64_t offset, uint32_t size) { return values_.map_bytes(map, offset, size); };
}

Value PlanMachine::load(Value address, uint32_t size)
{
	if (address->is(ValueKind::maybe_object))
		address = values_.address(ValueKind::object, address->index, address->distance());
	if (address->is_own())
		return own(address).read(values_, address->distance(), size, untouched(address));
	if (address->is(ValueKind::context)) {
		note_context(address->distance(), size);
		return values_.context_bytes(address->distance(), size);
	}
	if (own_inside(address))
		return values_.bytes(values_.unknown(call_number()), 0, size);
	if (context_inside(address)) {
		if (!is_record())
			refuse(fmt::format("which register it reads ({}) is only known when it runs",
					   describe_value(address)));
		return values_.bytes(values_.unknown(call_number()), 0, size);
	}
	if ((address->is_constant() && address->number < first_page) || !can_follow(address))
		return values_.bytes(values_.unknown(call_number()), 0, size);
	note_read(address, size, Space::kernel, false);
	return values_.memory(address, size, Space::kernel);
}

void PlanMachine::store(Value address, uint32_t size, Value value)
{
	if (address->is(ValueKind::maybe_object))
		address = values_.address(ValueKind::object, address->index, address->distance());
	Value target = address->is_own() ? address : own_inside(address);
	if (!target)
		return;
	const PlanMap *map = target->is_own() && target->is(ValueKind::object) ? objects_[target->index].map : nullptr;
	if (map) {
		result_.written.insert(map);
		has_effect();
	}
	if (!address->is_own()) {
		own(target).scatter();
		return;
	}
	own(address).write(values_, address->distance(), size, value);
	if (map && size == 8)
		note_pointer(map, address->distance(), value, true);
}

void PlanMachine::copy_own(Value to, uint32_t size, Value from)
{
	if (!from->is_own()) { // somewhere in it
		own(to).scatter();
		return;
	}
	OwnBytes source = own(from);
	own(to).copy(values_, to->distance(), source, from->distance(), size, untouched(from));
}

// Whether an event can follow the address; if not, why is a refusal.
bool PlanMachine::can_follow(Value address)
{
	Value base = place_of(address).base;
	if (depth_of(address) > input_.max_depth) {
		refuse(fmt::format("it follows {} pointers one behind the other; an event follows {} at most",
				   depth_of(address), input_.max_depth));
		return false;
	}
	switch (base->kind) {
	case ValueKind::constant:
	case ValueKind::current:
		return true;
	case ValueKind::context_bytes:
	case ValueKind::memory:
	case ValueKind::map_bytes:
		if (base->size == 8 && !base->is_string)
			return true;
		refuse(fmt::format("the address that it reads, {}, is made from {} bytes, which are no whole pointer",
				   describe_value(address), base->size));
		return false;
	case ValueKind::unknown:
		refuse("the address that it reads is only known when the program runs");
		return false;
	case ValueKind::operation:
	case ValueKind::bytes:
	case ValueKind::sign_extended:
		refuse(fmt::format("the address that it reads is computed: {}; an event can follow a pointer and add a "
				   "constant, no more",
				   describe_value(address)));
		return false;
	default:
		refuse(fmt::format("it reads {} as memory", describe_value(address)));
		return false;
	}
}

void PlanMachine::note_read(Value address, uint32_t size, Space space, bool is_string)
{
	for (PlanRead &read : result_.reads) {
		if (read.address != address || read.is_string != is_string || (!is_string && read.size != size))
			continue;
		read.size = std::max(read.size, size);
		if (read.space == Space::any)
			read.space = space;
		return;
	}
	result_.reads.push_back({address, size, space, is_string, state_.at});
}

void PlanMachine::note_context(int64_t offset, uint32_t size)
{
	result_.context.try_emplace({offset, size}, state_.at);
}

void PlanMachine::note_pointer(const PlanMap *map, int64_t offset, Value value, bool is_stored)
{
	Value root = root_of(value);
	bool can_point = root->is(ValueKind::context_bytes) || root->is(ValueKind::map_bytes) ||
			 root->is(ValueKind::current) || value->is(ValueKind::memory);
	if (is_stored && value->is_constant())
		return;
	if (!is_stored && !can_point)
		return;
	for (const PlanPointer &known : result_.pointers)
		if (known.map == map && known.offset == offset && known.value == value && known.is_stored == is_stored)
			return;
	result_.pointers.push_back({map, offset, value, is_stored, state_.at});
}

// What a read gives: the copy's value, or nullptr where this way ends.
Value PlanMachine::read_foreign(Value from, uint32_t bytes, Space space, bool is_string)
{
	if (from->is(ValueKind::context)) {
		note_context(from->distance(), bytes);
		return values_.context_bytes(from->distance(), bytes);
	}
	if (from->is_constant() && from->number < first_page)
		return values_.constant(0);
	if (bytes > longest_read) {
		refuse(fmt::format("it reads {} bytes at once; {} are the most", bytes, longest_read));
		return values_.unknown(call_number());
	}
	if (context_inside(from)) {
		if (!is_record())
			refuse(fmt::format("which register it reads ({}) is only known when it runs",
					   describe_value(from)));
		return values_.unknown(call_number());
	}
	if (!can_follow(from))
		return values_.unknown(call_number());
	note_read(from, bytes, space, is_string);
	return values_.memory(from, bytes, space, is_string);
}

void PlanMachine::copy_memory(Value to, Value size, Value from, Space space, bool is_string)
{
	state_.registers[0] = values_.unknown(call_number());
	if (to->is(ValueKind::maybe_object))
		to = values_.address(ValueKind::object, to->index, to->distance());
	uint64_t bytes = size->is_constant() ? size->number & 0xffffffff : largest(size);
	Value source = own_inside(from), target = own_inside(to);
	if (!size->is_constant() && !is_string && !source)
		return refuse("how many bytes it reads is only known when it runs");
	if (!bytes)
		return;
	if (target && target->is(ValueKind::object) && objects_[target->index].map) {
		result_.written.insert(objects_[target->index].map);
		has_effect();
	}
	// A string of unknown length: the longest that a value of a map or the stack can take is enough.
	Value read = source ? nullptr
			    : read_foreign(from,
					   static_cast<uint32_t>(size->is_constant() ? bytes
										     : std::min<uint64_t>(bytes, 512)),
					   space, is_string);
	if (target && (target != to || !size->is_constant()))
		own(target).scatter();
	else if (target && !source)
		own(to).write(values_, to->distance(), static_cast<uint32_t>(bytes), read);
	else if (target)
		copy_own(to, static_cast<uint32_t>(bytes), from);
}

// What stands at an address of the program's own, if all of it is known already.
std::optional<std::string> PlanMachine::constant_bytes(Value address, uint32_t size)
{
	std::string found;
	if (!address->is_own())
		return {};
	for (uint32_t at = 0; at < size;) {
		uint32_t step = std::min<uint32_t>(8, size - at);
		Value value = load(values_.sum(address, at), step);
		if (!value->is_constant())
			return {};
		found.append(reinterpret_cast<const char *>(&value->number), step);
		at += step;
	}
	return found;
}
