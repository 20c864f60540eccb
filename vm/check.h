/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The checker's own: what it knows about each register before each instruction.
 *
 * It walks over the program in one pass per way of reaching a block until nothing changes. Where two ways
 * meet, what they disagree on becomes less known. So it never says yes or no for one path only, and a
 * program of n instructions takes a small multiple of n steps. What stays unknown is not refused: the
 * run-time checks are there for it.
 */
#ifndef VM_CHECK_H
#define VM_CHECK_H

#include "helper.h"

enum vm_known {
	VM_KNOWN_NOTHING,  /* not written on some way here */
	VM_KNOWN_NUMBER,   /* written; may be a pointer for all we know */
	VM_KNOWN_CONSTANT, /* exactly `value` */
	VM_KNOWN_CONTEXT,  /* r1 of the program, plus `value` if `exact` */
	VM_KNOWN_FRAME,	   /* r10, plus `value` if `exact` */
	VM_KNOWN_MAP,	   /* map number `map`, VM_ANY_MAP if one of several */
	VM_KNOWN_VALUE,	   /* a value of map number `map`, plus `value` if `exact`; may be NULL */
	VM_KNOWN_FUNCTION, /* the function at instruction `value` */
};

#define VM_ANY_MAP 0xffff

struct vm_register {
	u8 known; /* enum vm_known */
	u8 exact;
	u16 map;
	s64 value;
};

struct vm_state {
	struct vm_register r[VM_REG_COUNT];
};

/* What fold.c makes of an instruction. */
struct vm_finding {
	s64 value;
	u8 seen;
	u8 reached; /* on some way */
};

struct vm_checker {
	struct vm_program *program;
	const struct vm_load *load;
	const struct vm_insn *insns; /* program->insns */
	u32 count;
	u32 pc;		  /* the instruction that is looked at */
	u32 *function_of; /* [insn] where its function starts */
	u32 *state_of;	  /* [insn] index into states, plus 1; 0: nothing jumps here */
	struct vm_state *states;
	u8 *reached; /* [state] */
	u32 *work;   /* instructions whose state has changed */
	u8 *queued;  /* [state] is in work */
	struct vm_finding *findings; /* [insn] */
	u32 work_count;
	s32 lowest; /* of all offsets from r10 */
	struct vm_state now;
};

/* Refuses the program: one line in the log that names the instruction. Returns `err`. */
int vm_refuse(struct vm_checker *checker, int err, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* check_shape.c: all that can be seen without following the program. */
int vm_check_shape(struct vm_checker *checker);
/* check_flow.c: follows the program. */
int vm_check_flow(struct vm_checker *checker);
/* A way into instruction `to` with what is known in `state`. */
void vm_check_reach(struct vm_checker *checker, u32 to, const struct vm_state *state);
/* check_memory.c: may `size` bytes at the register plus `off` be read or written? */
int vm_check_access(struct vm_checker *checker, u32 number, s64 off, u64 size, int write);
int vm_check_load(struct vm_checker *checker, const struct vm_insn *insn);
/* check_call.c: a call of a helper, from its arguments to what is known after it. */
int vm_check_call(struct vm_checker *checker, const struct vm_insn *insn);
/* fold.c: how a conditional jump went, and what a load gave; then what always came out the same is fixed. */
void vm_fold_jump(struct vm_checker *checker, int taken);
void vm_fold_load(struct vm_checker *checker, const struct vm_register *loaded);
void vm_fold(struct vm_checker *checker);
/* Enters a function of the program: only r1 to r`args` are known there. */
void vm_check_enter(struct vm_checker *checker, u32 function, const struct vm_register *args, u32 count);

#endif
