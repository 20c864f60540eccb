/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One program with its maps and context, and the places it can run in: the vm, the vm as the kernel's build
 * makes it, the vm in the module, and the running kernel, which is the authority on the result.
 */
#ifndef TESTS_MACHINE_H
#define TESTS_MACHINE_H

#include "vm/vm.h"

#define CASE_INSNS    4096
#define CASE_MAPS     6
#define CASE_ELEMENTS 64
#define KEY_MAX	      16
#define VALUE_MAX     64
#define CONTEXT_MAX   256
#define PACKET_MAX    128

struct element {
	u8 map;
	u8 key[KEY_MAX];
	u8 value[VALUE_MAX];
};

struct case_map {
	u32 type, key_size, value_size, max_entries, flags;
	int inner; /* number of the map that inner ones look like, or -1 */
	int frozen;
};

struct test_case {
	char name[96];
	u32 type;
	u32 load_flags;
	u32 budget;
	struct vm_insn insns[CASE_INSNS];
	u32 insn_count;
	struct case_map maps[CASE_MAPS];
	u32 map_count;
	struct element before[CASE_ELEMENTS];
	u32 before_count;
	u8 context[CONTEXT_MAX];
	u32 context_size;
	u8 packet[PACKET_MAX];
	u32 packet_size;
	/* What is expected; used by the vectors only. */
	int only_vm;   /* the kernel has its reasons not to take it */
	int pretended; /* nor would the module say the same */
	int has_result, has_after;
	u64 result;
	u8 after[CONTEXT_MAX];
	struct element elements[CASE_ELEMENTS];
	u32 element_count;
	char refused[200];
	char failed[200];
};

struct outcome {
	int load_error; /* negative errno */
	int run_error;
	u64 result; /* the kernel tells the lower half only */
	u8 context[CONTEXT_MAX];
	char message[400];				    /* why it was refused, or what ended the run */
	struct element elements[CASE_MAPS * CASE_ELEMENTS]; /* of all maps, sorted */
	u32 element_count;
};

struct place {
	const char *name;
	int has_whole_result;
	int (*available)(void);
	void (*run)(const struct test_case *test, struct outcome *outcome);
};

extern const struct place user_place, kernel_style_place, bpf_place, module_place;

/* assemble.c: text, in the disassembler's own syntax, with labels; -1 and a message if it is wrong. */
int assemble(const char *text, struct vm_insn *insns, u32 max, u32 *count, char *error, u32 error_size);
/* Maps are numbered in the text and in insns; `fds` are what the place knows them by. */
void link_maps(struct vm_insn *insns, u32 count, const int *fds);

/* vectors.c */
int vectors_run(const char *directory, const struct place *place, u32 *passed, u32 *failed, u32 *skipped);
int vectors_write(const char *directory);
int read_case(const char **text, struct test_case *test, char *error, u32 error_size);

/* random.c, compare.c */
void random_case(struct test_case *test, u64 seed);
/* The vm in user space against `other`. */
int random_compare(u64 count, u64 seed, const struct place *other, int verbose);

int compare_elements(const void *a, const void *b);
void print_case(const struct test_case *test);

#endif
