// SPDX-License-Identifier: GPL-2.0-only
/*
 * What can be seen without following the program: instructions that are none, jumps that lead nowhere or
 * into another function, functions that run off their end, calls that nest too deeply.
 */
#include "check.h"

static int is_local_call(const struct vm_insn *insn)
{
	return insn->code == (VM_JMP | VM_CALL) && insn->src == VM_CALL_LOCAL;
}

static int is_function_load(const struct vm_insn *insn)
{
	return insn->code == VM_LD_IMM64 && insn->src == VM_PSEUDO_FUNC;
}

/* Only the first of the two halves of a 64-bit load is an instruction. */
static u32 next_insn(const struct vm_checker *checker, u32 pc)
{
	return pc + (checker->insns[pc].code == VM_LD_IMM64 ? 2 : 1);
}

static int is_inside_load(const struct vm_checker *checker, u32 pc)
{
	/* No instruction has code 0 but a second half. */
	return pc && !checker->insns[pc].code && checker->insns[pc - 1].code == VM_LD_IMM64;
}

/* Where a call or a function load leads, or a refusal. */
static s64 function_target(struct vm_checker *checker, u32 pc)
{
	s64 to = (s64)pc + 1 + checker->insns[pc].imm;

	checker->pc = pc;
	if (to < 0 || to >= checker->count || is_inside_load(checker, to))
		return vm_refuse(checker, -EINVAL, "the function is outside of the program");
	return to;
}

/* Marks where functions start, then gives each instruction its function. */
static int find_functions(struct vm_checker *checker)
{
	u32 pc, start = 0;
	s64 to;

	for (pc = 0; pc < checker->count; pc = next_insn(checker, pc)) {
		if (!is_local_call(&checker->insns[pc]) && !is_function_load(&checker->insns[pc]))
			continue;
		to = function_target(checker, pc);
		if (to < 0)
			return to;
		checker->function_of[to] = 1;
		checker->state_of[to] = 1;
	}
	checker->state_of[0] = 1;
	for (pc = 0; pc < checker->count; pc++) {
		if (checker->function_of[pc])
			start = pc;
		checker->function_of[pc] = start;
	}
	return 0;
}

static int check_jump_target(struct vm_checker *checker, const struct vm_insn *insn)
{
	const s64 to = vm_jump_target(insn, checker->pc);

	if (to < 0 || to >= checker->count)
		return vm_refuse(checker, -EINVAL, "the jump leads out of the program");
	if (is_inside_load(checker, to))
		return vm_refuse(checker, -EINVAL, "the jump leads into the middle of a 64-bit load");
	if (checker->function_of[to] != checker->function_of[checker->pc])
		return vm_refuse(checker, -EINVAL, "the jump leads into another function");
	checker->state_of[to] = 1;
	return 0;
}

static int is_jump(const struct vm_insn *insn)
{
	return (VM_CLASS(insn->code) == VM_JMP && insn->code != (VM_JMP | VM_CALL) &&
		insn->code != (VM_JMP | VM_EXIT)) ||
	       VM_CLASS(insn->code) == VM_JMP32;
}

/* Fields that the instruction does not use must be zero, so that later instruction sets can use them. */
static int has_stray_fields(const struct vm_insn *insn)
{
	u8 op = VM_OP(insn->code);

	switch (VM_CLASS(insn->code)) {
	case VM_ALU:
	case VM_ALU64:
		if (op == VM_END)
			return insn->src || insn->off;
		if (op == VM_NEG)
			return insn->src || insn->off || insn->imm;
		return VM_SOURCE(insn->code) == VM_K ? insn->src : insn->imm;
	case VM_LDX:
		return insn->imm;
	case VM_ST:
		return insn->src;
	case VM_STX:
		return VM_MODE(insn->code) == VM_MEM && insn->imm;
	case VM_JMP:
	case VM_JMP32:
		if (insn->code == (VM_JMP | VM_EXIT))
			return insn->dst || insn->src || insn->off || insn->imm;
		if (insn->code == (VM_JMP | VM_CALL))
			return insn->dst || insn->off;
		if (op == VM_JA)
			return insn->dst || insn->src;
		return VM_SOURCE(insn->code) == VM_K ? insn->src : insn->imm;
	default:
		return 0;
	}
}

static int has_bad_shift(const struct vm_insn *insn)
{
	u8 op = VM_OP(insn->code), class = VM_CLASS(insn->code);
	u32 bits = class == VM_ALU64 ? 64 : 32;

	return (class == VM_ALU || class == VM_ALU64) && VM_SOURCE(insn->code) == VM_K &&
	       (op == VM_LSH || op == VM_RSH || op == VM_ARSH) && (u32)insn->imm >= bits;
}

static int divides_by_zero(const struct vm_insn *insn)
{
	u8 op = VM_OP(insn->code), class = VM_CLASS(insn->code);

	return (class == VM_ALU || class == VM_ALU64) && VM_SOURCE(insn->code) == VM_K && !insn->imm &&
	       (op == VM_DIV || op == VM_MOD);
}

static int check_insn(struct vm_checker *checker, const struct vm_insn *insn)
{
	int err;

	if (insn->dst > VM_REG_FP || insn->src > VM_REG_FP)
		return vm_refuse(checker, -EINVAL, "there are only the registers r0 to r10");
	if (is_jump(insn)) {
		err = check_jump_target(checker, insn);
		if (err)
			return err;
	}
	if (insn->dst == VM_REG_FP && VM_CLASS(insn->code) != VM_ST && VM_CLASS(insn->code) != VM_STX && !is_jump(insn))
		return vm_refuse(checker, -EACCES, "r10 can only be read");
	if (has_bad_shift(insn))
		return vm_refuse(checker, -EINVAL, "the shift is wider than the register");
	if (divides_by_zero(insn))
		return vm_refuse(checker, -EINVAL, "division by zero");
	/* Which helper, and whether there is one, matters only where the call can be reached: check_call.c. */
	if (vm_op_is_trap(&checker->program->ops[checker->pc]) && insn->code != (VM_JMP | VM_CALL))
		return vm_refuse(checker, -EINVAL, "there is no such instruction");
	if (has_stray_fields(insn))
		return vm_refuse(checker, -EINVAL, "fields that the instruction does not use are not zero");
	return 0;
}

/* Behind the last instruction of a function comes nothing, or another function. */
static int check_end(struct vm_checker *checker, u32 last)
{
	u8 code = checker->insns[last].code;

	checker->pc = last;
	if (code == (VM_JMP | VM_EXIT) || code == (VM_JMP | VM_JA) || code == (VM_JMP32 | VM_JA))
		return 0;
	return vm_refuse(checker, -EINVAL, "the program runs off its end");
}

/*
 * Functions that call functions: after as many rounds as there may be frames, the longest chains are known.
 * Recursion has no end, so it is too deep as well.
 */
static int check_depth(struct vm_checker *checker)
{
	u8 *height = port_alloc(checker->count); /* [start of a function] frames below it */
	u32 pc, round, caller, callee;
	int err = height ? 0 : -ENOMEM, changed = 1;

	for (round = 0; !err && changed && round <= VM_FRAMES; round++) {
		changed = 0;
		for (pc = 0; pc < checker->count; pc = next_insn(checker, pc)) {
			if (!is_local_call(&checker->insns[pc]) && !is_function_load(&checker->insns[pc]))
				continue;
			caller = checker->function_of[pc];
			callee = pc + 1 + checker->insns[pc].imm;
			if (height[caller] > height[callee])
				continue;
			changed = 1;
			height[caller] = height[callee] + 1;
			checker->pc = pc;
			if (height[caller] >= VM_FRAMES) {
				err = vm_refuse(checker, -EINVAL, "calls nest deeper than %d functions", VM_FRAMES);
				break;
			}
		}
	}
	port_free(height);
	return err;
}

int vm_check_shape(struct vm_checker *checker)
{
	u32 pc, next;
	int err = find_functions(checker);

	for (pc = 0; !err && pc < checker->count; pc = next) {
		checker->pc = pc;
		next = next_insn(checker, pc);
		err = check_insn(checker, &checker->insns[pc]);
		if (!err && (next >= checker->count || checker->function_of[next] != checker->function_of[pc]))
			err = check_end(checker, pc);
	}
	return err ? err : check_depth(checker);
}
