// SPDX-License-Identifier: GPL-2.0-only
/* Assembler for test programs: what vm/disasm.c writes, plus labels and helpers by name. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "machine.h"
#include "vm/disasm.h"

struct assembler {
	struct vm_insn *insns;
	u32 max, count;
	struct {
		char name[32];
		u32 at;
	} labels[128], uses[256];
	u32 label_count, use_count;
};

static int size_code(const char *name)
{
	return !strcmp(name, "8") ? VM_B : !strcmp(name, "16") ? VM_H : !strcmp(name, "32") ? VM_W : VM_DW;
}

static struct vm_insn *emit(struct assembler *a, u8 code, int dst, int src, int off, long long imm)
{
	struct vm_insn *insn = &a->insns[a->count++];

	*insn = (struct vm_insn){code, dst & 15, src & 15, off, (s32)imm};
	return insn;
}

static void use_label(struct assembler *a, const char *name)
{
	if (name[0] == 'p' && name[1] == 'c' && (name[2] == '+' || name[2] == '-')) {
		struct vm_insn *insn = &a->insns[a->count - 1];
		int distance = atoi(name + 2), is_long = insn->code == (VM_JMP32 | VM_JA) ||
							 insn->code == (VM_JMP | VM_CALL) || insn->code == VM_LD_IMM64;

		*(is_long ? &insn->imm : &(s32){0}) = distance;
		if (!is_long)
			insn->off = distance;
		return;
	}
	snprintf(a->uses[a->use_count].name, 32, "%s", name);
	a->uses[a->use_count++].at = a->count - 1;
}

static int operator_code(const char *op)
{
	static const struct {
		const char *text;
		int code;
	} ops[] = {{"+=", VM_ADD}, {"-=", VM_SUB},    {"*=", VM_MUL},	       {"/=", VM_DIV},	       {"|=", VM_OR},
		   {"&=", VM_AND}, {"<<=", VM_LSH},   {">>=", VM_RSH},	       {"%=", VM_MOD},	       {"^=", VM_XOR},
		   {"=", VM_MOV},  {"s>>=", VM_ARSH}, {"s/=", VM_DIV | 0x100}, {"s%=", VM_MOD | 0x100}};

	for (u32 i = 0; i < sizeof(ops) / sizeof(*ops); i++)
		if (!strcmp(op, ops[i].text))
			return ops[i].code;
	return -1;
}

static int condition_code(const char *op)
{
	static const struct {
		const char *text;
		int code;
	} ops[] = {{"==", VM_JEQ},   {">", VM_JGT}, {">=", VM_JGE}, {"&", VM_JSET},  {"!=", VM_JNE},  {"s>", VM_JSGT},
		   {"s>=", VM_JSGE}, {"<", VM_JLT}, {"<=", VM_JLE}, {"s<", VM_JSLT}, {"s<=", VM_JSLE}};

	for (u32 i = 0; i < sizeof(ops) / sizeof(*ops); i++)
		if (!strcmp(op, ops[i].text))
			return ops[i].code;
	return -1;
}

/* rN or wN; -1 if it is neither. */
static int register_number(const char *text, char letter)
{
	char *end;
	long number;

	if (text[0] != letter)
		return -1;
	number = strtol(text + 1, &end, 10);
	return end == text + 1 || *end ? -1 : (int)number;
}

static int helper_number(const char *name)
{
	const char *hash = strchr(name, '#');

	if (hash)
		return atoi(hash + 1);
	for (int id = 1; id < 220; id++) {
		const char *known = vm_helper_name(id);

		if (known && !strcmp(known, strncmp(name, "bpf_", 4) ? name : name + 4))
			return id;
	}
	return !strncmp(name, "0x", 2) || (name[0] >= '0' && name[0] <= '9') ? (int)strtol(name, NULL, 0) : -1;
}

static int wide(struct assembler *a, int dst, const char *rest)
{
	unsigned long long value;
	char label[32];
	int map, off, used = 0;

	if (sscanf(rest, "map[%d]%n", &map, &used) == 1 && !rest[used])
		emit(a, VM_LD_IMM64, dst, VM_PSEUDO_FD, 0, map), emit(a, 0, 0, 0, 0, 0);
	else if (sscanf(rest, "map[fd:%d][0]+%d%n", &map, &off, &used) == 2 && !rest[used])
		emit(a, VM_LD_IMM64, dst, VM_PSEUDO_VALUE, 0, map), emit(a, 0, 0, 0, 0, off);
	else if (sscanf(rest, "map[fd:%d]%n", &map, &used) == 1 && !rest[used])
		emit(a, VM_LD_IMM64, dst, VM_PSEUDO_FD, 0, map), emit(a, 0, 0, 0, 0, 0);
	else if (sscanf(rest, "value[%d]%d%n", &map, &off, &used) == 2 && !rest[used])
		emit(a, VM_LD_IMM64, dst, VM_PSEUDO_VALUE, 0, map), emit(a, 0, 0, 0, 0, off);
	else if (sscanf(rest, "func[%31[^]]]%n", label, &used) == 1 && !rest[used])
		emit(a, VM_LD_IMM64, dst, VM_PSEUDO_FUNC, 0, 0), use_label(a, label), emit(a, 0, 0, 0, 0, 0);
	else if (sscanf(rest, "%lli ll%n", (long long *)&value, &used) == 1 && !rest[used] && strstr(rest, "ll")) {
		value = strtoull(rest, NULL, 0);
		if (rest[0] == '-')
			value = (unsigned long long)strtoll(rest, NULL, 0);
		emit(a, VM_LD_IMM64, dst, 0, 0, (s32)value), emit(a, 0, 0, 0, 0, (s32)(value >> 32));
	} else
		return -1;
	return 0;
}

static int atomic(struct assembler *a, int dst, const char *rest)
{
	static const char *const fetches[] = {"add", "or", "and", "xor"};
	static const int codes[] = {VM_ADD, VM_OR, VM_AND, VM_XOR};
	char verb[24], size[4];
	int base, off, src, used = 0;

	if (sscanf(rest, "load_acquire((u%3[0-9] *)(r%d %d))%n", size, &src, &off, &used) == 3 && !rest[used])
		return emit(a, VM_STX | VM_ATOMIC | size_code(size), dst, src, off, VM_LOAD_ACQ), 0;
	if ((sscanf(rest, "atomic64_cmpxchg((u%3[0-9] *)(r%d %d), r0, r%d)%n", size, &base, &off, &src, &used) == 4 ||
	     sscanf(rest, "atomic_cmpxchg((u%3[0-9] *)(r%d %d), r0, r%d)%n", size, &base, &off, &src, &used) == 4) &&
	    !rest[used])
		return emit(a, VM_STX | VM_ATOMIC | size_code(size), base, src, off, VM_CMPXCHG), 0;
	if ((sscanf(rest, "atomic64_%23[a-z_]((u%3[0-9] *)(r%d %d), r%d)%n", verb, size, &base, &off, &src, &used) !=
		     5 &&
	     sscanf(rest, "atomic_%23[a-z_]((u%3[0-9] *)(r%d %d), r%d)%n", verb, size, &base, &off, &src, &used) !=
		     5) ||
	    rest[used] || src != dst)
		return -1;
	if (!strcmp(verb, "xchg"))
		return emit(a, VM_STX | VM_ATOMIC | size_code(size), base, src, off, VM_XCHG), 0;
	for (int i = 0; i < 4; i++)
		if (!strncmp(verb, "fetch_", 6) && !strcmp(verb + 6, fetches[i]))
			return emit(a, VM_STX | VM_ATOMIC | size_code(size), base, src, off, codes[i] | VM_FETCH), 0;
	return -1;
}

static int load(struct assembler *a, int dst, const char *rest)
{
	char sign, size[4];
	int src, off, used = 0;

	if (sscanf(rest, "*(%c%3[0-9] *)(r%d %d)%n", &sign, size, &src, &off, &used) == 4 && !rest[used])
		return emit(a, VM_LDX | (sign == 's' ? VM_MEMSX : VM_MEM) | size_code(size), dst, src, off, 0), 0;
	if (sscanf(rest, "*(u%3[0-9] *)skb[%d]%n", size, &off, &used) == 2 && !rest[used])
		return emit(a, VM_LD | VM_ABS | size_code(size), 0, 0, 0, off), 0;
	if (sscanf(rest, "*(u%3[0-9] *)skb[r%d%d]%n", size, &src, &off, &used) == 3 && !rest[used])
		return emit(a, VM_LD | VM_IND | size_code(size), 0, src, 0, off), 0;
	return -1;
}

/* What is assigned is neither a register nor a number. */
static int assign(struct assembler *a, int class, char letter, int dst, const char *rest)
{
	char name[16], other;
	int bits, src, used = 0;

	if (!load(a, dst, rest) || !wide(a, dst, rest) || !atomic(a, dst, rest))
		return 0;
	if (sscanf(rest, "-%c%d%n", &other, &src, &used) == 2 && !rest[used] && other == letter && src == dst)
		return emit(a, class | VM_NEG, dst, 0, 0, 0), 0;
	if (sscanf(rest, "(s%d)%c%d%n", &bits, &other, &src, &used) == 3 && !rest[used])
		return emit(a, class | VM_MOV | VM_X, dst, src, bits, 0), 0;
	if (sscanf(rest, "%15[a-z]%d r%d%n", name, &bits, &src, &used) == 3 && !rest[used] && src == dst) {
		int is_swap = !strcmp(name, "bswap");

		return emit(a, (is_swap ? VM_ALU64 : VM_ALU) | VM_END | (strcmp(name, "be") ? 0 : VM_X), dst, 0, 0,
			    bits),
		       0;
	}
	return -1;
}

static int arithmetic(struct assembler *a, const char *line)
{
	char target[8], op[8], *end;
	int used = 0, code, dst, src, class;
	char letter = line[0];
	const char *rest;
	long long imm;

	if (sscanf(line, "%7s %7s %n", target, op, &used) != 2 || !used)
		return -1;
	rest = line + used;
	dst = register_number(target, letter);
	code = operator_code(op);
	if (dst < 0 || code < 0)
		return -1;
	class = letter == 'w' ? VM_ALU : VM_ALU64;
	src = register_number(rest, letter);
	if (src >= 0)
		return emit(a, class | (code & 0xff) | VM_X, dst, src, code >> 8, 0), 0;
	imm = strtoll(rest, &end, 0);
	if (end != rest && !*end)
		return emit(a, class | (code & 0xff) | VM_K, dst, 0, code >> 8, imm), 0;
	return code == VM_MOV ? assign(a, class, letter, dst, rest) : -1;
}

static int jump(struct assembler *a, const char *line)
{
	char left[8], op[8], right[24], label[32], *end;
	int dst, src, code, class;
	long long imm;

	if (!strncmp(line, "goto ", 5))
		return emit(a, VM_JMP | VM_JA, 0, 0, 0, 0), use_label(a, line + 5), 0;
	if (!strncmp(line, "gotol ", 6))
		return emit(a, VM_JMP32 | VM_JA, 0, 0, 0, 0), use_label(a, line + 6), 0;
	if (sscanf(line, "if %7s %7s %23s goto %31s", left, op, right, label) != 4)
		return -1;
	dst = register_number(left, left[0]);
	code = condition_code(op);
	class = left[0] == 'w' ? VM_JMP32 : VM_JMP;
	if (dst < 0 || code < 0)
		return -1;
	src = register_number(right, left[0]);
	imm = strtoll(right, &end, 0);
	if (src >= 0)
		emit(a, class | code | VM_X, dst, src, 0, 0);
	else if (!*end)
		emit(a, class | code | VM_K, dst, 0, 0, imm);
	else
		return -1;
	return use_label(a, label), 0;
}

static int store(struct assembler *a, const char *line)
{
	char size[4], value[24], op[8], *end;
	int dst, off, src, code, used = 0;
	long long imm;

	if (sscanf(line, "store_release((u%3[0-9] *)(r%d %d), r%d)%n", size, &dst, &off, &src, &used) == 4 &&
	    !line[used])
		return emit(a, VM_STX | VM_ATOMIC | size_code(size), dst, src, off, VM_STORE_REL), 0;
	if (sscanf(line, "lock *(u%3[0-9] *)(r%d %d) %7s r%d", size, &dst, &off, op, &src) == 5) {
		code = operator_code(op);
		return emit(a, VM_STX | VM_ATOMIC | size_code(size), dst, src, off, code), code < 0 ? -1 : 0;
	}
	if (sscanf(line, "*(u%3[0-9] *)(r%d %d) = %23s", size, &dst, &off, value) != 4)
		return -1;
	src = register_number(value, 'r');
	if (src >= 0)
		return emit(a, VM_STX | VM_MEM | size_code(size), dst, src, off, 0), 0;
	imm = strtoll(value, &end, 0);
	return *end ? -1 : (emit(a, VM_ST | VM_MEM | size_code(size), dst, 0, off, imm), 0);
}

static int statement(struct assembler *a, const char *line)
{
	unsigned code, dst, src;
	int off, imm, id;

	if (sscanf(line, "raw %x %u %u %d %d", &code, &dst, &src, &off, &imm) == 5)
		return emit(a, code, dst, src, off, imm), 0;
	if (!strcmp(line, "exit"))
		return emit(a, VM_JMP | VM_EXIT, 0, 0, 0, 0), 0;
	if (!strcmp(line, "call unresolved CO-RE relocation"))
		return emit(a, VM_JMP | VM_CALL, 0, 0, 0, VM_CORE_UNRESOLVED), 0;
	if (sscanf(line, "call kernel function #%d", &id) == 1)
		return emit(a, VM_JMP | VM_CALL, 0, VM_CALL_KFUNC, 0, id), 0;
	if (!strncmp(line, "call ", 5)) {
		id = helper_number(line + 5);
		if (id >= 0)
			return emit(a, VM_JMP | VM_CALL, 0, VM_CALL_HELPER, 0, id), 0;
		return emit(a, VM_JMP | VM_CALL, 0, VM_CALL_LOCAL, 0, 0), use_label(a, line + 5), 0;
	}
	if (line[0] == '*' || line[0] == 'l' || line[0] == 's')
		return store(a, line);
	if (line[0] == 'i' || line[0] == 'g')
		return jump(a, line);
	return arithmetic(a, line);
}

static int resolve_labels(struct assembler *a, char *error, u32 error_size)
{
	for (u32 i = 0; i < a->use_count; i++) {
		struct vm_insn *insn = &a->insns[a->uses[i].at];
		u32 label = 0;
		int distance;

		while (label < a->label_count && strcmp(a->labels[label].name, a->uses[i].name))
			label++;
		if (label == a->label_count)
			return snprintf(error, error_size, "no label %s", a->uses[i].name), -1;
		distance = (int)a->labels[label].at - (int)a->uses[i].at - 1;
		if (insn->code == (VM_JMP32 | VM_JA) || insn->code == (VM_JMP | VM_CALL) || insn->code == VM_LD_IMM64)
			insn->imm = distance;
		else
			insn->off = distance;
	}
	return 0;
}

int assemble(const char *text, struct vm_insn *insns, u32 max, u32 *count, char *error, u32 error_size)
{
	static struct assembler a;
	char line[128];
	u32 length;

	memset(&a, 0, sizeof(a));
	a.insns = insns;
	a.max = max;
	while (*text) {
		length = strcspn(text, "\n;");
		snprintf(line, sizeof(line), "%.*s", (int)length, text + strspn(text, " \t"));
		line[strcspn(line, "\n;")] = '\0';
		text += length + (text[length] != '\0');
		for (length = strlen(line); length && (line[length - 1] == ' ' || line[length - 1] == '\t');)
			line[--length] = '\0';
		if (!length)
			continue;
		if (a.count + 2 >= a.max)
			return snprintf(error, error_size, "too many instructions"), -1;
		if (line[length - 1] == ':') {
			line[length - 1] = '\0';
			snprintf(a.labels[a.label_count].name, 32, "%.31s", line);
			a.labels[a.label_count++].at = a.count;
		} else if (statement(&a, line)) {
			return snprintf(error, error_size, "cannot assemble `%s`", line), -1;
		}
	}
	*count = a.count;
	return resolve_labels(&a, error, error_size);
}

void link_maps(struct vm_insn *insns, u32 count, const int *fds)
{
	for (u32 i = 0; i < count; i++) {
		if (insns[i].code != VM_LD_IMM64)
			continue;
		if (insns[i].src == VM_PSEUDO_FD || insns[i].src == VM_PSEUDO_VALUE)
			insns[i].imm = fds[insns[i].imm];
		i++;
	}
}
