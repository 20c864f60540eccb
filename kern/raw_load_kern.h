/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A BPF program as what it is: instructions of 8 bytes, typed in by hand. No compiler, no ELF file, no
 * libbpf; user/raw_load_user.cpp puts the blocks together and hands them to bpf(2).
 *
 * The machine has eleven registers of 64 bits. A helper takes its arguments in r1 to r5 and answers in
 * r0; it may change all of these, but not r6 to r9. r10 is the top of the stack, which grows downwards. What r0
 * holds at `exit` is the program's result. A jump's offset counts from the next instruction.
 *
 * Each instruction: what to do, register that is changed, register that is read, offset, number.
 */
#pragma once

#include <linux/bpf.h>

/* clang-format off: one instruction a line */
#define INSN(code, dst, src, off, imm) {(code), (dst), (src), (off), (int)(imm)}

#define R_MOVE(dst, src)	    INSN(BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0)
#define R_SET(dst, number)	    INSN(BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, number)
#define R_ADD(dst, number)	    INSN(BPF_ALU64 | BPF_ADD | BPF_K, dst, 0, 0, number)
#define R_SHIFT_RIGHT(dst, number)  INSN(BPF_ALU64 | BPF_RSH | BPF_K, dst, 0, 0, number)
#define R_LOAD_U64(dst, src, off)   INSN(BPF_LDX | BPF_MEM | BPF_DW, dst, src, off, 0)
#define R_CLEAR_U64(dst, off)	    INSN(BPF_ST | BPF_MEM | BPF_DW, dst, 0, off, 0)
#define R_STORE_U32(dst, off, src)  INSN(BPF_STX | BPF_MEM | BPF_W, dst, src, off, 0)
#define R_ADD_ATOMIC(dst, off, src) INSN(BPF_STX | BPF_XADD | BPF_DW, dst, src, off, BPF_ADD)
#define JUMP_IF_NUMBER(dst, number, off) INSN(BPF_JMP | BPF_JEQ | BPF_K, dst, 0, off, number)
#define JUMP_IF_SAME(dst, src, off) INSN(BPF_JMP | BPF_JEQ | BPF_X, dst, src, off, 0)
#define JUMP_IF_OTHER(dst, src, off) INSN(BPF_JMP | BPF_JNE | BPF_X, dst, src, off, 0)
#define CALL(helper)		    INSN(BPF_JMP | BPF_CALL, 0, 0, 0, helper)
#define EXIT			    INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)
/* The one instruction that takes the room of two: a number of 64 bits. */
#define R_SET_U64(dst, number)      INSN(BPF_LD | BPF_IMM | BPF_DW, dst, 0, 0, (__u64)(number)), \
				    INSN(0, 0, 0, 0, (__u64)(number) >> 32)
/* As a number it is the map's descriptor; the kernel puts the map's address there when it loads the program. */
#define R_SET_MAP(dst, fd)	    INSN(BPF_LD | BPF_IMM | BPF_DW, dst, BPF_PSEUDO_MAP_FD, 0, fd), \
				    INSN(0, 0, 0, 0, 0)

/* if (current process != pid) return 0; */
#define ONLY_PROCESS(pid) {						\
	CALL(BPF_FUNC_get_current_pid_tgid),				\
	R_SHIFT_RIGHT(BPF_REG_0, 32),	/* below is the thread's id */	\
	JUMP_IF_NUMBER(BPF_REG_0, pid, 2),				\
	R_SET(BPF_REG_0, 0),						\
	EXIT,								\
}

/* if (current name != these 16 bytes) return 0; */
#define ONLY_NAME(first, second) {					\
	R_CLEAR_U64(BPF_REG_10, -16),	/* 6.1 leaves what is behind the NUL as it was */ \
	R_CLEAR_U64(BPF_REG_10, -8),					\
	R_MOVE(BPF_REG_1, BPF_REG_10),					\
	R_ADD(BPF_REG_1, -16),						\
	R_SET(BPF_REG_2, 16),						\
	CALL(BPF_FUNC_get_current_comm),				\
	R_LOAD_U64(BPF_REG_1, BPF_REG_10, -16),				\
	R_SET_U64(BPF_REG_2, first),					\
	JUMP_IF_OTHER(BPF_REG_1, BPF_REG_2, 4),				\
	R_LOAD_U64(BPF_REG_1, BPF_REG_10, -8),				\
	R_SET_U64(BPF_REG_2, second),					\
	JUMP_IF_SAME(BPF_REG_1, BPF_REG_2, 2),				\
	R_SET(BPF_REG_0, 0),						\
	EXIT,								\
}

/* map[this CPU]++; return 0; */
#define COUNT_BY_CPU(map_fd) {						\
	CALL(BPF_FUNC_get_smp_processor_id),				\
	R_STORE_U32(BPF_REG_10, -4, BPF_REG_0),	/* a key is memory */	\
	R_MOVE(BPF_REG_2, BPF_REG_10),					\
	R_ADD(BPF_REG_2, -4),						\
	R_SET_MAP(BPF_REG_1, map_fd),					\
	CALL(BPF_FUNC_map_lookup_elem),					\
	JUMP_IF_NUMBER(BPF_REG_0, 0, 2), /* no such key; the verifier wants to see this asked */ \
	R_SET(BPF_REG_1, 1),						\
	R_ADD_ATOMIC(BPF_REG_0, 0, BPF_REG_1),				\
	R_SET(BPF_REG_0, 0),						\
	EXIT,								\
}
/* clang-format on */
