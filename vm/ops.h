/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The decoded instruction. decode.c makes one struct vm_op of each struct vm_insn, at the same index; the second
 * half of a 64-bit load becomes a trap whose imm is the upper half of the value. pack.c moves them together.
 */
#ifndef VM_OPS_H
#define VM_OPS_H

#include "insn.h"

struct vm_op {
	const void *go; /* the interpreter's code for it */
	u8 dst;
	u8 src;
	s16 off;
	s32 imm;
};

/* clang-format off: lists */

/* Each of these exists in four forms: _64X, _64K, _32X, _32K (width; second operand register or imm). */
#define VM_ALU_OPS(OP)                                                                                                 \
	OP(ADD)                                                                                                        \
	OP(SUB) OP(MUL) OP(DIV) OP(SDIV) OP(OR) OP(AND) OP(LSH) OP(RSH) OP(MOD) OP(SMOD) OP(XOR) OP(MOV) OP(ARSH)
#define VM_JUMP_OPS(OP) OP(JEQ) OP(JGT) OP(JGE) OP(JSET) OP(JNE) OP(JSGT) OP(JSGE) OP(JLT) OP(JLE) OP(JSLT) OP(JSLE)

/* Each of these exists for the sizes _W, _H, _B, _DW, in the order of the code's size bits. */
#define VM_MEMORY_OPS(OP) OP(LDX) OP(LDXS) OP(ST) OP(STX) OP(LDX_STACK) OP(ST_STACK) OP(STX_STACK) OP(ATOMIC)

#define VM_SINGLE_OPS(OP)                                                                                              \
	OP(TRAP)                                                                                                       \
	OP(NEG64)                                                                                                      \
	OP(NEG32)                                                                                                      \
	OP(SWAP16)                                                                                                     \
	OP(SWAP32)                                                                                                     \
	OP(SWAP64)                                                                                                     \
	OP(LOW16) OP(LOW32) OP(NOP) OP(SX8_64) OP(SX16_64) OP(SX32_64) OP(SX8_32) OP(SX16_32) OP(JA) OP(JA_LONG)       \
		OP(SUM) OP(WIDE) OP(PACKET) OP(CALL) OP(CALL_LOCAL) OP(TAIL_CALL) OP(EXIT)

enum vm_op_code {
#define OP(name) OP_##name,
	VM_SINGLE_OPS(OP)
#undef OP
#define OP(name) OP_##name##_64X, OP_##name##_64K, OP_##name##_32X, OP_##name##_32K,
		VM_ALU_OPS(OP) VM_JUMP_OPS(OP)
#undef OP
#define OP(name) OP_##name##_W, OP_##name##_H, OP_##name##_B, OP_##name##_DW,
			VM_MEMORY_OPS(OP)
#undef OP
				OP_COUNT
};
/* clang-format on */

#endif
