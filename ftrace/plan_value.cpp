// SPDX-License-Identifier: GPL-2.0-only
#include "ftrace/plan_value.h"

#include "ftrace/plan.h"
#include "vm/disasm.h"

#include <fmt/format.h>
#include <limits>
#include <optional>

namespace
{

uint64_t low_bytes(uint64_t number, uint32_t size)
{
	return size >= 8 ? number : number & ((uint64_t(1) << (8 * size)) - 1);
}

std::optional<uint64_t> divided(unsigned op, uint64_t a, uint64_t b, bool is_signed)
{
	if (!b)
		return op == VM_DIV ? 0 : a;
	if (!is_signed)
		return op == VM_DIV ? a / b : a % b;
	auto x = static_cast<int64_t>(a), y = static_cast<int64_t>(b);
	if (y == -1)
		return op == VM_DIV ? 0 - a : 0;
	return static_cast<uint64_t>(op == VM_DIV ? x / y : x % y);
}

std::optional<uint64_t> folded(unsigned op, uint64_t a, uint64_t b, bool is_signed)
{
	switch (op) {
	case VM_ADD:
		return a + b;
	case VM_SUB:
		return a - b;
	case VM_MUL:
		return a * b;
	case VM_OR:
		return a | b;
	case VM_AND:
		return a & b;
	case VM_XOR:
		return a ^ b;
	case VM_LSH:
		return a << (b & 63);
	case VM_RSH:
		return a >> (b & 63);
	case VM_ARSH:
		return static_cast<uint64_t>(static_cast<int64_t>(a) >> (b & 63));
	case VM_DIV:
	case VM_MOD:
		return divided(op, a, b, is_signed);
	default:
		return {};
	}
}

} // namespace

Value Values::make(ValueNode node)
{
	Key key{node.kind, node.space, node.is_string, node.index, node.size, node.number, node.a, node.b, node.map};
	auto [at, is_new] = known_.try_emplace(key, nullptr);
	if (is_new) {
		node.id = static_cast<uint32_t>(nodes_.size());
		at->second = &nodes_.emplace_back(node);
	}
	return at->second;
}

Value Values::constant(uint64_t number)
{
	return make({.kind = ValueKind::constant, .number = number});
}

Value Values::unknown(uint64_t which)
{
	return make({.kind = ValueKind::unknown, .number = which});
}

Value Values::helper(uint32_t id, uint32_t size)
{
	return make({.kind = ValueKind::helper, .size = size, .number = id});
}

Value Values::current()
{
	return make({.kind = ValueKind::current});
}

Value Values::map(const PlanMap *map)
{
	return make({.kind = ValueKind::map, .map = map});
}

Value Values::address(ValueKind kind, uint32_t index, int64_t distance)
{
	return make({.kind = kind, .index = index, .number = static_cast<uint64_t>(distance)});
}

Value Values::context_bytes(int64_t offset, uint32_t size)
{
	return make({.kind = ValueKind::context_bytes, .size = size, .number = static_cast<uint64_t>(offset)});
}

Value Values::memory(Value address, uint32_t size, Space space, bool is_string)
{
	return make({.kind = ValueKind::memory, .space = space, .is_string = is_string, .size = size, .a = address});
}

Value Values::map_bytes(const PlanMap *map, int64_t offset, uint32_t size)
{
	return make({.kind = ValueKind::map_bytes, .size = size, .number = static_cast<uint64_t>(offset), .map = map});
}

Value Values::bytes(Value a, uint32_t first, uint32_t size)
{
	switch (a->kind) {
	case ValueKind::constant:
		return constant(first >= 8 ? 0 : low_bytes(a->number >> (8 * first), size));
	case ValueKind::context_bytes:
		if (first + size <= a->size)
			return context_bytes(a->distance() + first, size);
		break;
	case ValueKind::map_bytes:
		if (first + size <= a->size)
			return map_bytes(a->map, a->distance() + first, size);
		break;
	case ValueKind::memory:
		if (!a->is_string && first + size <= a->size)
			return memory(sum(a->a, first), size, a->space);
		break;
	case ValueKind::bytes:
		if (first + size <= a->size)
			return bytes(a->a, static_cast<uint32_t>(a->number) + first, size);
		break;
	case ValueKind::sign_extended:
		if (first + size <= a->size)
			return bytes(a->a, first, size);
		break;
	default:
		break;
	}
	if (first == 0 && size >= a->size && !a->is(ValueKind::sign_extended))
		return a;
	if (first == 0 && size == 8 && a->size <= 8)
		return a;
	if (first >= a->size && !a->is(ValueKind::sign_extended))
		return constant(0);
	return make({.kind = ValueKind::bytes, .size = size, .number = first, .a = a});
}

Value Values::sign_extended(Value a, uint32_t size)
{
	if (size >= 8)
		return a;
	if (a->is_constant()) {
		unsigned bits = 64 - 8 * size;
		return constant(static_cast<uint64_t>(static_cast<int64_t>(a->number << bits) >> bits));
	}
	Value low = bytes(a, 0, size);
	if (low->size < size && !low->is(ValueKind::sign_extended)) // never negative
		return low;
	return make({.kind = ValueKind::sign_extended, .size = size, .a = low});
}

Value Values::sum(Value a, int64_t distance)
{
	auto add = static_cast<uint64_t>(distance);
	switch (a->kind) {
	case ValueKind::constant:
		return constant(a->number + add);
	case ValueKind::context:
	case ValueKind::stack:
	case ValueKind::object:
	case ValueKind::maybe_object:
		return address(a->kind, a->index, static_cast<int64_t>(a->number + add));
	case ValueKind::sum:
		return sum(a->a, static_cast<int64_t>(a->number + add));
	default:
		return distance ? make({.kind = ValueKind::sum, .number = add, .a = a}) : a;
	}
}

// What clang makes of casts: (x << 32) >> 32, and x >> 32 for the upper half.
Value Values::shifted(unsigned op, Value a, unsigned bits)
{
	if (bits % 8 == 0 && op != VM_LSH) {
		uint32_t size = 8 - bits / 8;
		if (a->is(ValueKind::operation) && a->index == VM_LSH && a->b->is_constant(bits))
			return op == VM_RSH ? bytes(a->a, 0, size) : sign_extended(a->a, size);
		if (op == VM_RSH && largest(a) > low_bytes(~uint64_t(0), bits / 8))
			return bytes(a, bits / 8, a->size > bits / 8 ? a->size - bits / 8 : size);
	}
	return make({.kind = ValueKind::operation, .index = op, .a = a, .b = constant(bits)});
}

Value Values::masked(Value a, uint64_t mask)
{
	for (uint32_t size : {1u, 2u, 4u})
		if (mask == low_bytes(~uint64_t(0), size))
			return bytes(a, 0, size);
	return make({.kind = ValueKind::operation, .index = VM_AND, .a = a, .b = constant(mask)});
}

// `a op number`, where a is no constant.
Value Values::combined_with(unsigned op, Value a, uint64_t number)
{
	switch (op) {
	case VM_ADD:
		return sum(a, static_cast<int64_t>(number));
	case VM_SUB:
		return sum(a, static_cast<int64_t>(0 - number));
	case VM_LSH:
	case VM_RSH:
	case VM_ARSH:
		return number & 63 ? shifted(op, a, number & 63) : a;
	case VM_MUL:
	case VM_AND:
		if (!number)
			return constant(0);
		if (number == (op == VM_MUL ? 1 : ~uint64_t(0)))
			return a;
		if (op == VM_AND)
			return masked(a, number);
		break;
	case VM_DIV:
		if (number == 1)
			return a;
		break;
	case VM_OR:
	case VM_XOR:
		if (!number)
			return a;
		break;
	default:
		break;
	}
	return make({.kind = ValueKind::operation, .index = op, .a = a, .b = constant(number)});
}

Value Values::operation(unsigned op, Value a, Value b, bool is_signed)
{
	if (a->is_constant() && b->is_constant())
		if (auto number = folded(op, a->number, b->number, is_signed))
			return constant(*number);
	bool commutes = op == VM_ADD || op == VM_MUL || op == VM_OR || op == VM_AND || op == VM_XOR;
	if (commutes && (a->is_constant() || (b->is_address() && !a->is_address())))
		std::swap(a, b);
	if (b->is_constant() && !is_signed)
		return combined_with(op, a, b->number);
	// (pointer + 8) + x: the constant goes outside, so that places stay comparable.
	if (op == VM_ADD && a->is(ValueKind::sum))
		return sum(operation(VM_ADD, a->a, b), a->distance());
	if (op == VM_ADD && b->is(ValueKind::sum))
		return sum(operation(VM_ADD, a, b->a), b->distance());
	if (op == VM_SUB && a->kind == b->kind && a->index == b->index && a->is_own())
		return constant(a->number - b->number);
	return make({.kind = ValueKind::operation, .index = op | (is_signed ? 1u : 0u), .a = a, .b = b});
}

Place place_of(Value address)
{
	if (address->is(ValueKind::sum))
		return {address->a, address->distance()};
	return {address, 0};
}

uint64_t largest(Value value)
{
	switch (value->kind) {
	case ValueKind::constant:
		return value->number;
	case ValueKind::context_bytes:
	case ValueKind::memory:
	case ValueKind::map_bytes:
	case ValueKind::bytes:
	case ValueKind::helper:
		return low_bytes(std::numeric_limits<uint64_t>::max(), value->size);
	case ValueKind::operation:
		if (value->index == VM_AND && value->b->is_constant())
			return value->b->number;
		break;
	default:
		break;
	}
	return std::numeric_limits<uint64_t>::max();
}

Value root_of(Value address)
{
	for (;;) {
		if (address->is(ValueKind::sum) || address->is(ValueKind::memory))
			address = address->a;
		else
			return address;
	}
}

namespace
{

const char *sign_of(unsigned op)
{
	switch (op & 0xf0) {
	case VM_ADD:
		return "+";
	case VM_SUB:
		return "-";
	case VM_MUL:
		return "*";
	case VM_DIV:
		return "/";
	case VM_MOD:
		return "%";
	case VM_OR:
		return "|";
	case VM_AND:
		return "&";
	case VM_XOR:
		return "^";
	case VM_LSH:
		return "<<";
	default:
		return ">>";
	}
}

std::string describe_at(Value value, int depth)
{
	if (depth > 6)
		return "..";
	auto inner = [depth](Value v) { return describe_at(v, depth + 1); };
	switch (value->kind) {
	case ValueKind::constant:
		return value->number < 4096 ? fmt::format("{}", value->number) : fmt::format("{:#x}", value->number);
	case ValueKind::helper:
		return fmt::format("bpf_{}()", vm_helper_name(static_cast<uint32_t>(value->number)));
	case ValueKind::context:
		return value->number ? fmt::format("the context{:+}", value->distance()) : "the context";
	case ValueKind::stack:
		return "the program's stack";
	case ValueKind::map:
		return "a map";
	case ValueKind::object:
	case ValueKind::maybe_object:
		return "a map's value";
	case ValueKind::context_bytes:
		return fmt::format("context{:+}", value->distance());
	case ValueKind::memory:
		return fmt::format("{:+}({})", place_of(value->a).offset, inner(place_of(value->a).base));
	case ValueKind::current:
		return "current";
	case ValueKind::map_bytes:
		return fmt::format("map {}'s value{:+}", value->map->name, value->distance());
	case ValueKind::bytes:
	case ValueKind::sign_extended:
		return inner(value->a);
	case ValueKind::sum:
		return fmt::format("{} {} {}", inner(value->a), value->distance() < 0 ? "-" : "+",
				   value->distance() < 0 ? 0 - value->number : value->number);
	case ValueKind::operation:
		return fmt::format("({} {} {})", inner(value->a), sign_of(value->index), inner(value->b));
	case ValueKind::unknown:
		return "a value that is only known when it runs";
	}
	return "";
}

} // namespace

std::string describe_value(Value value)
{
	return describe_at(value, 0);
}
