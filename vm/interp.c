// SPDX-License-Identifier: GPL-2.0-only
/*
 * The dispatch: every decoded instruction ends by jumping to the next one's code (threaded dispatch),
 * so that the processor predicts each of these jumps on its own.
 *
 * Nothing here trusts check.c. Register numbers fit the array, jumps were bounded by decode.c, and each
 * load and store is looked at (internal.h, vm_may_load). Backward jumps and calls pay for what they
 * repeat out of the budget, so a run looks at no more instructions than that plus one pass.
 *
 * Build with -fno-gcse, or gcc folds all the jumps into one.
 */
#include "internal.h"

#define DST r[op->dst]
#define SRC r[op->src]

#define NEXT                                                                                                           \
	do {                                                                                                           \
		op++;                                                                                                  \
		goto * op->go;                                                                                         \
	} while (0)

/* A taken jump: backwards it costs as many instructions as it goes back. */
#define JUMP_BY(by)                                                                                                    \
	do {                                                                                                           \
		s32 distance = (by);                                                                                   \
		if (distance < 0 && (budget += distance) < 0)                                                          \
			goto over_budget;                                                                              \
		op += distance;                                                                                        \
		NEXT;                                                                                                  \
	} while (0)
#define JUMP JUMP_BY(op->off)

/* One ALU operation in its four forms; `a` and `b` have the operation's width. */
#define ALU(name, expression)                                                                                          \
	do_##name##_64X:                                                                                               \
	{                                                                                                              \
		u64 a = DST, b = SRC;                                                                                  \
		(void)a;                                                                                               \
		DST = (expression);                                                                                    \
		NEXT;                                                                                                  \
	}                                                                                                              \
	do_##name##_64K:                                                                                               \
	{                                                                                                              \
		u64 a = DST, b = (u64)(s64)op->imm;                                                                    \
		(void)a;                                                                                               \
		DST = (expression);                                                                                    \
		NEXT;                                                                                                  \
	}                                                                                                              \
	do_##name##_32X:                                                                                               \
	{                                                                                                              \
		u32 a = (u32)DST, b = (u32)SRC;                                                                        \
		(void)a;                                                                                               \
		DST = (u32)(expression);                                                                               \
		NEXT;                                                                                                  \
	}                                                                                                              \
	do_##name##_32K:                                                                                               \
	{                                                                                                              \
		u32 a = (u32)DST, b = (u32)op->imm;                                                                    \
		(void)a;                                                                                               \
		DST = (u32)(expression);                                                                               \
		NEXT;                                                                                                  \
	}

/* A conditional jump in its four forms, on unsigned operands and on signed ones. */
#define COMPARE_AS(name, wide, narrow, condition)                                                                      \
	do_##name##_64X:                                                                                               \
	{                                                                                                              \
		wide a = (wide)DST, b = (wide)SRC;                                                                     \
		if (condition)                                                                                         \
			JUMP;                                                                                          \
		NEXT;                                                                                                  \
	}                                                                                                              \
	do_##name##_64K:                                                                                               \
	{                                                                                                              \
		wide a = (wide)DST, b = (wide)(s64)op->imm;                                                            \
		if (condition)                                                                                         \
			JUMP;                                                                                          \
		NEXT;                                                                                                  \
	}                                                                                                              \
	do_##name##_32X:                                                                                               \
	{                                                                                                              \
		narrow a = (narrow)DST, b = (narrow)SRC;                                                               \
		if (condition)                                                                                         \
			JUMP;                                                                                          \
		NEXT;                                                                                                  \
	}                                                                                                              \
	do_##name##_32K:                                                                                               \
	{                                                                                                              \
		narrow a = (narrow)DST, b = (narrow)op->imm;                                                           \
		if (condition)                                                                                         \
			JUMP;                                                                                          \
		NEXT;                                                                                                  \
	}
#define COMPARE(name, condition)	COMPARE_AS(name, u64, u32, condition)
#define COMPARE_SIGNED(name, condition) COMPARE_AS(name, s64, s32, condition)

/* Loads and stores of one size. Programs may be packed tightly: nothing is assumed to be aligned. */
#define AT(type, address) (((struct packed_##type *)(unsigned long)(address))->value)
#define MEMORY(size, type, signed_type)                                                                                \
	do_LDX_##size:                                                                                                 \
	{                                                                                                              \
		u64 address = SRC + (s64)op->off;                                                                      \
		DST = vm_may_load(machine, address, sizeof(type)) ? AT(type, address)                                  \
								  : vm_load_slow(machine, address, sizeof(type));      \
		NEXT;                                                                                                  \
	}                                                                                                              \
	do_LDXS_##size:                                                                                                \
	{                                                                                                              \
		u64 address = SRC + (s64)op->off;                                                                      \
		DST = (u64)(s64)(signed_type)(vm_may_load(machine, address, sizeof(type))                              \
						      ? AT(type, address)                                              \
						      : vm_load_slow(machine, address, sizeof(type)));                 \
		NEXT;                                                                                                  \
	}                                                                                                              \
	do_ST_##size:                                                                                                  \
	{                                                                                                              \
		u64 address = DST + (s64)op->off;                                                                      \
		if (!vm_may_store(machine, address, sizeof(type)) && !vm_store_slow(machine, address, sizeof(type)))   \
			goto failed;                                                                                   \
		AT(type, address) = (type)(s64)op->imm;                                                                \
		NEXT;                                                                                                  \
	}                                                                                                              \
	do_STX_##size:                                                                                                 \
	{                                                                                                              \
		u64 address = DST + (s64)op->off;                                                                      \
		if (!vm_may_store(machine, address, sizeof(type)) && !vm_store_slow(machine, address, sizeof(type)))   \
			goto failed;                                                                                   \
		AT(type, address) = (type)SRC;                                                                         \
		NEXT;                                                                                                  \
	}                                                                                                              \
	do_ATOMIC_##size:                                                                                              \
	{                                                                                                              \
		if (vm_atomic(machine, op, sizeof(type), r))                                                           \
			goto failed;                                                                                   \
		NEXT;                                                                                                  \
	}                                                                                                              \
	/* Relative to r10, inside the frame: decode.c saw both, and that nothing writes r10. */                       \
	do_LDX_STACK_##size:                                                                                           \
	{                                                                                                              \
		DST = AT(type, frame + op->off);                                                                       \
		NEXT;                                                                                                  \
	}                                                                                                              \
	do_ST_STACK_##size:                                                                                            \
	{                                                                                                              \
		AT(type, frame + op->off) = (type)(s64)op->imm;                                                        \
		NEXT;                                                                                                  \
	}                                                                                                              \
	do_STX_STACK_##size:                                                                                           \
	{                                                                                                              \
		AT(type, frame + op->off) = (type)SRC;                                                                 \
		NEXT;                                                                                                  \
	}

#define PACKED(type)                                                                                                   \
	struct packed_##type {                                                                                         \
		type value;                                                                                            \
	} __attribute__((packed, may_alias))
PACKED(u8);
PACKED(u16);
PACKED(u32);
PACKED(u64);

#define BITS	     (sizeof(a) * 8 - 1)
#define AS_SIGNED(x) (sizeof(x) == 8 ? (s64)(x) : (s64)(s32)(x))

/* The most negative number by -1 overflows: it stays what it is, as on every other processor than x86. */
static u64 divide_signed(s64 a, s64 b)
{
	if (b == -1)
		return 0 - (u64)a;
	return b ? a / b : 0;
}

static u64 modulo_signed(s64 a, s64 b)
{
	if (b == -1)
		return 0;
	return b ? a % b : a;
}

/* Replaces the program by the one in slot `index` of the map, as bpf_tail_call; else returns NULL. */
static const struct vm_op *tail_call(struct vm_machine *machine, u64 handle, u32 index)
{
	struct vm_map *map = vm_map_by_handle(machine, handle);
	const struct vm_program *program;

	if (!map || map->attr.type != VM_MAP_PROG_ARRAY) {
		vm_error(machine, VM_ERROR_ARGUMENT, 2);
		return NULL;
	}
	if (machine->tail_calls >= VM_MAX_TAIL_CALLS)
		return NULL;
	program = map->ops->object_at(map, index);
	if (!program || program->type != machine->program->type)
		return NULL;
	machine->tail_calls++;
	machine->program = program;
	vm_window_forget(machine);
	vm_frame_clear(machine, program->stack_used);
	return program->ops;
}

/* Enters a subprogram: remembers where to go on and what the caller keeps. -1 if too deep. */
static int frame_push(struct vm_machine *machine, const struct vm_op *back, const u64 *r)
{
	if (machine->depth + 1 >= VM_FRAMES) {
		vm_error(machine, VM_ERROR_DEPTH, 0);
		return -1;
	}
	machine->frames[machine->depth].program = machine->program;
	machine->frames[machine->depth].back = back;
	port_memcpy(machine->frames[machine->depth].saved, r + 6, sizeof(machine->frames[0].saved));
	machine->depth++;
	vm_frame_clear(machine, machine->program->stack_used);
	return 0;
}

static const struct vm_op *frame_pop(struct vm_machine *machine, u64 *r)
{
	machine->depth--;
	port_memcpy(r + 6, machine->frames[machine->depth].saved, sizeof(machine->frames[0].saved));
	if (machine->program != machine->frames[machine->depth].program) {
		machine->program = machine->frames[machine->depth].program;
		vm_window_forget(machine);
	}
	return machine->frames[machine->depth].back;
}

static __attribute__((__noinline__)) int run(struct vm_machine *machine, const struct vm_op *op, const u64 *args,
					     u64 *result, const void *const **places_out)
{
	static const void *const places[OP_COUNT] = {
#define PLACE(name) [OP_##name] = &&do_##name,
#define OP(name)    PLACE(name)
		VM_SINGLE_OPS(OP)
#undef OP
#define OP(name) PLACE(name##_64X) PLACE(name##_64K) PLACE(name##_32X) PLACE(name##_32K)
			VM_ALU_OPS(OP) VM_JUMP_OPS(OP)
#undef OP
#define OP(name) PLACE(name##_W) PLACE(name##_H) PLACE(name##_B) PLACE(name##_DW)
				VM_MEMORY_OPS(OP)
#undef OP
	};
	/* 4 bits name one: the array has all that can be named, though decode.c lets none above r10 through. */
	u64 r[16] PORT_UNINITIALIZED;
	const u32 depth = machine ? machine->depth : 0;
	s64 budget;
	char *frame;

	if (places_out) {
		*places_out = places;
		return 0;
	}
	port_memcpy(r + 1, args, 5 * sizeof(*args));
	r[0] = r[6] = r[7] = r[8] = r[9] = 0;
	budget = machine->budget_left;
	frame = vm_frame_top(machine);
	r[VM_REG_FP] = (unsigned long)frame;
	op--;
	NEXT;

	ALU(ADD, a + b)
	ALU(SUB, a - b)
	ALU(MUL, a * b)
	ALU(DIV, b ? a / b : 0)
	ALU(SDIV, divide_signed(AS_SIGNED(a), AS_SIGNED(b)))
	ALU(OR, a | b)
	ALU(AND, a & b)
	ALU(LSH, a << (b & BITS))
	ALU(RSH, a >> (b & BITS))
	ALU(MOD, b ? a % b : a)
	ALU(SMOD, modulo_signed(AS_SIGNED(a), AS_SIGNED(b)))
	ALU(XOR, a ^ b)
	ALU(MOV, b)
	ALU(ARSH, (u64)(AS_SIGNED(a) >> (b & BITS)))

	COMPARE(JEQ, a == b)
	COMPARE(JGT, a > b)
	COMPARE(JGE, a >= b)
	COMPARE(JSET, a & b)
	COMPARE(JNE, a != b)
	COMPARE(JLT, a < b)
	COMPARE(JLE, a <= b)
	COMPARE_SIGNED(JSGT, a > b)
	COMPARE_SIGNED(JSGE, a >= b)
	COMPARE_SIGNED(JSLT, a < b)
	COMPARE_SIGNED(JSLE, a <= b)

	MEMORY(B, u8, s8)
	MEMORY(H, u16, s16)
	MEMORY(W, u32, s32)
	MEMORY(DW, u64, s64)

do_NEG64:
	DST = 0 - DST;
	NEXT;
do_NEG32:
	DST = (u32)(0 - (u32)DST);
	NEXT;
do_SWAP16:
	DST = (u16)(DST << 8 | (u16)DST >> 8);
	NEXT;
do_SWAP32:
	DST = __builtin_bswap32((u32)DST);
	NEXT;
do_SWAP64:
	DST = __builtin_bswap64(DST);
	NEXT;
do_LOW16:
	DST = (u16)DST;
	NEXT;
do_LOW32:
	DST = (u32)DST;
	NEXT;
do_SX8_64:
	DST = (u64)(s64)(s8)SRC;
	NEXT;
do_SX16_64:
	DST = (u64)(s64)(s16)SRC;
	NEXT;
do_SX32_64:
	DST = (u64)(s64)(s32)SRC;
	NEXT;
do_SX8_32:
	DST = (u32)(s32)(s8)SRC;
	NEXT;
do_SX16_32:
	DST = (u32)(s32)(s16)SRC;
	NEXT;
do_SUM: /* pack.c makes it */
	DST = SRC + (u64)(s64)op->imm;
	NEXT;
do_NOP:
	NEXT;
do_WIDE:
	DST = (u32)op[0].imm | (u64)(u32)op[1].imm << 32;
	op++; /* over its second half */
	NEXT;
do_JA:
	JUMP;
do_JA_LONG:
	JUMP_BY(op->imm);
do_PACKET:
	/* A load beyond the packet ends the program with 0: that is how classic filters end. */
	if (vm_packet_load(machine, (s64)op->imm + (op->dst ? r[op->src] : 0), op->off, &r[0])) {
		r[0] = 0;
		goto do_EXIT;
	}
	NEXT;
do_CALL:
	machine->budget_left = budget;
	r[0] = vm_helpers[op->imm].call(machine, r[1], r[2], r[3], r[4], r[5]);
	budget = machine->budget_left;
	if (port_unlikely(machine->error.kind))
		goto failed;
	NEXT;
do_TAIL_CALL : {
	const struct vm_op *to = tail_call(machine, r[2], (u32)r[3]);

	if (machine->error.kind)
		goto failed;
	if (to) {
		/* What the new program does not get, it does not see. */
		port_memset(r + 2, 0, 8 * sizeof(*r));
		r[0] = 0;
		budget -= VM_STACK_SIZE;
		if (budget < 0)
			goto over_budget;
		op = to - 1;
	} else {
		r[0] = (u64)-EINVAL;
	}
	NEXT;
}
do_CALL_LOCAL:
	/* The callee runs at most once through the program before it pays for a jump back. */
	budget -= machine->program->insn_count;
	if (budget < 0)
		goto over_budget;
	if (frame_push(machine, op, r))
		goto failed;
	frame = vm_frame_top(machine);
	r[VM_REG_FP] = (unsigned long)frame;
	op += op->imm;
	NEXT;
do_EXIT:
	if (machine->depth == depth) {
		machine->budget_left = budget;
		*result = r[0];
		return 0;
	}
	op = frame_pop(machine, r);
	frame = vm_frame_top(machine);
	r[VM_REG_FP] = (unsigned long)frame;
	NEXT;

do_TRAP:
	vm_error(machine, VM_ERROR_INSTRUCTION, 0);
	goto failed;
over_budget:
	vm_error(machine, VM_ERROR_BUDGET, 0);
failed:
	/* The innermost run of a nest of callbacks saw it first. */
	if (machine->error.insn == ~0U)
		machine->error.insn = machine->program->insn_of ? machine->program->insn_of[op - machine->program->ops]
								: op - machine->program->ops;
	return -EFAULT;
}

PORT_UNFOLLOWED(run);

int vm_interpret(struct vm_machine *machine, const struct vm_op *op, const u64 *args, u64 *result)
{
	return run(machine, op, args, result, NULL);
}

const void *const *vm_op_places(void)
{
	const void *const *places;

	run(NULL, NULL, NULL, NULL, &places);
	return places;
}

int vm_call_back(struct vm_machine *machine, u64 function, const u64 *args, u64 *result)
{
	const struct vm_program *program = machine->program;
	u32 depth = machine->depth;
	int err;

	if (function >> 48 != VM_HANDLE_FUNCTION || (u32)function >= program->insn_count) {
		vm_error(machine, VM_ERROR_ARGUMENT, 2); /* of bpf_loop and bpf_for_each_map_elem */
		return -EFAULT;
	}
	machine->budget_left -= VM_FRAMES;
	if (machine->budget_left < 0) {
		vm_error(machine, VM_ERROR_BUDGET, 0);
		return -EFAULT;
	}
	if (depth + 1 >= VM_FRAMES) {
		vm_error(machine, VM_ERROR_DEPTH, 0);
		return -EFAULT;
	}
	machine->depth++;
	vm_frame_clear(machine, program->stack_used);
	err = vm_interpret(machine, program->ops + (u32)function, args, result);
	machine->depth = depth;
	/* A callback may end in a tail call only if the program was never checked. */
	machine->program = program;
	return err;
}
