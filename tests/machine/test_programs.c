// SPDX-License-Identifier: GPL-2.0-only
/* Loading and running, as far as a vector cannot say it: source lines, tail calls, rings, formats. */
#include <CUnit/Basic.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "machine.h"
#include "suites.h"
#include "vm/disasm.h"

static struct vm_map *given[4];
static struct vm_machine machine;
static u64 context[8];

static int map_by_fd(void *data, int fd, struct vm_map **map)
{
	(void)data;
	if (fd < 0 || fd >= 4 || !given[fd])
		return -EBADF;
	vm_map_get(given[fd]);
	*map = given[fd];
	return 0;
}

static int load(const char *text, u32 type, struct vm_program **program, char *log, u32 log_size)
{
	static struct vm_insn insns[256];
	struct vm_load load = {.type = type, .insns = insns, .map_by_fd = map_by_fd, .log = log, .log_size = log_size};

	CU_ASSERT_FATAL(!assemble(text, insns, 256, &load.insn_count, log, log_size));
	return vm_program_load(&load, program);
}

static void refusals_name_the_source_line(void)
{
	static const char strings[] = "\0src/kern/opens_kern.c\0	x = *y;";
	struct vm_line lines[] = {{0, 1, 0, 10 << 10}, {1, 1, 23, 37 << 10 | 5}};
	struct vm_insn insns[] = {{0xb7, 0, 0, 0, 0}, {0xbf, 0, 3, 0, 0}, {0x95, 0, 0, 0, 0}};
	char log[256];
	struct vm_load request = {.type = VM_PROGRAM_KPROBE,
				  .insns = insns,
				  .insn_count = 3,
				  .lines = lines,
				  .line_count = 2,
				  .strings = strings,
				  .strings_size = sizeof(strings),
				  .log = log,
				  .log_size = sizeof(log)};
	struct vm_program *program;

	CU_ASSERT_EQUAL(vm_program_load(&request, &program), -EACCES);
	CU_ASSERT_STRING_EQUAL(log, "vm: insn 1 `r0 = r3` at opens_kern.c:37: r3 is read but was never written");
}

static void loads_have_limits(void)
{
	struct vm_insn insns[] = {{0xb7, 0, 0, 0, 0}, {0x95, 0, 0, 0, 0}};
	struct vm_load request = {.type = VM_PROGRAM_KPROBE, .insns = insns};
	struct vm_program *program;

	CU_ASSERT_EQUAL(vm_program_load(&request, &program), -E2BIG);
	request.insn_count = 1 << 20;
	CU_ASSERT_EQUAL(vm_program_load(&request, &program), -E2BIG);
	request.insn_count = 2;
	request.type = 99;
	CU_ASSERT_EQUAL(vm_program_load(&request, &program), -EINVAL);
}

static struct vm_map *many[65];

static int one_of_many(void *data, int fd, struct vm_map **map)
{
	(void)data;
	vm_map_get(many[fd]);
	*map = many[fd];
	return 0;
}

static void a_program_may_use_64_maps(void)
{
	static struct vm_insn insns[65 * 2 + 2];
	struct vm_map_attr attr = {.type = VM_MAP_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 1};
	char log[256];
	struct vm_load request = {.type = VM_PROGRAM_KPROBE,
				  .insns = insns,
				  .insn_count = 132,
				  .map_by_fd = one_of_many,
				  .log = log,
				  .log_size = sizeof(log)};
	struct vm_program *program;
	u32 i;

	for (i = 0; i < 65; i++) {
		CU_ASSERT_FATAL(!vm_map_create(&attr, &many[i]));
		insns[2 * i] = (struct vm_insn){0x18, 1, 1, 0, i};
	}
	insns[130] = (struct vm_insn){0xb7, 0, 0, 0, 0};
	insns[131] = (struct vm_insn){0x95, 0, 0, 0, 0};
	CU_ASSERT_EQUAL(vm_program_load(&request, &program), -E2BIG);
	CU_ASSERT_STRING_EQUAL(log, "vm: insn 128 `r1 = map[fd:64]`: a program may use 64 maps");
	for (i = 0; i < 65; i++)
		vm_map_put(many[i]);
}

static void tail_calls_end_after_33(void)
{
	struct vm_map_attr attr = {.type = VM_MAP_PROG_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 2};
	struct vm_program *program, *other;
	char log[256] = "";
	u32 key = 1;
	u64 result;

	CU_ASSERT_FATAL(!vm_map_create(&attr, &given[0]));
	CU_ASSERT_FATAL(!load("r6 = r1; r0 = *(u64 *)(r1 +0); r0 += 1; *(u64 *)(r1 +0) = r0; r2 = map[0]; r3 = 1; call "
			      "tail_call; r0 = "
			      "*(u64 *)(r6 +0); exit",
			      VM_PROGRAM_SYSCALL, &program, log, sizeof(log)));
	CU_ASSERT_FATAL(!load("r0 = 0; exit", VM_PROGRAM_KPROBE, &other, log, sizeof(log)));
	vm_program_get(program);
	CU_ASSERT_EQUAL(vm_map_set_object(given[0], &key, program, 0), 0);
	CU_ASSERT_EQUAL(vm_map_set_object(given[0], &key, other, 0), -EINVAL);
	context[0] = 0;
	machine.context = context;
	machine.context_size = sizeof(context);
	CU_ASSERT_EQUAL(vm_program_run(program, &machine, &result), 0);
	CU_ASSERT_EQUAL(result, 34);
	CU_ASSERT_EQUAL(vm_map_delete(given[0], &key), 0);
	context[0] = 0;
	CU_ASSERT_EQUAL(vm_program_run(program, &machine, &result), 0);
	CU_ASSERT_EQUAL(result, 1);
	vm_program_put(other);
	vm_program_put(program);
	vm_map_put(given[0]);
	given[0] = NULL;
}

/* An error belongs to the program it happened in, which after a tail call is another one. */
static void errors_name_the_program(void)
{
	struct vm_map_attr attr = {.type = VM_MAP_PROG_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1};
	struct vm_program *first, *second;
	char log[256] = "", expected[256];
	u32 key = 0;
	u64 result;

	CU_ASSERT_FATAL(!vm_map_create(&attr, &given[0]));
	CU_ASSERT_FATAL(!load("r2 = map[0]; r3 = 0; call tail_call; r0 = 0; exit", VM_PROGRAM_SYSCALL, &first, log,
			      sizeof(log)));
	CU_ASSERT_FATAL(!load("r2 = *(u64 *)(r1 +0); *(u8 *)(r2 +0) = 1; r0 = 0; exit", VM_PROGRAM_SYSCALL, &second,
			      log, sizeof(log)));
	vm_program_get(second);
	CU_ASSERT_EQUAL(vm_map_set_object(given[0], &key, second, 0), 0);
	context[0] = 8;
	machine.context = context;
	machine.context_size = sizeof(context);
	machine.cpu = 100000;
	CU_ASSERT_EQUAL(vm_program_run(first, &machine, &result), -EFAULT);
	CU_ASSERT_EQUAL(vm_program_errors(first, VM_ERROR_WRITE), 0);
	CU_ASSERT_EQUAL(vm_program_errors(second, VM_ERROR_WRITE), 1);
	snprintf(expected, sizeof(expected), "vm: insn 1 of program %u: 0x8 is not memory that the program owns",
		 vm_program_id(second));
	vm_error_describe(first, &machine.error, log, sizeof(log));
	CU_ASSERT_STRING_EQUAL(log, expected);
	vm_map_put(given[0]);
	vm_program_put(first);
	vm_program_put(second);
	given[0] = NULL;
}

static void errors_are_counted(void)
{
	struct vm_program *program;
	char log[256] = "";
	u64 result = 5;

	CU_ASSERT_FATAL(!load("r2 = *(u64 *)(r1 +0); *(u8 *)(r2 +0) = 1; r0 = 0; exit", VM_PROGRAM_KPROBE, &program,
			      log, sizeof(log)));
	context[0] = 8;
	machine.context = context;
	machine.context_size = sizeof(context);
	CU_ASSERT_EQUAL(vm_program_run(program, &machine, &result), -EFAULT);
	CU_ASSERT_EQUAL(vm_program_run(program, &machine, &result), -EFAULT);
	CU_ASSERT_EQUAL(result, 0);
	CU_ASSERT_EQUAL(vm_program_errors(program, VM_ERROR_WRITE), 2);
	CU_ASSERT_EQUAL(vm_program_errors(program, VM_ERROR_BUDGET), 0);
	vm_program_put(program);
}

static void ring_records_are_the_kernels(void)
{
	struct vm_map_attr attr = {.type = VM_MAP_RINGBUF, .max_entries = 4096};
	struct vm_program *program;
	char log[256] = "";
	u64 result, size;
	char *memory;

	CU_ASSERT_FATAL(!vm_map_create(&attr, &given[0]));
	/* One submitted, one discarded, one left behind by the end of the program. */
	CU_ASSERT_FATAL(!load(
		"r1 = map[0]; r2 = 8; r3 = 0; call ringbuf_reserve; if r0 == 0 goto end; *(u64 *)(r0 +0) = 7; r1 = r0; "
		"r2 = 0; call ringbuf_submit; r1 = map[0]; r2 = 4; r3 = 0; call ringbuf_reserve; r1 = r0; r2 = 0; "
		"call ringbuf_discard; r1 = map[0]; r2 = 16; r3 = 0; call ringbuf_reserve; end:\n r0 = 0; exit",
		VM_PROGRAM_SYSCALL, &program, log, sizeof(log)));
	CU_ASSERT_EQUAL(vm_program_run(program, &machine, &result), 0);
	memory = vm_map_memory(given[0], &size);
	CU_ASSERT_EQUAL(size, 8192 + 2 * 4096);
	CU_ASSERT_EQUAL(*(u64 *)memory, 0);
	CU_ASSERT_EQUAL(*(u64 *)(memory + 4096), 16 + 16 + 24);
	CU_ASSERT_EQUAL(*(u32 *)(memory + 8192), 8);
	CU_ASSERT_EQUAL(*(u64 *)(memory + 8192 + 8), 7);
	CU_ASSERT_EQUAL(*(u32 *)(memory + 8192 + 16), 4 | VM_RING_DISCARD);
	CU_ASSERT_EQUAL(*(u32 *)(memory + 8192 + 32), 16 | VM_RING_DISCARD);
	CU_ASSERT_EQUAL(*(u64 *)(memory + 8192 + 4096 + 8), 7); /* the second mapping */
	CU_ASSERT(vm_map_ring_ready(given[0]));
	vm_program_put(program);
	vm_map_put(given[0]);
	given[0] = NULL;
}

static char printed[256];

static void keep_text(struct vm_machine *running, const char *text, u32 length)
{
	(void)running;
	snprintf(printed, sizeof(printed), "%.*s", (int)length, text);
}

/* Runs trace_vprintk with a format and two arguments, both in the context. */
static s64 format(const char *text, u64 first, u64 second)
{
	static const struct vm_env env = {.print = keep_text};
	static u64 memory[40];
	struct vm_program *program;
	char log[256] = "", source[400];
	u64 result;

	memory[0] = first;
	memory[1] = second;
	strcpy((char *)(memory + 2), text);
	snprintf(source, sizeof(source), "r3 = r1; r1 += 16; r2 = %zu; r4 = 16; call trace_vprintk; exit",
		 strlen(text) + 1);
	CU_ASSERT_FATAL(!load(source, VM_PROGRAM_SYSCALL, &program, log, sizeof(log)));
	machine.env = &env;
	machine.context = memory;
	machine.context_size = sizeof(memory);
	printed[0] = '\0';
	CU_ASSERT_EQUAL(vm_program_run(program, &machine, &result), 0);
	vm_program_put(program);
	machine.env = NULL;
	return (s64)result;
}

static void formats_are_the_kernels(void)
{
	CU_ASSERT_EQUAL(format("%d %u", (u64)-5, 7), 4);
	CU_ASSERT_STRING_EQUAL(printed, "-5 7");
	format("%lld|%llx", (u64)-5, 0xabcdef0123456789ULL);
	CU_ASSERT_STRING_EQUAL(printed, "-5|abcdef0123456789");
	format("%05d|%-4x|", 42, 0xff);
	CU_ASSERT_STRING_EQUAL(printed, "00042|ff  |");
	format("%c%%%i", 'x', (u64)-1);
	CU_ASSERT_STRING_EQUAL(printed, "x%-1");
	format("%p", 0x1234, 0);
	CU_ASSERT_STRING_EQUAL(printed, "0000000000001234");
	format("%s", 8, 0);
	CU_ASSERT_STRING_EQUAL(printed, "(fault)");
	CU_ASSERT_EQUAL(format("%n", 1, 1), -EINVAL);
	CU_ASSERT_EQUAL(format("%d %d %d", 1, 1), -EINVAL);
	CU_ASSERT_EQUAL(format("%", 1, 1), -EINVAL);
}

/* What the disassembler writes, the assembler reads back to the same bytes. */
static void disassembly_can_be_assembled(void)
{
	static struct test_case test;
	static struct vm_insn back[4];
	char text[160], error[200];
	u32 count;

	for (u64 seed = 0; seed < 500; seed++) {
		random_case(&test, seed);
		for (u32 i = 0; i < test.insn_count;) {
			int used = vm_disasm(&test.insns[i], -1, text, sizeof(text));

			if (assemble(text, back, 4, &count, error, sizeof(error)) || (int)count != used ||
			    memcmp(back, &test.insns[i], used * sizeof(*back))) {
				printf("  `%s`: %s\n", text, error);
				CU_FAIL_FATAL("round trip");
			}
			i += used;
		}
	}
}

static void disassembly_takes_any_bytes(void)
{
	struct vm_insn insns[2] = {{0}};
	char text[24];

	for (u32 code = 0; code < 256; code++) {
		for (int imm = -1; imm < 0x120; imm++) {
			insns[0] = (struct vm_insn){code, 15, 15, -1, imm};
			memset(text, 'x', sizeof(text));
			CU_ASSERT(vm_disasm(insns, 5, text, 10) <= 2);
			CU_ASSERT(memchr(text, '\0', 10) && text[10] == 'x');
		}
	}
}

int programs_register(void)
{
	CU_pSuite suite = CU_add_suite("programs", NULL, NULL);

	return !suite || !CU_ADD_TEST(suite, refusals_name_the_source_line) || !CU_ADD_TEST(suite, loads_have_limits) ||
	       !CU_ADD_TEST(suite, a_program_may_use_64_maps) || !CU_ADD_TEST(suite, tail_calls_end_after_33) ||
	       !CU_ADD_TEST(suite, errors_are_counted) || !CU_ADD_TEST(suite, errors_name_the_program) ||
	       !CU_ADD_TEST(suite, ring_records_are_the_kernels) || !CU_ADD_TEST(suite, formats_are_the_kernels) ||
	       !CU_ADD_TEST(suite, disassembly_can_be_assembled) || !CU_ADD_TEST(suite, disassembly_takes_any_bytes);
}
