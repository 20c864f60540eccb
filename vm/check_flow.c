// SPDX-License-Identifier: GPL-2.0-only
/* Follows the program: what each instruction makes of what is known, and where ways meet. */
#include "check.h"

static void set(struct vm_register *reg, enum vm_known known, s64 value)
{
	reg->known = known;
	reg->exact = known != VM_KNOWN_NUMBER && known != VM_KNOWN_NOTHING;
	reg->map = 0;
	reg->value = reg->exact ? value : 0;
}

static int same(const struct vm_register *a, const struct vm_register *b)
{
	return a->known == b->known && a->exact == b->exact && a->map == b->map && a->value == b->value;
}

/* What is still known where two ways meet. */
static struct vm_register meet(const struct vm_register *a, const struct vm_register *b)
{
	struct vm_register result = *a;

	if (same(a, b))
		return result;
	if (a->known == VM_KNOWN_NOTHING || b->known == VM_KNOWN_NOTHING) {
		set(&result, VM_KNOWN_NOTHING, 0);
	} else if (a->known == b->known && a->known == VM_KNOWN_MAP) {
		result.map = VM_ANY_MAP;
	} else if (a->known == b->known && a->map == b->map &&
		   (a->known == VM_KNOWN_FRAME || a->known == VM_KNOWN_CONTEXT || a->known == VM_KNOWN_VALUE)) {
		result.exact = 0;
		result.value = 0;
	} else {
		set(&result, VM_KNOWN_NUMBER, 0);
	}
	return result;
}

void vm_check_reach(struct vm_checker *checker, u32 to, const struct vm_state *state)
{
	u32 index = checker->state_of[to] - 1, i;
	struct vm_state *known = &checker->states[index];
	struct vm_register merged;
	int changed = !checker->reached[index];

	if (changed)
		*known = *state;
	for (i = 0; i < VM_REG_COUNT; i++) {
		merged = meet(&known->r[i], &state->r[i]);
		changed |= !same(&merged, &known->r[i]);
		known->r[i] = merged;
	}
	checker->reached[index] = 1;
	if (changed && !checker->queued[index]) {
		checker->queued[index] = 1;
		checker->work[checker->work_count++] = to;
	}
}

void vm_check_enter(struct vm_checker *checker, u32 function, const struct vm_register *args, u32 count)
{
	struct vm_state state;
	u32 i;

	for (i = 0; i < VM_REG_COUNT; i++)
		set(&state.r[i], VM_KNOWN_NOTHING, 0);
	for (i = 1; i <= count; i++) {
		state.r[i] = args[i - 1];
		/* The caller's frame is not the callee's. */
		if (state.r[i].known == VM_KNOWN_FRAME)
			set(&state.r[i], VM_KNOWN_NUMBER, 0);
	}
	set(&state.r[VM_REG_FP], VM_KNOWN_FRAME, 0);
	vm_check_reach(checker, function, &state);
}

static int need(struct vm_checker *checker, u32 number)
{
	if (checker->now.r[number].known == VM_KNOWN_NOTHING)
		return vm_refuse(checker, -EACCES, "r%u is read but was never written", number);
	return 0;
}

static void lower(struct vm_checker *checker, const struct vm_register *reg)
{
	if (reg->known != VM_KNOWN_FRAME)
		return;
	if (!reg->exact || reg->value < -VM_STACK_SIZE)
		checker->lowest = -VM_STACK_SIZE;
	else if (reg->value < checker->lowest)
		checker->lowest = reg->value;
}

/* ---- arithmetic ---- */

static int fold(u8 code, s64 a, s64 b, s64 *result)
{
	int wide = VM_CLASS(code) == VM_ALU64;
	u64 x = wide ? (u64)a : (u32)a, y = wide ? (u64)b : (u32)b, mask = wide ? 63 : 31;

	switch (VM_OP(code)) {
	case VM_ADD:
		x += y;
		break;
	case VM_SUB:
		x -= y;
		break;
	case VM_MUL:
		x *= y;
		break;
	case VM_OR:
		x |= y;
		break;
	case VM_AND:
		x &= y;
		break;
	case VM_XOR:
		x ^= y;
		break;
	case VM_LSH:
		x <<= y & mask;
		break;
	case VM_RSH:
		x >>= y & mask;
		break;
	default:
		return 0;
	}
	*result = wide ? (s64)x : (s64)(u32)x;
	return 1;
}

static int is_pointer(const struct vm_register *reg)
{
	return reg->known == VM_KNOWN_FRAME || reg->known == VM_KNOWN_CONTEXT || reg->known == VM_KNOWN_VALUE;
}

static void add_to_pointer(struct vm_checker *checker, struct vm_register *dst, const struct vm_register *operand,
			   int minus)
{
	if (operand->known == VM_KNOWN_CONSTANT && dst->exact && operand->value > -(1LL << 31) &&
	    operand->value < 1LL << 31)
		dst->value += minus ? -operand->value : operand->value;
	else
		dst->exact = 0;
	if (!dst->exact || dst->value > 1LL << 32 || dst->value < -(1LL << 32)) {
		dst->exact = 0;
		dst->value = 0;
	}
	lower(checker, dst);
}

static void move(struct vm_register *dst, const struct vm_insn *insn, const struct vm_register *operand)
{
	int narrow = VM_CLASS(insn->code) == VM_ALU;

	if (insn->off)
		set(dst, VM_KNOWN_NUMBER, 0);
	else if (!narrow)
		*dst = *operand;
	else if (operand->known == VM_KNOWN_CONSTANT)
		set(dst, VM_KNOWN_CONSTANT, (u32)operand->value);
	else
		set(dst, VM_KNOWN_NUMBER, 0);
}

static int step_alu(struct vm_checker *checker, const struct vm_insn *insn)
{
	struct vm_register *dst = &checker->now.r[insn->dst], operand;
	u8 op = VM_OP(insn->code);
	int err = 0;
	s64 value;

	set(&operand, VM_KNOWN_CONSTANT, insn->imm);
	if (op != VM_NEG && op != VM_END && VM_SOURCE(insn->code) == VM_X) {
		err = need(checker, insn->src);
		operand = checker->now.r[insn->src];
	}
	if (!err && op != VM_MOV)
		err = need(checker, insn->dst);
	if (err)
		return err;
	if (op == VM_MOV)
		move(dst, insn, &operand);
	else if (dst->known == VM_KNOWN_CONSTANT && operand.known == VM_KNOWN_CONSTANT && !insn->off &&
		 fold(insn->code, dst->value, operand.value, &value))
		set(dst, VM_KNOWN_CONSTANT, value);
	else if (VM_CLASS(insn->code) == VM_ALU64 && (op == VM_ADD || op == VM_SUB) && is_pointer(dst))
		add_to_pointer(checker, dst, &operand, op == VM_SUB);
	else if (insn->code == (VM_ALU64 | VM_ADD | VM_X) && is_pointer(&operand) && !is_pointer(dst)) {
		add_to_pointer(checker, &operand, dst, 0);
		*dst = operand;
	} else
		set(dst, VM_KNOWN_NUMBER, 0);
	return 0;
}

static int step_wide(struct vm_checker *checker, const struct vm_insn *insn)
{
	struct vm_register *dst = &checker->now.r[insn->dst];
	const struct vm_insn *resolved = &checker->program->resolved[checker->pc];
	u64 value = (u32)resolved[0].imm | (u64)(u32)resolved[1].imm << 32;
	u32 map;

	set(dst, VM_KNOWN_NUMBER, 0);
	switch (insn->src) {
	case 0:
		set(dst, VM_KNOWN_CONSTANT, value);
		break;
	case VM_PSEUDO_FD:
		set(dst, VM_KNOWN_MAP, 0);
		dst->map = (value >> 32) & 0xffff;
		break;
	case VM_PSEUDO_VALUE:
		for (map = 0; map < checker->program->map_count; map++) {
			if (value - (unsigned long)checker->program->maps[map]->arena.start <
			    checker->program->maps[map]->arena.size) {
				set(dst, VM_KNOWN_VALUE, (u32)insn[1].imm);
				dst->map = map;
			}
		}
		break;
	case VM_PSEUDO_FUNC:
		set(dst, VM_KNOWN_FUNCTION, (u32)value);
		break;
	}
	return 0;
}

/* ---- memory ---- */

static int step_store(struct vm_checker *checker, const struct vm_insn *insn)
{
	int is_atomic = VM_MODE(insn->code) == VM_ATOMIC, is_load = is_atomic && insn->imm == VM_LOAD_ACQ;
	int err = is_load ? 0 : need(checker, insn->dst);

	if (!err && VM_CLASS(insn->code) == VM_STX)
		err = need(checker, insn->src);
	if (!err && is_atomic && insn->imm == VM_CMPXCHG)
		err = need(checker, 0);
	if (err)
		return err;
	if (is_load) {
		err = vm_check_access(checker, insn->src, insn->off, vm_insn_bytes(insn->code), 0);
		set(&checker->now.r[insn->dst], VM_KNOWN_NUMBER, 0);
		return err;
	}
	err = vm_check_access(checker, insn->dst, insn->off, vm_insn_bytes(insn->code), 1);
	if (is_atomic && insn->imm == VM_CMPXCHG)
		set(&checker->now.r[0], VM_KNOWN_NUMBER, 0);
	else if (is_atomic && insn->imm != VM_STORE_REL && (insn->imm & VM_FETCH))
		set(&checker->now.r[insn->src], VM_KNOWN_NUMBER, 0);
	return err;
}

static int step_load(struct vm_checker *checker, const struct vm_insn *insn)
{
	int err;

	if (VM_CLASS(insn->code) == VM_LDX) {
		err = need(checker, insn->src);
		err = err ? err : vm_check_load(checker, insn);
		vm_fold_load(checker, &checker->now.r[insn->dst]);
		return err;
	}
	if (insn->code == VM_LD_IMM64)
		return step_wide(checker, insn);
	err = need(checker, 6);
	if (!err && checker->now.r[6].known != VM_KNOWN_CONTEXT)
		err = vm_refuse(checker, -EINVAL, "packet loads need the context in r6");
	if (!err && VM_MODE(insn->code) == VM_IND)
		err = need(checker, insn->src);
	set(&checker->now.r[0], VM_KNOWN_NUMBER, 0);
	return err;
}

/* ---- jumps ---- */

/* 1: taken, 0: not taken, -1: who knows. */
static int decide(const struct vm_insn *insn, const struct vm_register *a, const struct vm_register *b)
{
	int wide = VM_CLASS(insn->code) == VM_JMP;
	s64 sx, sy;
	u64 x, y;

	if (a->known != VM_KNOWN_CONSTANT || b->known != VM_KNOWN_CONSTANT)
		return -1;
	sx = wide ? a->value : (s32)a->value;
	sy = wide ? b->value : (s32)b->value;
	x = wide ? (u64)sx : (u32)sx;
	y = wide ? (u64)sy : (u32)sy;
	switch (VM_OP(insn->code)) {
	case VM_JEQ:
		return x == y;
	case VM_JNE:
		return x != y;
	case VM_JGT:
		return x > y;
	case VM_JGE:
		return x >= y;
	case VM_JLT:
		return x < y;
	case VM_JLE:
		return x <= y;
	case VM_JSET:
		return (x & y) != 0;
	case VM_JSGT:
		return sx > sy;
	case VM_JSGE:
		return sx >= sy;
	case VM_JSLT:
		return sx < sy;
	case VM_JSLE:
		return sx <= sy;
	default:
		return -1;
	}
}

/* Returns 1 if the following instruction is reached too, 0 if not, or a refusal. */
static int step_jump(struct vm_checker *checker, const struct vm_insn *insn)
{
	struct vm_register operand;
	int taken = 1, err;

	if (VM_OP(insn->code) != VM_JA) {
		err = need(checker, insn->dst);
		if (!err && VM_SOURCE(insn->code) == VM_X)
			err = need(checker, insn->src);
		if (err)
			return err;
		set(&operand, VM_KNOWN_CONSTANT, insn->imm);
		if (VM_SOURCE(insn->code) == VM_X)
			operand = checker->now.r[insn->src];
		taken = decide(insn, &checker->now.r[insn->dst], &operand);
		vm_fold_jump(checker, taken);
	}
	if (taken)
		vm_check_reach(checker, vm_jump_target(insn, checker->pc), &checker->now);
	return taken != 1;
}

static int step_call(struct vm_checker *checker, const struct vm_insn *insn)
{
	u32 i;
	int err = 0;

	if (insn->src == VM_CALL_LOCAL)
		vm_check_enter(checker, checker->pc + 1 + insn->imm, &checker->now.r[1], 5);
	else
		err = vm_check_call(checker, insn);
	if (insn->src == VM_CALL_LOCAL)
		set(&checker->now.r[0], VM_KNOWN_NUMBER, 0);
	for (i = 1; i <= 5; i++)
		set(&checker->now.r[i], VM_KNOWN_NOTHING, 0);
	return err ? err : 1;
}

/* One instruction; returns as step_jump. */
static int step(struct vm_checker *checker)
{
	const struct vm_insn *insn = &checker->insns[checker->pc];
	int err;

	switch (VM_CLASS(insn->code)) {
	case VM_ALU:
	case VM_ALU64:
		err = step_alu(checker, insn);
		break;
	case VM_ST:
	case VM_STX:
		err = step_store(checker, insn);
		break;
	case VM_LD:
	case VM_LDX:
		err = step_load(checker, insn);
		break;
	default:
		if (insn->code == (VM_JMP | VM_CALL))
			return step_call(checker, insn);
		if (insn->code != (VM_JMP | VM_EXIT))
			return step_jump(checker, insn);
		/* What a subprogram leaves in r0 may be of no interest; what the program returns is. */
		return checker->function_of[checker->pc] ? 0 : need(checker, 0);
	}
	return err ? err : 1;
}

int vm_check_flow(struct vm_checker *checker)
{
	struct vm_register context;
	int more;

	set(&context, VM_KNOWN_CONTEXT, 0);
	vm_check_enter(checker, 0, &context, 1);
	while (checker->work_count) {
		checker->pc = checker->work[--checker->work_count];
		checker->queued[checker->state_of[checker->pc] - 1] = 0;
		checker->now = checker->states[checker->state_of[checker->pc] - 1];
		do {
			checker->findings[checker->pc].reached = 1;
			more = step(checker);
			if (more < 0)
				return more;
			checker->pc += checker->insns[checker->pc].code == VM_LD_IMM64 ? 2 : 1;
			if (more && checker->state_of[checker->pc]) {
				vm_check_reach(checker, checker->pc, &checker->now);
				more = 0;
			}
		} while (more);
	}
	return 0;
}
