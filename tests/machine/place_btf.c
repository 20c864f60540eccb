// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel takes callbacks only from programs that bring BTF: the smallest that will do, in which every
 * function has the same type.
 */
#define _GNU_SOURCE
#include <linux/bpf.h>
#include <linux/btf.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "machine.h"

#define FUNCTION_TYPE 3

int btf_load(void)
{
	static const char strings[] = "\0u64\0function";
	static const struct {
		struct btf_header header;
		struct btf_type integer;
		__u32 encoding;
		struct btf_type prototype, function;
		char strings[sizeof(strings)];
	} __attribute__((packed)) blob = {
		.header = {.magic = BTF_MAGIC,
			   .version = 1,
			   .hdr_len = sizeof(struct btf_header),
			   .type_len = 3 * sizeof(struct btf_type) + 4,
			   .str_off = 3 * sizeof(struct btf_type) + 4,
			   .str_len = sizeof(strings)},
		.integer = {.name_off = 1, .info = BTF_KIND_INT << 24, .size = 8},
		.encoding = 64,
		.prototype = {.info = BTF_KIND_FUNC_PROTO << 24, .type = 1},
		.function = {.name_off = 5, .info = BTF_KIND_FUNC << 24, .type = 2},
		.strings = "\0u64\0function",
	};
	union bpf_attr attr = {.btf = (unsigned long)&blob, .btf_size = sizeof(blob)};

	return syscall(__NR_bpf, BPF_BTF_LOAD, &attr, sizeof(attr));
}

/* One entry for each function, by where they start; how many. */
u32 btf_functions(const struct vm_insn *insns, u32 count, struct bpf_func_info *functions)
{
	static u8 starts[CASE_INSNS];
	u32 found = 0;

	memset(starts, 0, sizeof(starts));
	starts[0] = 1;
	for (u32 i = 0; i < count; i++) {
		int is_call = insns[i].code == (VM_JMP | VM_CALL) && insns[i].src == VM_CALL_LOCAL;
		int is_load = insns[i].code == VM_LD_IMM64 && insns[i].src == VM_PSEUDO_FUNC;
		u32 to = i + 1 + insns[i].imm;

		if ((is_call || is_load) && to < count)
			starts[to] = 1;
	}
	for (u32 i = 0; i < count; i++)
		if (starts[i])
			functions[found++] = (struct bpf_func_info){.insn_off = i, .type_id = FUNCTION_TYPE};
	return found;
}
