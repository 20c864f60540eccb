// SPDX-License-Identifier: GPL-2.0-only
// PlanState: everything that a program has at one instruction on one way through it, symbolically.
#pragma once

#include "ftrace/plan_value.h"

#include <array>
#include <functional>
#include <map>
#include <vector>

// Tells states apart: 128 bits of all that was mixed in. (Kept whole, a program's states would take 100 MB.)
class Fingerprint {
	uint64_t low_ = 0x9e3779b97f4a7c15, high_ = 0xc2b2ae3d27d4eb4f;

public:
	void mix(uint64_t number);
	auto operator<=>(const Fingerprint &) const = default;
};

// Memory that the program owns (a stack frame, a map's value): which bytes hold which value.
class OwnBytes {
	struct Piece {
		uint32_t size;
		uint32_t first; // of the value's bytes
		Value value;
	};
	std::map<int64_t, Piece> pieces_; // by offset; they do not overlap
	bool scattered_ = false;	  // written at an offset that is not known

public:
	// What a byte holds that was never written.
	using Untouched = std::function<Value(int64_t offset, uint32_t size)>;

private:
	void clear(int64_t offset, uint32_t size);
	Value pieced_together(Values &values, int64_t offset, uint32_t size, const Untouched &untouched) const;

public:

	void write(Values &values, int64_t offset, uint32_t size, Value value);
	// A write somewhere in it: nothing is known any more.
	void scatter();
	Value read(Values &values, int64_t offset, uint32_t size, const Untouched &untouched) const;
	// Calls `visit` for every value in [offset, offset + size) that holds a whole pointer, with its offset.
	void pointers(Values &values, int64_t offset, uint32_t size,
		      const std::function<void(int64_t, Value)> &visit) const;
	void replace(Value from, Value to);
	// Copies the pieces of [from, from + size) of `source` to `to`; gaps become what `untouched` says.
	void copy(Values &values, int64_t to, const OwnBytes &source, int64_t from, uint32_t size,
		  const Untouched &untouched);
	void add_to(Fingerprint &fingerprint) const;
};

// A value of a map that the program holds the address of, or a record that it has reserved.
struct OwnObject {
	const PlanMap *map = nullptr; // nullptr: a record
	uint64_t which = 0;	      // the call that gave it
	std::string contents;	      // constant contents, where has_contents
	bool has_contents = false;
	uint32_t size = 0;
};

struct CallbackRounds {
	uint32_t function = 0;
	uint64_t rounds = 0; // of bpf_loop; 0: one round stands for all
	uint64_t next = 0;
	Value context = nullptr;
};

struct CallFrame {
	uint32_t back = 0; // where the caller goes on
	std::array<Value, 4> saved{};
	OwnBytes stack;
	bool is_callback = false;
	CallbackRounds callback;
};

// A branch that was taken: `a op b` was `holds`.
struct Decision {
	uint8_t op = 0; // VM_JEQ ..
	uint8_t size = 8;
	bool holds = true;
	Value a = nullptr, b = nullptr;

	auto operator<=>(const Decision &) const = default;
};

struct PlanState {
	uint32_t at = 0;
	std::array<Value, VM_REG_COUNT> registers{}; // nullptr: nothing
	std::vector<CallFrame> frames;
	std::map<uint32_t, OwnBytes> objects; // by number: what this way has written there
	std::vector<Decision> decisions;      // up to the first effect
	// Likewise: numbers of the states that it went through, with how many decisions it had taken then.
	std::vector<std::pair<uint32_t, size_t>> passed;
	bool has_effect = false;	      // something outside has been changed
	uint32_t rounds = 0;		      // jumps backwards so far

	void replace(Value from, Value to);
	// Equal for states that cannot be told apart from here on; `live` are the registers that will be read.
	Fingerprint fingerprint(uint32_t live) const;
};
