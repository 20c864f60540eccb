// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random programs for compare.c. Valid by construction: registers r0 to r8 always hold numbers, r9 the context, jumps
 * go forward, loops count down from a constant, and a looked-up value is used behind a test for NULL.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "machine.h"

#define DATA	    64 /* bytes of stack that hold numbers: r10-64 to r10 */
#define KEY	    72 /* where keys and values for helpers are put together */
#define VALUE	    88
#define SUBPROGRAMS 2

struct generator {
	struct test_case *test;
	u64 state;
	u32 calls[64]; /* calls of subprograms, to be resolved */
	u32 call_count;
	int in_subprogram;
};

static u64 next(struct generator *g)
{
	u64 z = g->state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

static u32 below(struct generator *g, u32 bound)
{
	return next(g) % bound;
}

static void emit(struct generator *g, u8 code, int dst, int src, int off, s32 imm)
{
	if (g->test->insn_count < CASE_INSNS)
		g->test->insns[g->test->insn_count++] = (struct vm_insn){code, dst & 15, src & 15, off, imm};
}

/* Numbers near the edges are where things go wrong. */
static s32 immediate(struct generator *g)
{
	static const s32 edges[] = {0,	  1,	-1,	2,	7,	0x7f,	    0x80,
				    0xff, -128, 0x7fff, 0x8000, 0xffff, 0x7fffffff, -0x7fffffff - 1};

	return below(g, 2) ? edges[below(g, sizeof(edges) / sizeof(*edges))] : (s32)next(g);
}

static void wide(struct generator *g, int dst)
{
	u64 value = below(g, 3) ? next(g) : (u64)immediate(g) << below(g, 40);

	emit(g, VM_LD_IMM64, dst, 0, 0, (s32)value);
	emit(g, 0, 0, 0, 0, (s32)(value >> 32));
}

static int number_register(struct generator *g)
{
	return below(g, g->in_subprogram ? 6 : 9);
}

static void alu(struct generator *g)
{
	static const u8 ops[] = {VM_ADD, VM_SUB, VM_MUL, VM_DIV, VM_OR,	 VM_AND,  VM_LSH,
				 VM_RSH, VM_NEG, VM_MOD, VM_XOR, VM_MOV, VM_ARSH, VM_END};
	u8 op = ops[below(g, sizeof(ops))], class = below(g, 2) ? VM_ALU64 : VM_ALU;
	int dst = number_register(g), src = number_register(g), is_division = op == VM_DIV || op == VM_MOD;
	s32 imm = immediate(g);

	if (op == VM_NEG) {
		emit(g, class | op, dst, 0, 0, 0);
	} else if (op == VM_END) {
		emit(g, class | op | (class == VM_ALU && below(g, 2) ? VM_X : 0), dst, 0, 0, 16 << below(g, 3));
	} else if (op == VM_MOV && below(g, 2)) {
		emit(g, class | op | VM_X, dst, src, 8 << below(g, class == VM_ALU64 ? 3 : 2), 0);
	} else if (below(g, 2)) {
		emit(g, class | op | VM_X, dst, src, is_division && below(g, 2), 0);
	} else {
		if (op == VM_LSH || op == VM_RSH || op == VM_ARSH)
			imm = (u32)imm % (class == VM_ALU64 ? 64 : 32);
		if (is_division && !imm)
			imm = -1;
		emit(g, class | op | VM_K, dst, 0, is_division && below(g, 2), imm);
	}
}

static const u8 sizes[] = {VM_B, VM_H, VM_W, VM_DW};

/* An aligned place of `bytes` inside the `room` bytes from `start`. */
static int place(struct generator *g, int start, u32 room, u32 bytes)
{
	return start + (int)(below(g, room / bytes) * bytes);
}

static void memory(struct generator *g, int base, int start, u32 room)
{
	u8 size = sizes[below(g, 4)];
	u32 bytes = vm_insn_bytes(size);
	int off = place(g, start, room, bytes), reg = number_register(g);

	switch (below(g, 4)) {
	case 0:
		emit(g, VM_LDX | VM_MEM | size, reg, base, off, 0);
		break;
	case 1:
		emit(g, VM_LDX | (bytes < 8 ? VM_MEMSX : VM_MEM) | size, reg, base, off, 0);
		break;
	case 2:
		emit(g, VM_STX | VM_MEM | size, base, reg, off, 0);
		break;
	default:
		emit(g, VM_ST | VM_MEM | size, base, 0, off, immediate(g));
	}
}

/*
 * What is fetched from the stack is made unknown to the verifier first. Up to at least 6.18 it follows the
 * value of a spilled number through an atomic fetch, but not back ("bpf: Fix incorrect pruning due to atomic
 * fetch precision tracking"), and removes branches that are taken: seed 5 of an earlier generator had one.
 */
static void hide(struct generator *g, int reg, int off)
{
	emit(g, VM_LDX | VM_MEM | VM_DW, reg, 9, 8 * (int)below(g, 8), 0);
	emit(g, VM_STX | VM_MEM | VM_B, VM_REG_FP, reg, off, 0);
}

static void atomic(struct generator *g, int base, int start, u32 room)
{
	static const s32 kinds[] = {VM_ADD,
				    VM_OR,
				    VM_AND,
				    VM_XOR,
				    VM_ADD | VM_FETCH,
				    VM_OR | VM_FETCH,
				    VM_AND | VM_FETCH,
				    VM_XOR | VM_FETCH,
				    VM_XCHG,
				    VM_CMPXCHG};
	/* A looked-up value is in r0, which cmpxchg would use up. */
	s32 kind = kinds[below(g, base == 0 ? 9 : 10)];
	u8 size = below(g, 2) ? VM_DW : VM_W;
	int off = place(g, start, room, vm_insn_bytes(size)),
	    src = base == 0 ? 1 + (int)below(g, 8) : number_register(g);

	if (base == VM_REG_FP && (kind & VM_FETCH))
		hide(g, src, off);
	emit(g, VM_STX | VM_ATOMIC | size, base, src, off, kind);
	/*
	 * It clears the upper half of r0, whether equal or not, says instruction-set.rst. x86 does so only if
	 * they differ, and 6.18's verifier does not always add the move that is missing: seed 1 had one.
	 */
	if (kind == VM_CMPXCHG && size == VM_W)
		emit(g, VM_ALU | VM_MOV | VM_X, 0, 0, 0, 0);
}

static void acquire_release(struct generator *g)
{
	u8 size = sizes[below(g, 4)];
	int off = place(g, -DATA, DATA, vm_insn_bytes(size));

	if (below(g, 2))
		emit(g, VM_STX | VM_ATOMIC | size, number_register(g), VM_REG_FP, off, VM_LOAD_ACQ);
	else
		emit(g, VM_STX | VM_ATOMIC | size, VM_REG_FP, number_register(g), off, VM_STORE_REL);
}

/* After a call r1 to r5 are gone; they get numbers again. */
static void refill(struct generator *g)
{
	for (int reg = 1; reg <= 5; reg++) {
		if (below(g, 3) == 0)
			emit(g, VM_LDX | VM_MEM | VM_DW, reg, VM_REG_FP, -8 * (1 + (int)below(g, 8)), 0);
		else
			emit(g, VM_ALU64 | VM_MOV | VM_K, reg, 0, 0, immediate(g));
	}
}

static void put_key(struct generator *g, u32 range)
{
	int reg = 1 + below(g, 8);

	emit(g, VM_ALU64 | VM_MOV | VM_X, 0, reg, 0, 0);
	emit(g, VM_ALU64 | VM_AND | VM_K, 0, 0, 0, range - 1);
	emit(g, VM_STX | VM_MEM | VM_DW, VM_REG_FP, 0, -KEY, 0);
}

static void load_map(struct generator *g, u32 map)
{
	emit(g, VM_LD_IMM64, 1, VM_PSEUDO_FD, 0, map);
	emit(g, 0, 0, 0, 0, 0);
}

static void stack_address(struct generator *g, int reg, int off)
{
	emit(g, VM_ALU64 | VM_MOV | VM_X, reg, VM_REG_FP, 0, 0);
	emit(g, VM_ALU64 | VM_ADD | VM_K, reg, 0, 0, -off);
}

static void look_up(struct generator *g, u32 map)
{
	u32 jump, uses = 1 + below(g, 3);

	load_map(g, map);
	stack_address(g, 2, KEY);
	emit(g, VM_JMP | VM_CALL, 0, 0, 0, 1);
	refill(g);
	jump = g->test->insn_count;
	emit(g, VM_JMP | VM_JEQ | VM_K, 0, 0, 0, 0);
	while (uses--) {
		if (below(g, 3))
			emit(g, VM_STX | VM_MEM | VM_W, 0, 1 + below(g, 8),
			     place(g, 0, g->test->maps[map].value_size, 4), 0);
		else if (below(g, 2))
			atomic(g, 0, 0, g->test->maps[map].value_size);
		else
			emit(g, VM_LDX | VM_MEM | VM_DW, 1 + below(g, 8), 0,
			     place(g, 0, g->test->maps[map].value_size, 8), 0);
	}
	g->test->insns[jump].off = g->test->insn_count - jump - 1;
	emit(g, VM_ALU64 | VM_MOV | VM_K, 0, 0, 0, immediate(g));
}

static void put_value(struct generator *g)
{
	for (int word = 0; word < 2; word++)
		emit(g, VM_STX | VM_MEM | VM_DW, VM_REG_FP, 1 + below(g, 8), -VALUE + 8 * word, 0);
}

static void queue_operation(struct generator *g, u32 map)
{
	u32 kind = below(g, 3);

	put_value(g);
	load_map(g, map);
	stack_address(g, 2, VALUE);
	if (kind == 0)
		emit(g, VM_ALU64 | VM_MOV | VM_K, 3, 0, 0, below(g, 4));
	emit(g, VM_JMP | VM_CALL, 0, 0, 0, 87 + kind);
	refill(g);
	emit(g, VM_LDX | VM_MEM | VM_DW, 1 + below(g, 5), VM_REG_FP, -VALUE, 0);
}

static void map_operation(struct generator *g)
{
	u32 map = below(g, g->test->map_count), kind = below(g, 4);

	if (!g->test->maps[map].key_size) {
		queue_operation(g, map);
		return;
	}
	put_key(g, 8);
	if (kind < 2) {
		look_up(g, map);
		return;
	}
	put_value(g);
	load_map(g, map);
	stack_address(g, 2, KEY);
	if (kind == 2) {
		stack_address(g, 3, VALUE);
		emit(g, VM_ALU64 | VM_MOV | VM_K, 4, 0, 0, below(g, 4));
	}
	emit(g, VM_JMP | VM_CALL, 0, 0, 0, kind == 2 ? 2 : 3);
	refill(g);
}

static void statement(struct generator *g);

static void branch(struct generator *g)
{
	static const u8 conditions[] = {VM_JEQ,	 VM_JGT, VM_JGE, VM_JSET, VM_JNE, VM_JSGT,
					VM_JSGE, VM_JLT, VM_JLE, VM_JSLT, VM_JSLE};
	u8 class = below(g, 2) ? VM_JMP : VM_JMP32, op = conditions[below(g, sizeof(conditions))];
	u32 at = g->test->insn_count, inside = 1 + below(g, 4);
	int reg = number_register(g);

	if (below(g, 2))
		emit(g, class | op | VM_X, reg, number_register(g), 0, 0);
	else
		emit(g, class | op | VM_K, reg, 0, 0, immediate(g));
	while (inside--)
		alu(g);
	if (below(g, 3) == 0) { /* an else, so that the first part ends in a jump */
		u32 end = g->test->insn_count;

		emit(g, below(g, 2) ? VM_JMP | VM_JA : VM_JMP32 | VM_JA, 0, 0, 0, 0);
		g->test->insns[at].off = g->test->insn_count - at - 1;
		alu(g);
		alu(g);
		if (VM_CLASS(g->test->insns[end].code) == VM_JMP)
			g->test->insns[end].off = g->test->insn_count - end - 1;
		else
			g->test->insns[end].imm = g->test->insn_count - end - 1;
	} else {
		g->test->insns[at].off = g->test->insn_count - at - 1;
	}
}

/* Counts a stack slot down from a constant: the body may do with the registers what it likes. */
static void loop(struct generator *g)
{
	u32 start, inside = 1 + below(g, 3);
	int counter = number_register(g);

	emit(g, VM_ST | VM_MEM | VM_DW, VM_REG_FP, 0, -96, 1 + below(g, 4));
	start = g->test->insn_count;
	while (inside--)
		alu(g);
	emit(g, VM_LDX | VM_MEM | VM_DW, counter, VM_REG_FP, -96, 0);
	emit(g, VM_ALU64 | VM_SUB | VM_K, counter, 0, 0, 1);
	emit(g, VM_STX | VM_MEM | VM_DW, VM_REG_FP, counter, -96, 0);
	emit(g, VM_JMP | VM_JNE | VM_K, counter, 0, (int)start - (int)g->test->insn_count - 1, 0);
}

static void call(struct generator *g)
{
	if (g->call_count < 64)
		g->calls[g->call_count++] = g->test->insn_count;
	emit(g, VM_JMP | VM_CALL, 0, VM_CALL_LOCAL, 0, below(g, SUBPROGRAMS));
	refill(g);
}

static void statement(struct generator *g)
{
	u32 kind = below(g, 32);

	if (kind < 14)
		alu(g);
	else if (kind < 18)
		memory(g, VM_REG_FP, -DATA, DATA);
	else if (kind < 20)
		memory(g, 9, 0, 64);
	else if (kind < 22)
		atomic(g, VM_REG_FP, -DATA, DATA);
	else if (kind < 23)
		acquire_release(g);
	else if (kind < 26)
		branch(g);
	else if (kind < 27)
		wide(g, number_register(g));
	else if (kind < 28)
		loop(g);
	else if (kind < 29)
		call(g);
	else
		map_operation(g);
}

static void prologue(struct generator *g)
{
	emit(g, VM_ALU64 | VM_MOV | VM_X, 9, 1, 0, 0);
	for (int word = 0; word < DATA / 8; word++) {
		emit(g, VM_LDX | VM_MEM | VM_DW, 0, 9, word * 8, 0);
		emit(g, VM_STX | VM_MEM | VM_DW, VM_REG_FP, 0, -DATA + word * 8, 0);
	}
	emit(g, VM_STX | VM_MEM | VM_DW, VM_REG_FP, 0, -VALUE, 0);
	emit(g, VM_STX | VM_MEM | VM_DW, VM_REG_FP, 0, -VALUE + 8, 0);
	for (int reg = 0; reg < 9; reg++) {
		if (below(g, 2))
			emit(g, VM_LDX | VM_MEM | VM_DW, reg, 9, 8 * (int)below(g, 8), 0);
		else
			wide(g, reg);
	}
}

/* Everything that was computed ends up in the context. */
static void epilogue(struct generator *g)
{
	for (int reg = 0; reg < 9; reg++)
		emit(g, VM_STX | VM_MEM | VM_DW, 9, reg, 64 + reg * 8, 0);
	for (int word = 0; word < DATA / 8; word++) {
		emit(g, VM_LDX | VM_MEM | VM_DW, 1, VM_REG_FP, -DATA + word * 8, 0);
		emit(g, VM_STX | VM_MEM | VM_DW, 9, 1, 136 + word * 8, 0);
	}
	emit(g, VM_JMP | VM_EXIT, 0, 0, 0, 0);
}

static void subprograms(struct generator *g)
{
	u32 starts[SUBPROGRAMS], lines;

	g->in_subprogram = 1;
	for (u32 i = 0; i < SUBPROGRAMS && g->call_count; i++) {
		starts[i] = g->test->insn_count;
		emit(g, VM_ALU64 | VM_MOV | VM_K, 0, 0, 0, immediate(g));
		for (lines = 2 + below(g, 6); lines; lines--)
			below(g, 4) ? alu(g) : branch(g);
		emit(g, VM_JMP | VM_EXIT, 0, 0, 0, 0);
	}
	for (u32 i = 0; i < g->call_count; i++) {
		struct vm_insn *insn = &g->test->insns[g->calls[i]];

		insn->imm = (s32)starts[insn->imm] - (s32)g->calls[i] - 1;
	}
	/* A subprogram that nobody calls would be dead code to the kernel: call those once, before all else. */
}

static void maps(struct generator *g)
{
	static const u32 types[] = {VM_MAP_HASH,	VM_MAP_ARRAY, VM_MAP_PERCPU_ARRAY,
				    VM_MAP_PERCPU_HASH, VM_MAP_QUEUE, VM_MAP_STACK};
	u32 count = below(g, 3);

	for (u32 i = 0; i < count; i++) {
		u32 type = types[below(g, 6)], is_array = type == VM_MAP_ARRAY || type == VM_MAP_PERCPU_ARRAY;
		int is_queue = type == VM_MAP_QUEUE || type == VM_MAP_STACK;

		g->test->maps[i] = (struct case_map){.type = type,
						     .key_size = is_queue   ? 0
								 : is_array ? 4
									    : 8,
						     .value_size = 16,
						     .max_entries = 2 + below(g, 6),
						     .inner = -1};
	}
	g->test->map_count = count;
}

void random_case(struct test_case *test, u64 seed)
{
	struct generator g = {.test = test, .state = seed};
	u32 lines;

	memset(test, 0, sizeof(*test));
	snprintf(test->name, sizeof(test->name), "random %llu", seed);
	test->type = VM_PROGRAM_SYSCALL;
	test->context_size = 208;
	for (u32 i = 0; i < 64; i += 8) {
		u64 value = below(&g, 3) ? next(&g) : (u64)(s64)immediate(&g);

		memcpy(test->context + i, &value, 8);
	}
	maps(&g);
	if (!test->map_count) { /* statement() draws from the maps: there is always one */
		test->maps[0] = (struct case_map){
			.type = VM_MAP_ARRAY, .key_size = 4, .value_size = 16, .max_entries = 4, .inner = -1};
		test->map_count = 1;
	}
	prologue(&g);
	for (u32 i = 0; i < SUBPROGRAMS; i++) {
		g.calls[g.call_count++] = test->insn_count;
		emit(&g, VM_JMP | VM_CALL, 0, VM_CALL_LOCAL, 0, i);
		refill(&g);
	}
	for (lines = 4 + below(&g, 40); lines; lines--)
		statement(&g);
	epilogue(&g);
	subprograms(&g);
}
