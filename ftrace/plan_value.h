// SPDX-License-Identifier: GPL-2.0-only
// Symbolic values: what a register can hold when the program has not run yet.
//
// A value is a node, made once: equal values are the same node, so they compare by address. Making a node
// simplifies: constants are folded, and arithmetic that only picks bytes (shifts and masks of a compiler that
// has 64-bit registers alone) becomes `bytes`. So an address that is a pointer plus a constant always
// has one of two shapes: the pointer itself, or `sum` of the pointer and a constant.
#pragma once

#include "vm/insn.h"

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <tuple>

struct PlanMap;

enum class ValueKind : uint8_t {
	constant,      // number
	unknown,       // number: which one
	helper,	       // what a helper gave that stays the same in one event; number: its id
	context,       // address of the context + number
	stack,	       // address in frame `index` + number (r10 is 0)
	map,	       // a map's handle
	object,	       // address in object `index` + number
	maybe_object,  // the same or NULL: a look-up's result
	context_bytes, // `size` bytes of the context at number
	memory,	       // `size` bytes behind the address `a`; `is_string`: up to a NUL
	current,       // address of the running task
	map_bytes,     // `size` bytes at number of a value of `map`, as another event left them
	bytes,	       // `size` bytes of `a`, from byte number on; above them 0
	sign_extended, // `size` bytes of `a`, with their sign
	sum,	       // a + number
	operation      // a `index` b; index: VM_OP
};

enum class Space : uint8_t { kernel, user, any };

struct ValueNode {
	ValueKind kind = ValueKind::constant;
	Space space = Space::any; // memory
	bool is_string = false;	  // memory
	uint32_t index = 0;
	uint32_t size = 8;   // bytes
	uint64_t number = 0; // signed where it is a distance
	const ValueNode *a = nullptr;
	const ValueNode *b = nullptr;
	const PlanMap *map = nullptr;
	uint32_t id = 0; // numbered as made: the same in every run

	bool is(ValueKind k) const { return kind == k; }
	bool is_constant() const { return kind == ValueKind::constant; }
	bool is_constant(uint64_t n) const { return is_constant() && number == n; }
	// An address in memory that the program itself owns.
	bool is_own() const { return kind == ValueKind::stack || kind == ValueKind::object; }
	// Never NULL and never equal to a number.
	bool is_address() const
	{
		return is_own() || kind == ValueKind::context || kind == ValueKind::map || kind == ValueKind::current;
	}
	int64_t distance() const { return static_cast<int64_t>(number); }
};
using Value = const ValueNode *;

class Values {
	using Key = std::tuple<ValueKind, Space, bool, uint32_t, uint32_t, uint64_t, Value, Value, const PlanMap *>;
	std::deque<ValueNode> nodes_;
	std::map<Key, Value> known_;

	Value make(ValueNode node);
	Value shifted(unsigned op, Value a, unsigned bits);
	Value masked(Value a, uint64_t mask);
	Value combined_with(unsigned op, Value a, uint64_t number);

public:
	Value constant(uint64_t number);
	Value unknown(uint64_t which);
	Value helper(uint32_t id, uint32_t size = 8);
	Value current();
	Value map(const PlanMap *map);
	Value address(ValueKind kind, uint32_t index, int64_t distance); // context, stack, object, maybe_object
	Value context_bytes(int64_t offset, uint32_t size);
	Value memory(Value address, uint32_t size, Space space, bool is_string = false);
	Value map_bytes(const PlanMap *map, int64_t offset, uint32_t size);
	// `size` bytes of `a` from byte `first` on, zero-extended.
	Value bytes(Value a, uint32_t first, uint32_t size);
	Value sign_extended(Value a, uint32_t size);
	Value sum(Value a, int64_t distance);
	// VM_ADD and so on, 64 bits; `is_signed` for VM_DIV and VM_MOD.
	Value operation(unsigned op, Value a, Value b, bool is_signed = false);
};

// The pointer and the distance that an address consists of.
struct Place {
	Value base;
	int64_t offset;
};
Place place_of(Value address);

// The largest number that it can be.
uint64_t largest(Value value);

// Where the pointer comes from in the end: through memory and sums down to what is neither.
Value root_of(Value address);

// In the words of an event: "%di"-like names are the caller's, who knows the context. "+8(..)" is a read.
std::string describe_value(Value value);
