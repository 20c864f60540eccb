// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the checker found to be the same on every way, it need not be found again in each run: a load of what nobody
 * can write any more (.rodata, once frozen) is its value, and a jump that depends on such values alone is taken
 * always or never. The kernel's verifier does the same, so programs are written for it: a filter that is not
 * set is to cost nothing.
 */
#include "check.h"

enum { TAKEN = 1, PASSED = 2, CONSTANT = 4, UNKNOWN = 8 };

/* `taken`: 1, 0, or -1 for who knows. */
void vm_fold_jump(struct vm_checker *checker, int taken)
{
	checker->findings[checker->pc].seen |= taken < 0 ? TAKEN | PASSED : taken ? TAKEN : PASSED;
}

void vm_fold_load(struct vm_checker *checker, const struct vm_register *loaded)
{
	struct vm_finding *finding = &checker->findings[checker->pc];

	if (loaded->known != VM_KNOWN_CONSTANT || (finding->seen && finding->value != loaded->value))
		finding->seen |= UNKNOWN;
	finding->seen |= CONSTANT;
	finding->value = loaded->value;
}

/* A move's constant has 32 bits, extended by their sign in a wide one and by zeros in a narrow one. */
static void fold_load(struct vm_insn *insn, s64 value)
{
	if (value != (s32)value && value != (s64)(u32)value)
		return;
	insn->code = VM_MOV | VM_K | (value == (s32)value ? VM_ALU64 : VM_ALU);
	insn->imm = (s32)value;
	insn->src = 0;
	insn->off = 0;
}

/* Leads to the next instruction; pack.c takes it out. */
static void drop(struct vm_insn *insn)
{
	static const struct vm_insn nothing = {.code = VM_JMP | VM_JA};

	if (insn->code == VM_LD_IMM64)
		insn[1] = nothing;
	*insn = nothing;
}

/* Sets its register, and has no other effect. */
static int only_sets(const struct vm_insn *insn)
{
	return insn->code == VM_LD_IMM64 ||
	       ((VM_CLASS(insn->code) == VM_ALU || VM_CLASS(insn->code) == VM_ALU64) && VM_OP(insn->code) == VM_MOV);
}

#define REGISTER(number) (1U << (number))
#define ARGUMENTS   (REGISTER(1) | REGISTER(2) | REGISTER(3) | REGISTER(4) | REGISTER(5))
#define ALL	    0xffffU

/* Which registers somebody may still read before the instruction, if those in `live` are after it; as bits. */
static u16 live_before(const struct vm_insn *insn, u16 live)
{
	const u16 dst = REGISTER(insn->dst), src = VM_SOURCE(insn->code) ? REGISTER(insn->src) : 0;

	switch (VM_CLASS(insn->code)) {
	case VM_ALU:
	case VM_ALU64:
		return only_sets(insn) ? (live & ~dst) | src : live | dst | src;
	case VM_LDX:
		return (live & ~dst) | REGISTER(insn->src);
	case VM_ST:
		return live | dst;
	case VM_STX:
		return live | dst | REGISTER(insn->src) | REGISTER(0); /* which cmpxchg compares with */
	case VM_LD:
		return insn->code == VM_LD_IMM64 ? live & ~dst : ALL;
	}
	if (insn->code == (VM_JMP | VM_EXIT))
		return REGISTER(0);
	if (insn->code == (VM_JMP | VM_CALL))
		return (live & ~(REGISTER(0) | ARGUMENTS)) | ARGUMENTS;
	return VM_OP(insn->code) == VM_JA ? live : live | dst | src;
}

/* One walk from the end to the start. Returns whether anything became known. */
static int find_live(struct vm_checker *checker, u16 *live, int drops)
{
	struct vm_insn *insn;
	int changed = 0;
	u16 before, after;
	s64 target;
	u32 pc;

	for (pc = checker->count; pc-- > 0;) {
		insn = &checker->program->resolved[pc];
		if (!insn->code) /* a second half */
			continue;
		target = vm_jump_target(insn, pc);
		after = target >= 0 ? live[target] : 0;
		if (target < 0 || VM_OP(insn->code) != VM_JA)
			after |= live[pc + (insn->code == VM_LD_IMM64 ? 2 : 1)];
		before = live_before(insn, after);
		if (drops && only_sets(insn) && !(after & REGISTER(insn->dst))) {
			drop(insn);
			before = after;
		}
		changed |= live[pc] != before;
		live[pc] = before;
	}
	return changed;
}

#define WALKS 16 /* each takes what is known over one more jump back; where that is not enough, all stays as it is */

static void drop_what_nobody_reads(struct vm_checker *checker)
{
	u16 *live = port_alloc((u64)(checker->count + 1) * sizeof(*live));
	u32 walks = 0;

	if (!live)
		return;
	while (walks < WALKS && find_live(checker, live, 0))
		walks++;
	if (walks < WALKS)
		find_live(checker, live, 1);
	port_free(live);
}

void vm_fold(struct vm_checker *checker)
{
	struct vm_insn *insn;
	u32 pc;

	for (pc = 0; pc < checker->count; pc++) {
		const struct vm_finding *finding = &checker->findings[pc];

		insn = &checker->program->resolved[pc];
		if (!finding->reached) {
			drop(insn);
			continue;
		}
		if (insn->code == VM_LD_IMM64)
			pc++; /* nothing reaches its second half */
		if (finding->seen == CONSTANT)
			fold_load(insn, finding->value);
		if (finding->seen != TAKEN && finding->seen != PASSED)
			continue;
		insn->code = VM_JMP | VM_JA;
		insn->dst = insn->src = 0;
		if (finding->seen == PASSED)
			insn->off = 0;
	}
	drop_what_nobody_reads(checker);
}
