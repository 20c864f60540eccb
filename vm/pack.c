// SPDX-License-Identifier: GPL-2.0-only
/*
 * Closes the gaps that fold.c has left: what only leads to the next op is taken out, what jumps to a jump goes
 * where that one leads, and the ops that stay move together. An op is then no longer at the index of its
 * instruction; program->insn_of tells whose it is.
 *
 * Only jumps forwards are treated so: those backwards pay for what they repeat.
 */
#include "internal.h"

struct packer {
	struct vm_program *program;
	u32 *next;  /* [insn] itself, or the next one whose op stays */
	u32 *place; /* [insn] where its op goes, if it stays; before that is known: does anything lead there? */
};

static int is_plain_jump(const struct vm_insn *insn)
{
	return insn->code == (VM_JMP | VM_JA) || insn->code == (VM_JMP32 | VM_JA);
}

/* The instruction that this one names: as a jump, as a call, or as the function that a load is of. -1: none. */
static s64 target_of(const struct packer *packer, u32 pc)
{
	const struct vm_insn *insn = &packer->program->resolved[pc];

	if (vm_op_is_trap(&packer->program->ops[pc]))
		return -1;
	if (insn->code == VM_LD_IMM64)
		return insn->src == VM_PSEUDO_FUNC ? insn->imm : -1; /* the lower half of its handle */
	if (insn->code == (VM_JMP | VM_CALL))
		return insn->src == VM_CALL_LOCAL ? (s64)pc + 1 + insn->imm : -1;
	return vm_jump_target(insn, pc);
}

static int leads_to_next(const struct packer *packer, u32 pc)
{
	const s64 target = is_plain_jump(&packer->program->resolved[pc]) ? target_of(packer, pc) : -1;

	return target > pc && packer->next[target] == packer->next[pc + 1];
}

/* Where a jump from `pc` to `target` ends, over a few jumps in between. */
static u32 end_of_jump(const struct packer *packer, u32 pc, u32 target)
{
	u32 hops, at = packer->next[target];
	s64 further;

	for (hops = 0; hops < 8 && at > pc && at < packer->program->insn_count; hops++) {
		further = is_plain_jump(&packer->program->resolved[at]) ? target_of(packer, at) : -1;
		if (further <= at)
			break;
		at = packer->next[further];
	}
	return at;
}

static void retarget(const struct packer *packer, u32 pc, struct vm_op *op, u32 target)
{
	const struct vm_insn *insn = &packer->program->resolved[pc];
	const u32 from = packer->place[pc] + 1;
	s64 distance = (s64)packer->place[packer->next[target]] - from, further;

	if (insn->code == VM_LD_IMM64) {
		op->imm = packer->place[packer->next[target]];
	} else if (insn->code == (VM_JMP | VM_CALL) || insn->code == (VM_JMP32 | VM_JA)) {
		op->imm = distance;
	} else {
		further = (s64)packer->place[end_of_jump(packer, pc, target)] - from;
		op->off = further == (s16)further ? further : distance;
	}
}

#define ADD_NUMBER (VM_ALU64 | VM_ADD | VM_K)

/* `a = b; a += c`, as before nearly every call: one op, if nobody jumps in between. */
static int is_sum(const struct packer *packer, u32 pc)
{
	const struct vm_insn *first = &packer->program->resolved[pc], *second = first + 1;

	return first->code == (VM_ALU64 | VM_MOV | VM_X) && !first->off && pc + 1 < packer->program->insn_count &&
	       second->code == ADD_NUMBER && second->dst == first->dst && !packer->place[pc + 1] &&
	       !vm_op_is_trap(&packer->program->ops[pc]);
}

static void move_ops(const struct packer *packer)
{
	struct vm_program *program = packer->program;
	const u32 count = program->insn_count;
	struct vm_op *op;
	s64 target;
	u32 pc;

	for (pc = 0; pc < count; pc++) {
		if (packer->next[pc] != pc)
			continue;
		target = target_of(packer, pc); /* looks at the op's old place, which nothing has been moved to yet */
		op = &program->ops[packer->place[pc]];
		*op = program->ops[pc];
		program->insn_of[packer->place[pc]] = pc;
		if (target >= 0)
			retarget(packer, pc, op, target);
		if (packer->next[pc + 1] != pc + 1 && program->resolved[pc + 1].code == ADD_NUMBER) {
			op->go = vm_op_places()[OP_SUM];
			op->imm = program->resolved[pc + 1].imm;
		}
	}
	/* The trap behind the last one, in all that is left. */
	for (pc = packer->place[count]; pc <= count; pc++) {
		program->ops[pc] = program->ops[count];
		program->insn_of[pc] = count;
	}
}

static void plan_moves(struct packer *packer)
{
	const u32 count = packer->program->insn_count;
	u32 pc, kept = 0;
	s64 target;

	for (pc = 0; pc < count; pc++) {
		target = target_of(packer, pc);
		if (target >= 0)
			packer->place[target] = 1;
	}
	packer->next[count] = count;
	for (pc = count; pc-- > 0;) {
		packer->next[pc] = leads_to_next(packer, pc) ? packer->next[pc + 1] : pc;
		if (is_sum(packer, pc))
			packer->next[pc + 1] = packer->next[pc + 2];
	}
	for (pc = 0; pc <= count; pc++)
		if (packer->next[pc] == pc)
			packer->place[pc] = kept++;
}

int vm_pack(struct vm_program *program)
{
	const u64 size = (program->insn_count + 1) * sizeof(u32);
	struct packer packer = {.program = program, .next = port_alloc(size), .place = port_alloc(size)};
	int err = -ENOMEM;

	program->insn_of = port_alloc(size);
	if (program->insn_of && packer.next && packer.place) {
		plan_moves(&packer);
		move_ops(&packer);
		err = 0;
	}
	port_free(packer.next);
	port_free(packer.place);
	return err;
}
