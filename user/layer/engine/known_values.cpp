// SPDX-License-Identifier: GPL-2.0-only
#include "layer/engine/known_values.h"

namespace {

constexpr int64_t frame_size = 512;

uint64_t shift(unsigned operation, uint64_t a, uint64_t b, bool wide)
{
	b &= wide ? 63 : 31;
	switch (operation) {
	case BPF_LSH: return a << b;
	case BPF_RSH: return (wide ? a : static_cast<uint32_t>(a)) >> b;
	default: return wide ? static_cast<uint64_t>(static_cast<int64_t>(a) >> b)
			     : static_cast<uint64_t>(static_cast<int32_t>(a) >> b);
	}
}

// None: an operation that is not worth knowing (division, byte order).
std::optional<uint64_t> operate(unsigned operation, uint64_t a, uint64_t b, bool wide)
{
	switch (operation) {
	case BPF_ADD: return a + b;
	case BPF_SUB: return a - b;
	case BPF_MUL: return a * b;
	case BPF_OR: return a | b;
	case BPF_AND: return a & b;
	case BPF_XOR: return a ^ b;
	case BPF_MOV: return b;
	case BPF_NEG: return -a;
	case BPF_LSH:
	case BPF_RSH:
	case BPF_ARSH: return shift(operation, a, b, wide);
	default: return {};
	}
}

template <class Unsigned, class Signed> std::optional<bool> compare(unsigned operation, Unsigned a, Unsigned b)
{
	auto signed_a = static_cast<Signed>(a), signed_b = static_cast<Signed>(b);
	switch (operation) {
	case BPF_JEQ: return a == b;
	case BPF_JNE: return a != b;
	case BPF_JGT: return a > b;
	case BPF_JGE: return a >= b;
	case BPF_JLT: return a < b;
	case BPF_JLE: return a <= b;
	case BPF_JSET: return (a & b) != 0;
	case BPF_JSGT: return signed_a > signed_b;
	case BPF_JSGE: return signed_a >= signed_b;
	case BPF_JSLT: return signed_a < signed_b;
	case BPF_JSLE: return signed_a <= signed_b;
	default: return {};
	}
}

} // namespace

Known either(const Known &a, const Known &b)
{
	if (a == b)
		return a;
	if (a.is_constant_address() || b.is_constant_address())
		return {Kind::lost};
	if (a.is_frame() || b.is_frame())
		return {Kind::in_frame};
	return {};
}

KnownState KnownState::at_entry()
{
	KnownState state;
	state.registers_[BPF_REG_10] = {Kind::frame};
	return state;
}

Known KnownState::load(const Known &address, int offset, size_t size) const
{
	int64_t at = static_cast<int64_t>(address.bits) + offset + frame_size;
	if (address.kind != Kind::frame || at < 0 || at >= frame_size)
		return {};
	const Known &slot = stack_[static_cast<size_t>(at) / 8];
	if (size == 8 && at % 8 == 0)
		return slot;
	return slot.is_constant_address() ? Known{Kind::lost} : Known{};
}

// `offset` is from the frame's lowest byte.
void KnownState::overwrite(int64_t offset, size_t size, const Known &value)
{
	int64_t end = std::min(offset + static_cast<int64_t>(size), frame_size);
	bool whole = size == 8 && offset % 8 == 0;
	for (int64_t at = std::max<int64_t>(offset, 0) / 8 * 8; at < end; at += 8)
		stack_[static_cast<size_t>(at) / 8] = whole ? value : Known{};
}

void KnownState::store(const Known &address, int offset, size_t size, const Known &value)
{
	if (address.kind == Kind::frame)
		overwrite(static_cast<int64_t>(address.bits) + offset + frame_size, size, value);
	else if (address.kind == Kind::in_frame)
		stack_ = {};
}

void KnownState::call()
{
	for (unsigned i = BPF_REG_1; i <= BPF_REG_5; i++) {
		if (registers_[i].kind == Kind::frame) // how much is written there, the helper knows
			overwrite(static_cast<int64_t>(registers_[i].bits) + frame_size, static_cast<size_t>(frame_size) + 1, {});
		else if (registers_[i].kind == Kind::in_frame)
			stack_ = {};
	}
	for (unsigned i = BPF_REG_0; i <= BPF_REG_5; i++)
		registers_[i] = {};
}

bool KnownState::merge(const KnownState &other)
{
	bool changed = false;
	auto take = [&changed](Known &mine, const Known &theirs) {
		Known both = either(mine, theirs);
		changed = changed || both != mine;
		mine = both;
	};
	for (size_t i = 0; i < registers_.size(); i++)
		take(registers_[i], other.registers_[i]);
	for (size_t i = 0; i < slots; i++)
		take(stack_[i], other.stack_[i]);
	return changed;
}

Known calculate(const bpf_insn &insn, const Known &left, const Known &right)
{
	bool wide = BPF_CLASS(insn.code) == BPF_ALU64;
	unsigned operation = BPF_OP(insn.code);
	if (operation == BPF_MOV && wide)
		return insn.off == 0 ? right : Known{}; // an offset asks for sign extension (6.6)
	bool adds = wide && right.kind == Kind::number && (operation == BPF_ADD || operation == BPF_SUB);
	if (adds && (left.kind == Kind::constant || left.kind == Kind::frame))
		return {left.kind, left.map, operation == BPF_ADD ? left.bits + right.bits : left.bits - right.bits};
	bool one = operation == BPF_NEG || operation == BPF_END; // operations that only have a left side
	if (left.is_constant_address() || (!one && right.is_constant_address()))
		return {Kind::lost};
	if (left.is_frame() || (!one && right.is_frame()))
		return {Kind::in_frame};
	if ((operation != BPF_MOV && left.kind != Kind::number) || (!one && right.kind != Kind::number) || insn.off)
		return {};
	auto result = operate(operation, left.bits, right.bits, wide);
	if (!result)
		return {};
	return Known::number(wide ? *result : static_cast<uint32_t>(*result));
}

std::optional<bool> decide(const bpf_insn &insn, const Known &left, const Known &right)
{
	if (left.kind != Kind::number || right.kind != Kind::number)
		return {};
	if (BPF_CLASS(insn.code) == BPF_JMP)
		return compare<uint64_t, int64_t>(BPF_OP(insn.code), left.bits, right.bits);
	return compare<uint32_t, int32_t>(BPF_OP(insn.code), static_cast<uint32_t>(left.bits), static_cast<uint32_t>(right.bits));
}
