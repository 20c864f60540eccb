// SPDX-License-Identifier: GPL-2.0-only
// Instructions that go straight on: arithmetic, loads and stores.
#include "ftrace/plan_machine.h"

namespace
{

// Of a sign extension or byte swap, which count in bits; what is none is taken as 64.
uint32_t bytes_of(int32_t bits)
{
	return bits == 8 || bits == 16 || bits == 32 ? static_cast<uint32_t>(bits) / 8 : 8;
}

} // namespace

void PlanMachine::do_arithmetic(const vm_insn &in)
{
	unsigned op = VM_OP(in.code);
	if (op == VM_END)
		return do_byte_swap(in);
	if (VM_CLASS(in.code) == VM_ALU)
		return do_arithmetic_32(in);
	Value &dst = state_.registers[in.dst];
	Value a = dst ? dst : values_.unknown(call_number());
	Value b = VM_SOURCE(in.code) == VM_X ? state_.registers[in.src]
					     : values_.constant(static_cast<uint64_t>(static_cast<int64_t>(in.imm)));
	if (!b)
		b = values_.unknown(call_number());
	if (op == VM_MOV)
		dst = VM_SOURCE(in.code) == VM_X && in.off ? values_.sign_extended(b, bytes_of(in.off)) : b;
	else if (op == VM_NEG)
		dst = values_.operation(VM_SUB, values_.constant(0), a);
	else
		dst = values_.operation(op, a, b, (op == VM_DIV || op == VM_MOD) && in.off == 1);
}

void PlanMachine::do_arithmetic_32(const vm_insn &in)
{
	unsigned op = VM_OP(in.code);
	Value &dst = state_.registers[in.dst];
	Value a = values_.bytes(dst ? dst : values_.unknown(call_number()), 0, 4);
	Value b =
		VM_SOURCE(in.code) == VM_X ? state_.registers[in.src] : values_.constant(static_cast<uint32_t>(in.imm));
	b = values_.bytes(b ? b : values_.unknown(call_number()), 0, 4);
	bool is_signed = (op == VM_DIV || op == VM_MOD) && in.off == 1;
	if (op == VM_MOV && VM_SOURCE(in.code) == VM_X && in.off) {
		dst = values_.bytes(values_.sign_extended(b, bytes_of(in.off)), 0, 4);
		return;
	}
	if (op == VM_ARSH || is_signed)
		a = values_.sign_extended(a, 4);
	if (is_signed)
		b = values_.sign_extended(b, 4);
	if ((op == VM_LSH || op == VM_RSH || op == VM_ARSH) && b->is_constant())
		b = values_.constant(b->number & 31);
	Value whole = op == VM_MOV   ? b
		      : op == VM_NEG ? values_.operation(VM_SUB, values_.constant(0), a)
				     : values_.operation(op, a, b, is_signed);
	dst = values_.bytes(whole, 0, 4);
}

void PlanMachine::do_byte_swap(const vm_insn &in)
{
	Value &dst = state_.registers[in.dst];
	Value a = dst ? dst : values_.unknown(call_number());
	uint32_t size = bytes_of(in.imm);
	if (VM_CLASS(in.code) == VM_ALU && VM_SOURCE(in.code) == VM_K) { // to little endian: as it is
		dst = values_.bytes(a, 0, size);
		return;
	}
	if (a->is_constant())
		dst = values_.constant(__builtin_bswap64(a->number) >> (64 - 8 * size));
	else
		dst = values_.bytes(values_.unknown(call_number()), 0, size);
}

// Map handles, addresses in global data, functions; two instructions.
void PlanMachine::do_wide_load(const vm_insn &in)
{
	if (in.code != VM_LD_IMM64 || state_.at + 1 >= size())
		return refuse("it reads the packet, which only a socket filter has");
	int32_t second = input_.program->insns[state_.at + 1].imm;
	Value &dst = state_.registers[in.dst];
	const PlanMap *map = in.src == VM_PSEUDO_FD || in.src == VM_PSEUDO_VALUE ? (*input_.map)(in.imm) : nullptr;
	switch (in.src) {
	case 0:
		dst = values_.constant(static_cast<uint64_t>(static_cast<uint32_t>(in.imm)) |
				       static_cast<uint64_t>(static_cast<uint32_t>(second)) << 32);
		break;
	case VM_PSEUDO_FD:
		dst = map ? values_.map(map) : values_.unknown(call_number());
		break;
	case VM_PSEUDO_VALUE:
		dst = map ? values_.address(ValueKind::object, object_for(map, 0, map->value_size), second)
			  : values_.unknown(call_number());
		break;
	case VM_PSEUDO_FUNC:
		dst = values_.constant(static_cast<uint64_t>(static_cast<int64_t>(state_.at) + 1 + in.imm));
		break;
	default:
		dst = values_.unknown(call_number());
		break;
	}
	state_.at += 2;
}

void PlanMachine::do_load(const vm_insn &in)
{
	Value base = state_.registers[in.src];
	Value loaded = base ? load(values_.sum(base, in.off), vm_insn_bytes(in.code)) : values_.unknown(call_number());
	if (VM_MODE(in.code) == VM_MEMSX)
		loaded = values_.sign_extended(loaded, vm_insn_bytes(in.code));
	state_.registers[in.dst] = loaded;
}

void PlanMachine::do_store(const vm_insn &in)
{
	Value base = state_.registers[in.dst];
	Value value = VM_CLASS(in.code) == VM_ST ? values_.constant(static_cast<uint64_t>(static_cast<int64_t>(in.imm)))
						 : state_.registers[in.src];
	if (base)
		store(values_.sum(base, in.off), vm_insn_bytes(in.code),
		      value ? value : values_.unknown(call_number()));
}

void PlanMachine::do_atomic(const vm_insn &in)
{
	uint32_t bytes = vm_insn_bytes(in.code);
	Value base = state_.registers[in.dst];
	Value address = base ? values_.sum(base, in.off) : values_.unknown(call_number());
	if (in.imm == VM_LOAD_ACQ) {
		Value from = state_.registers[in.src];
		state_.registers[in.dst] =
			from ? load(values_.sum(from, in.off), bytes) : values_.unknown(call_number());
		return;
	}
	Value value = in.imm == VM_STORE_REL ? state_.registers[in.src] : nullptr;
	store(address, bytes, value ? value : values_.unknown(call_number()));
	if (in.imm == VM_CMPXCHG)
		state_.registers[0] = values_.unknown(call_number());
	else if (in.imm & VM_FETCH && in.imm != VM_STORE_REL)
		state_.registers[in.src] = values_.unknown(call_number());
}
