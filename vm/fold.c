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

void vm_fold(struct vm_checker *checker)
{
	struct vm_insn *insn;
	u32 pc;

	for (pc = 0; pc < checker->count; pc++) {
		const struct vm_finding *finding = &checker->findings[pc];

		insn = &checker->program->resolved[pc];
		if (finding->seen == CONSTANT)
			fold_load(insn, finding->value);
		if (finding->seen != TAKEN && finding->seen != PASSED)
			continue;
		insn->code = VM_JMP | VM_JA;
		insn->dst = insn->src = 0;
		if (finding->seen == PASSED)
			insn->off = 0;
	}
}
