// SPDX-License-Identifier: GPL-2.0-only
// What is known of registers and stack before an instruction runs, whichever way led there. For constants.cpp.
#pragma once

#include "layer/engine/constants.h"

#include <array>
#include <cstdint>
#include <optional>

enum class Kind : unsigned char {
	any,	 // nothing is known
	number,	 // always this one
	constant, // an address inside a constant map's value: bits = offset
	lost,	 // such an address, but which one depends on the way here
	frame,	 // r10 + bits
	in_frame, // r10 + something
};

struct Known {
	Kind kind = Kind::any;
	int map = 0; // its descriptor
	uint64_t bits = 0;

	bool operator==(const Known &) const = default;
	bool is_constant_address() const { return kind == Kind::constant || kind == Kind::lost; }
	bool is_frame() const { return kind == Kind::frame || kind == Kind::in_frame; }
	static Known number(uint64_t value) { return {Kind::number, 0, value}; }
};

// What holds on both ways.
Known either(const Known &a, const Known &b);

class KnownState {
	static constexpr size_t slots = 512 / 8;
	std::array<Known, 11> registers_;
	std::array<Known, slots> stack_; // by 8 bytes, [0] at r10 - 512

	void overwrite(int64_t offset, size_t size, const Known &value);

public:
	static KnownState at_entry();

	Known &operator[](unsigned number) { return registers_[number]; }
	const Known &operator[](unsigned number) const { return registers_[number]; }

	// Of a frame address plus `offset`.
	Known load(const Known &address, int offset, size_t size) const;
	void store(const Known &address, int offset, size_t size, const Known &value);
	// A call: what it may write through its arguments, and the registers that it does not keep.
	void call();
	// Takes in what is known on another way; true if something is known no longer.
	bool merge(const KnownState &other);
};

// The result of an ALU instruction on what is known of its operands.
Known calculate(const bpf_insn &insn, const Known &left, const Known &right);
// Is the jump taken? None: it depends.
std::optional<bool> decide(const bpf_insn &insn, const Known &left, const Known &right);
