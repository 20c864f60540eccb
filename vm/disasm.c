// SPDX-License-Identifier: GPL-2.0-only
/*
 * One instruction as text. One function per class of instruction; what they have in common are the
 * tables of operators and a small text cursor.
 */
#include "disasm.h"
#include "port.h"
#include "helper_names.h"

const char *vm_helper_name(u32 id)
{
	return id < sizeof(helper_names) / sizeof(helper_names[0]) ? helper_names[id] : NULL;
}

struct text {
	char *out;
	unsigned size;
	unsigned used;
};

static void __attribute__((format(printf, 2, 3))) put(struct text *text, const char *format, ...)
{
	va_list args;
	int length;

	if (text->used >= text->size)
		return;
	va_start(args, format);
	length = port_vformat(text->out + text->used, text->size - text->used, format, args);
	va_end(args);
	if (length > 0)
		text->used += length;
}

static const char *const alu_operators[16] = {
	[VM_ADD >> 4] = "+=", [VM_SUB >> 4] = "-=", [VM_MUL >> 4] = "*=",  [VM_DIV >> 4] = "/=",
	[VM_OR >> 4] = "|=",  [VM_AND >> 4] = "&=", [VM_LSH >> 4] = "<<=", [VM_RSH >> 4] = ">>=",
	[VM_MOD >> 4] = "%=", [VM_XOR >> 4] = "^=", [VM_MOV >> 4] = "=",   [VM_ARSH >> 4] = "s>>=",
};

static const char *const jump_operators[16] = {
	[VM_JEQ >> 4] = "==", [VM_JGT >> 4] = ">",   [VM_JGE >> 4] = ">=",   [VM_JSET >> 4] = "&",
	[VM_JNE >> 4] = "!=", [VM_JSGT >> 4] = "s>", [VM_JSGE >> 4] = "s>=", [VM_JLT >> 4] = "<",
	[VM_JLE >> 4] = "<=", [VM_JSLT >> 4] = "s<", [VM_JSLE >> 4] = "s<=",
};

static const char *memory_type(u8 code, int is_signed)
{
	static const char *const unsigned_names[4] = {"u32", "u16", "u8", "u64"};
	static const char *const signed_names[4] = {"s32", "s16", "s8", "s64"};

	return (is_signed ? signed_names : unsigned_names)[VM_SIZE(code) >> 3];
}

/* A full register is r1, its lower half w1. */
static char register_letter(u8 class)
{
	return class == VM_ALU || class == VM_JMP32 ? 'w' : 'r';
}

static void put_unknown(struct text *text, const struct vm_insn *insn)
{
	put(text, "unknown instruction %02x (dst %d, src %d, off %d, imm %d)", insn->code, insn->dst, insn->src,
	    insn->off, insn->imm);
}

static void put_target(struct text *text, int pc, int distance)
{
	if (pc >= 0)
		put(text, "%lld", (s64)pc + 1 + distance);
	else
		put(text, "pc%+d", distance);
}

static void put_swap(struct text *text, const struct vm_insn *insn)
{
	const char *name = VM_SOURCE(insn->code) ? "be" : "le";

	if (VM_CLASS(insn->code) == VM_ALU64)
		name = "bswap";
	put(text, "r%d = %s%d r%d", insn->dst, name, insn->imm, insn->dst);
}

static void put_alu(struct text *text, const struct vm_insn *insn)
{
	u8 op = VM_OP(insn->code);
	char letter = register_letter(VM_CLASS(insn->code));
	int is_signed = insn->off == 1 && (op == VM_DIV || op == VM_MOD);

	if (op == VM_END) {
		put_swap(text, insn);
	} else if (op == VM_NEG) {
		put(text, "%c%d = -%c%d", letter, insn->dst, letter, insn->dst);
	} else if (!alu_operators[op >> 4]) {
		put_unknown(text, insn);
	} else if (VM_SOURCE(insn->code) == VM_K) {
		put(text, "%c%d %s%s %d", letter, insn->dst, is_signed ? "s" : "", alu_operators[op >> 4], insn->imm);
	} else if (op == VM_MOV && insn->off) {
		put(text, "%c%d = (s%d)%c%d", letter, insn->dst, insn->off, letter, insn->src);
	} else {
		put(text, "%c%d %s%s %c%d", letter, insn->dst, is_signed ? "s" : "", alu_operators[op >> 4], letter,
		    insn->src);
	}
}

static void put_call(struct text *text, const struct vm_insn *insn, int pc)
{
	const char *name;

	if (insn->src == VM_CALL_LOCAL) {
		put(text, "call ");
		put_target(text, pc, insn->imm);
	} else if (insn->src == VM_CALL_KFUNC) {
		put(text, "call kernel function #%d", insn->imm);
	} else if (insn->imm == VM_CORE_UNRESOLVED) {
		put(text, "call unresolved CO-RE relocation");
	} else {
		name = vm_helper_name(insn->imm);
		put(text, "call %s%s#%d", name ? "bpf_" : "unknown", name ? name : "", insn->imm);
	}
}

static void put_jump(struct text *text, const struct vm_insn *insn, int pc)
{
	u8 op = VM_OP(insn->code);
	char letter = register_letter(VM_CLASS(insn->code));

	if (insn->code == (VM_JMP | VM_CALL)) {
		put_call(text, insn, pc);
		return;
	}
	if (insn->code == (VM_JMP | VM_EXIT)) {
		put(text, "exit");
		return;
	}
	if (op == VM_JA && VM_SOURCE(insn->code) == VM_K) {
		put(text, VM_CLASS(insn->code) == VM_JMP32 ? "gotol " : "goto ");
		put_target(text, pc, VM_CLASS(insn->code) == VM_JMP32 ? insn->imm : insn->off);
		return;
	}
	if (!jump_operators[op >> 4]) {
		put_unknown(text, insn);
		return;
	}
	put(text, "if %c%d %s ", letter, insn->dst, jump_operators[op >> 4]);
	if (VM_SOURCE(insn->code) == VM_X)
		put(text, "%c%d goto ", letter, insn->src);
	else
		put(text, op == VM_JSET ? "0x%x goto " : "%d goto ", insn->imm);
	put_target(text, pc, insn->off);
}

static void put_load_imm64(struct text *text, const struct vm_insn *insn)
{
	u64 value = (u32)insn[0].imm | (u64)(u32)insn[1].imm << 32;

	put(text, "r%d = ", insn->dst);
	switch (insn->src) {
	case 0:
		put(text, "0x%llx ll", value);
		break;
	case VM_PSEUDO_FD:
		put(text, "map[fd:%d]", insn->imm);
		break;
	case VM_PSEUDO_VALUE:
		put(text, "map[fd:%d][0]+%d", insn->imm, insn[1].imm);
		break;
	case VM_PSEUDO_BTF:
		put(text, "ksym[btf_id:%d]", insn->imm);
		break;
	case VM_PSEUDO_FUNC:
		put(text, "func[pc%+d]", insn->imm);
		break;
	case VM_PSEUDO_IDX:
		put(text, "map[idx:%d]", insn->imm);
		break;
	case VM_PSEUDO_IDX_VALUE:
		put(text, "map[idx:%d][0]+%d", insn->imm, insn[1].imm);
		break;
	default:
		put(text, "unknown 64-bit load (src %d)", insn->src);
	}
}

static void put_load(struct text *text, const struct vm_insn *insn)
{
	u8 mode = VM_MODE(insn->code);

	if (VM_CLASS(insn->code) == VM_LD) {
		if (mode == VM_ABS)
			put(text, "r0 = *(%s *)skb[%d]", memory_type(insn->code, 0), insn->imm);
		else if (mode == VM_IND)
			put(text, "r0 = *(%s *)skb[r%d%+d]", memory_type(insn->code, 0), insn->src, insn->imm);
		else
			put_unknown(text, insn);
	} else if (mode == VM_MEM || mode == VM_MEMSX) {
		put(text, "r%d = *(%s *)(r%d %+d)", insn->dst, memory_type(insn->code, mode == VM_MEMSX), insn->src,
		    insn->off);
	} else {
		put_unknown(text, insn);
	}
}

static void put_atomic(struct text *text, const struct vm_insn *insn)
{
	static const char *const verbs[16] = {
		[VM_ADD >> 4] = "add",
		[VM_OR >> 4] = "or",
		[VM_AND >> 4] = "and",
		[VM_XOR >> 4] = "xor",
	};
	const char *type = memory_type(insn->code, 0), *bits = VM_SIZE(insn->code) == VM_DW ? "64" : "";
	const char *verb = insn->imm >= 0 && insn->imm < 0x100 ? verbs[insn->imm >> 4] : NULL;

	if (insn->imm == VM_LOAD_ACQ)
		put(text, "r%d = load_acquire((%s *)(r%d %+d))", insn->dst, type, insn->src, insn->off);
	else if (insn->imm == VM_STORE_REL)
		put(text, "store_release((%s *)(r%d %+d), r%d)", type, insn->dst, insn->off, insn->src);
	else if (insn->imm == VM_XCHG)
		put(text, "r%d = atomic%s_xchg((%s *)(r%d %+d), r%d)", insn->src, bits, type, insn->dst, insn->off,
		    insn->src);
	else if (insn->imm == VM_CMPXCHG)
		put(text, "r0 = atomic%s_cmpxchg((%s *)(r%d %+d), r0, r%d)", bits, type, insn->dst, insn->off,
		    insn->src);
	else if (!verb || (insn->imm & 0x0f) > VM_FETCH)
		put_unknown(text, insn);
	else if (insn->imm & VM_FETCH)
		put(text, "r%d = atomic%s_fetch_%s((%s *)(r%d %+d), r%d)", insn->src, bits, verb, type, insn->dst,
		    insn->off, insn->src);
	else
		put(text, "lock *(%s *)(r%d %+d) %s r%d", type, insn->dst, insn->off, alu_operators[insn->imm >> 4],
		    insn->src);
}

static void put_store(struct text *text, const struct vm_insn *insn)
{
	u8 mode = VM_MODE(insn->code);

	if (VM_CLASS(insn->code) == VM_STX && mode == VM_ATOMIC)
		put_atomic(text, insn);
	else if (mode != VM_MEM)
		put_unknown(text, insn);
	else if (VM_CLASS(insn->code) == VM_ST)
		put(text, "*(%s *)(r%d %+d) = %d", memory_type(insn->code, 0), insn->dst, insn->off, insn->imm);
	else
		put(text, "*(%s *)(r%d %+d) = r%d", memory_type(insn->code, 0), insn->dst, insn->off, insn->src);
}

int vm_disasm(const struct vm_insn *insn, int pc, char *out, unsigned size)
{
	struct text text = {out, size, 0};

	if (size)
		out[0] = '\0';
	if (insn->code == VM_LD_IMM64) {
		put_load_imm64(&text, insn);
		return 2;
	}
	switch (VM_CLASS(insn->code)) {
	case VM_ALU:
	case VM_ALU64:
		put_alu(&text, insn);
		break;
	case VM_JMP:
	case VM_JMP32:
		put_jump(&text, insn, pc);
		break;
	case VM_ST:
	case VM_STX:
		put_store(&text, insn);
		break;
	default:
		put_load(&text, insn);
	}
	return 1;
}
