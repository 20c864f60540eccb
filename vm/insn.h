/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A BPF instruction and the numbers in it, as in the kernel's Documentation/bpf/standardization/
 * instruction-set.rst. Defined here because the headers of kernels before 3.18 have none of them
 * and those before 6.6 lack the fourth version of the instruction set.
 */
#ifndef VM_INSN_H
#define VM_INSN_H

#include "types.h"

/* Laid out as struct bpf_insn. A 64-bit immediate load takes two of them. */
struct vm_insn {
	u8 code;
	u8 dst : 4;
	u8 src : 4;
	s16 off;
	s32 imm;
};

#define VM_CLASS(code) ((code)&0x07)
#define VM_LD	       0x00
#define VM_LDX	       0x01
#define VM_ST	       0x02
#define VM_STX	       0x03
#define VM_ALU	       0x04
#define VM_JMP	       0x05
#define VM_JMP32       0x06
#define VM_ALU64       0x07

/* Where the second operand comes from. Byte swaps use the same bit: to little or to big endian. */
#define VM_SOURCE(code) ((code)&0x08)
#define VM_K		0x00
#define VM_X		0x08

#define VM_OP(code) ((code)&0xf0)
#define VM_ADD	    0x00
#define VM_SUB	    0x10
#define VM_MUL	    0x20
#define VM_DIV	    0x30 /* off 1: signed */
#define VM_OR	    0x40
#define VM_AND	    0x50
#define VM_LSH	    0x60
#define VM_RSH	    0x70
#define VM_NEG	    0x80
#define VM_MOD	    0x90 /* off 1: signed */
#define VM_XOR	    0xa0
#define VM_MOV	    0xb0 /* off 8, 16, 32: sign-extending */
#define VM_ARSH	    0xc0
#define VM_END	    0xd0

#define VM_JA	0x00
#define VM_JEQ	0x10
#define VM_JGT	0x20
#define VM_JGE	0x30
#define VM_JSET 0x40
#define VM_JNE	0x50
#define VM_JSGT 0x60
#define VM_JSGE 0x70
#define VM_CALL 0x80
#define VM_EXIT 0x90
#define VM_JLT	0xa0
#define VM_JLE	0xb0
#define VM_JSLT 0xc0
#define VM_JSLE 0xd0

#define VM_SIZE(code) ((code)&0x18)
#define VM_W	      0x00
#define VM_H	      0x08
#define VM_B	      0x10
#define VM_DW	      0x18

#define VM_MODE(code) ((code)&0xe0)
#define VM_IMM	      0x00
#define VM_ABS	      0x20
#define VM_IND	      0x40
#define VM_MEM	      0x60
#define VM_MEMSX      0x80
#define VM_ATOMIC     0xc0

/* imm of an atomic: an ALU operation, perhaps with FETCH, or one of those below. */
#define VM_FETCH     0x01
#define VM_XCHG	     0xe1
#define VM_CMPXCHG   0xf1
#define VM_LOAD_ACQ  0x100
#define VM_STORE_REL 0x110

/* src of a 64-bit immediate load (code 0x18). */
#define VM_LD_IMM64	    (VM_LD | VM_IMM | VM_DW)
#define VM_PSEUDO_FD	    1
#define VM_PSEUDO_VALUE	    2
#define VM_PSEUDO_BTF	    3
#define VM_PSEUDO_FUNC	    4
#define VM_PSEUDO_IDX	    5
#define VM_PSEUDO_IDX_VALUE 6

/* src of a call. */
#define VM_CALL_HELPER 0
#define VM_CALL_LOCAL  1
#define VM_CALL_KFUNC  2

/* libbpf leaves this call where a CO-RE relocation could not be resolved. */
#define VM_CORE_UNRESOLVED 0xbad2310

#define VM_REG_FP     10
#define VM_REG_COUNT  11
#define VM_STACK_SIZE 512

/* Where the jump at `pc` leads; -1: it is none. Calls and exit are none. */
static inline s64 vm_jump_target(const struct vm_insn *insn, u32 pc)
{
	const u32 class_of = VM_CLASS(insn->code), op = VM_OP(insn->code);

	if ((class_of != VM_JMP && class_of != VM_JMP32) || op == VM_CALL || op == VM_EXIT)
		return -1;
	return (s64)pc + 1 + (insn->code == (VM_JMP32 | VM_JA) ? insn->imm : insn->off);
}

/* Bytes that a load, store or atomic touches. */
static inline unsigned vm_insn_bytes(u8 code)
{
	switch (VM_SIZE(code)) {
	case VM_B:
		return 1;
	case VM_H:
		return 2;
	case VM_W:
		return 4;
	default:
		return 8;
	}
}

#endif
