// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instructions into ops: what depends on the instruction alone is worked out here, once.
 *
 * Nothing is refused: whatever is no instruction, names no register, writes r10 or jumps out of the
 * program becomes a trap, which ends the run that reaches it. So the interpreter is safe on any input,
 * and check.c is free to be about good messages.
 */
#include "internal.h"

struct decoder {
	struct vm_program *program;
	const void *const *places;
	u32 pc;
};

/* The _64X, _64K, _32X, _32K forms follow each other. */
static u32 form_of(u8 code)
{
	u32 narrow = VM_CLASS(code) == VM_ALU || VM_CLASS(code) == VM_JMP32;

	return narrow * 2 + (VM_SOURCE(code) == VM_K);
}

static u32 alu_op(const struct vm_insn *insn)
{
	static const u8 plain[16] = {
		[VM_ADD >> 4] = OP_ADD_64X, [VM_SUB >> 4] = OP_SUB_64X, [VM_MUL >> 4] = OP_MUL_64X,
		[VM_DIV >> 4] = OP_DIV_64X, [VM_OR >> 4] = OP_OR_64X,	[VM_AND >> 4] = OP_AND_64X,
		[VM_LSH >> 4] = OP_LSH_64X, [VM_RSH >> 4] = OP_RSH_64X, [VM_MOD >> 4] = OP_MOD_64X,
		[VM_XOR >> 4] = OP_XOR_64X, [VM_MOV >> 4] = OP_MOV_64X, [VM_ARSH >> 4] = OP_ARSH_64X,
	};
	u8 op = VM_OP(insn->code);
	u32 found = plain[op >> 4];

	if (insn->off == 1 && op == VM_DIV)
		found = OP_SDIV_64X;
	else if (insn->off == 1 && op == VM_MOD)
		found = OP_SMOD_64X;
	else if (insn->off)
		return OP_TRAP;
	return found ? found + form_of(insn->code) : OP_TRAP;
}

static u32 sign_extend_op(const struct vm_insn *insn)
{
	int narrow = VM_CLASS(insn->code) == VM_ALU;

	switch (insn->off) {
	case 8:
		return narrow ? OP_SX8_32 : OP_SX8_64;
	case 16:
		return narrow ? OP_SX16_32 : OP_SX16_64;
	case 32:
		return narrow ? OP_TRAP : OP_SX32_64;
	default:
		return OP_TRAP;
	}
}

/* To the host's own byte order is a truncation, to the other one a swap; bswap always swaps. */
static u32 swap_op(const struct vm_insn *insn)
{
	int to_big = VM_SOURCE(insn->code) != 0, swap = to_big == PORT_IS_LITTLE;

	if (VM_CLASS(insn->code) == VM_ALU64) {
		if (to_big)
			return OP_TRAP;
		swap = 1;
	}
	switch (insn->imm) {
	case 16:
		return swap ? OP_SWAP16 : OP_LOW16;
	case 32:
		return swap ? OP_SWAP32 : OP_LOW32;
	case 64:
		return swap ? OP_SWAP64 : OP_NOP;
	default:
		return OP_TRAP;
	}
}

static u32 decode_alu(const struct vm_insn *insn)
{
	int narrow = VM_CLASS(insn->code) == VM_ALU;

	if (insn->dst >= VM_REG_FP || insn->src > VM_REG_FP)
		return OP_TRAP;
	switch (VM_OP(insn->code)) {
	case VM_END:
		return swap_op(insn);
	case VM_NEG:
		if (VM_SOURCE(insn->code))
			return OP_TRAP;
		return narrow ? OP_NEG32 : OP_NEG64;
	case VM_MOV:
		if (insn->off && VM_SOURCE(insn->code) == VM_X)
			return sign_extend_op(insn);
		return alu_op(insn);
	default:
		return alu_op(insn);
	}
}

static int stays_inside(const struct decoder *decoder, s64 distance)
{
	s64 to = (s64)decoder->pc + 1 + distance;

	return to >= 0 && to < decoder->program->insn_count;
}

static u32 decode_call(const struct decoder *decoder, const struct vm_insn *insn)
{
	if (insn->src == VM_CALL_LOCAL)
		return stays_inside(decoder, insn->imm) ? OP_CALL_LOCAL : OP_TRAP;
	if (insn->src != VM_CALL_HELPER)
		return OP_TRAP;
	if (insn->imm == VM_HELPER_TAIL_CALL)
		return OP_TAIL_CALL;
	return vm_helper_find(insn->imm) ? OP_CALL : OP_TRAP;
}

static u32 decode_jump(const struct decoder *decoder, const struct vm_insn *insn)
{
	static const u8 compares[16] = {
		[VM_JEQ >> 4] = OP_JEQ_64X,   [VM_JGT >> 4] = OP_JGT_64X,   [VM_JGE >> 4] = OP_JGE_64X,
		[VM_JSET >> 4] = OP_JSET_64X, [VM_JNE >> 4] = OP_JNE_64X,   [VM_JSGT >> 4] = OP_JSGT_64X,
		[VM_JSGE >> 4] = OP_JSGE_64X, [VM_JLT >> 4] = OP_JLT_64X,   [VM_JLE >> 4] = OP_JLE_64X,
		[VM_JSLT >> 4] = OP_JSLT_64X, [VM_JSLE >> 4] = OP_JSLE_64X,
	};
	u32 compare = compares[VM_OP(insn->code) >> 4];

	if (insn->code == (VM_JMP | VM_CALL))
		return decode_call(decoder, insn);
	if (insn->code == (VM_JMP | VM_EXIT))
		return OP_EXIT;
	if (insn->code == (VM_JMP | VM_JA))
		return stays_inside(decoder, insn->off) ? OP_JA : OP_TRAP;
	if (insn->code == (VM_JMP32 | VM_JA))
		return stays_inside(decoder, insn->imm) ? OP_JA_LONG : OP_TRAP;
	if (!compare || insn->dst > VM_REG_FP || insn->src > VM_REG_FP || !stays_inside(decoder, insn->off))
		return OP_TRAP;
	return compare + form_of(insn->code);
}

static int in_frame(s16 off, unsigned bytes)
{
	return off >= -VM_STACK_SIZE && off + (int)bytes <= 0;
}

static u32 decode_memory(const struct vm_insn *insn)
{
	u32 size = VM_SIZE(insn->code) >> 3, bytes = vm_insn_bytes(insn->code);
	int stack_load = insn->src == VM_REG_FP && in_frame(insn->off, bytes);
	int stack_store = insn->dst == VM_REG_FP && in_frame(insn->off, bytes);

	if (insn->dst > VM_REG_FP || insn->src > VM_REG_FP)
		return OP_TRAP;
	switch (VM_CLASS(insn->code) | VM_MODE(insn->code)) {
	case VM_LDX | VM_MEM:
		return insn->dst == VM_REG_FP ? OP_TRAP : (stack_load ? OP_LDX_STACK_W : OP_LDX_W) + size;
	case VM_LDX | VM_MEMSX:
		return insn->dst == VM_REG_FP || VM_SIZE(insn->code) == VM_DW ? OP_TRAP : OP_LDXS_W + size;
	case VM_ST | VM_MEM:
		return (stack_store ? OP_ST_STACK_W : OP_ST_W) + size;
	case VM_STX | VM_MEM:
		return (stack_store ? OP_STX_STACK_W : OP_STX_W) + size;
	case VM_STX | VM_ATOMIC:
		return OP_ATOMIC_W + size; /* which one, atomic.c looks at each time */
	default:
		return OP_TRAP;
	}
}

static u32 decode_packet(const struct vm_insn *insn, struct vm_op *op)
{
	u8 mode = VM_MODE(insn->code);

	if ((mode != VM_ABS && mode != VM_IND) || VM_SIZE(insn->code) == VM_DW || insn->src > VM_REG_FP)
		return OP_TRAP;
	op->dst = mode == VM_IND;
	op->off = vm_insn_bytes(insn->code);
	return OP_PACKET;
}

/* program.c has already put handles and addresses in place of what src named. */
static u32 decode_wide(const struct decoder *decoder, const struct vm_insn *insn, struct vm_op *op)
{
	if (insn->dst >= VM_REG_FP || decoder->pc + 1 >= decoder->program->insn_count || insn[1].code)
		return OP_TRAP;
	op[1].imm = insn[1].imm;
	return OP_WIDE;
}

static u32 decode_one(struct decoder *decoder, const struct vm_insn *insn, struct vm_op *op)
{
	op->dst = insn->dst;
	op->src = insn->src;
	op->off = insn->off;
	op->imm = insn->imm;
	switch (VM_CLASS(insn->code)) {
	case VM_ALU:
	case VM_ALU64:
		return decode_alu(insn);
	case VM_JMP:
	case VM_JMP32:
		return decode_jump(decoder, insn);
	case VM_LD:
		if (insn->code == VM_LD_IMM64)
			return decode_wide(decoder, insn, op);
		return decode_packet(insn, op);
	default:
		return decode_memory(insn);
	}
}

int vm_op_is_trap(const struct vm_op *op)
{
	return op->go == vm_op_places()[OP_TRAP];
}

int vm_decode(struct vm_program *program)
{
	struct decoder decoder = {program, vm_op_places(), 0};
	struct vm_op *op;

	if (!program->ops)
		program->ops = port_alloc((program->insn_count + 1) * sizeof(*op));
	if (!program->ops)
		return -ENOMEM;
	for (; decoder.pc < program->insn_count; decoder.pc++) {
		op = &program->ops[decoder.pc];
		op->go = decoder.places[decode_one(&decoder, &program->resolved[decoder.pc], op)];
		if (op->go == decoder.places[OP_WIDE]) {
			decoder.pc++;
			program->ops[decoder.pc].go = decoder.places[OP_TRAP];
		}
	}
	program->ops[program->insn_count].go = decoder.places[OP_TRAP];
	return 0;
}
