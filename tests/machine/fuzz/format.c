// SPDX-License-Identifier: GPL-2.0-only
/* Any text as a format of bpf_trace_printk, with any arguments, into a buffer of any small size. */
#include "run_program.h"
#include "vm/helper.h"

#define ARGUMENTS 12

/* In a machine that stands as if in the middle of a run: %s looks at whose memory it is asked to read. */
static struct vm_machine *running_machine(void)
{
	static const struct vm_insn insns[] = {{.code = 0xb7}, {.code = 0x95}}; /* r0 = 0; exit */
	struct vm_load load = {.type = VM_PROGRAM_KPROBE, .insns = insns, .insn_count = 2};
	struct vm_machine *machine = calloc(1, sizeof(*machine));
	struct vm_program *program;

	if (vm_program_load(&load, &program))
		abort();
	machine->env = &fuzz_env;
	machine->program = program;
	return machine;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static struct vm_machine *machine;
	u64 arguments[ARGUMENTS] = {0};
	u32 count, room, given;
	char *format, *out;
	s64 length;

	if (size < 2)
		return 0;
	if (!machine)
		machine = running_machine();
	count = data[0] % (ARGUMENTS + 1);
	room = data[1] % 128 + 1;
	given = size - 2 < count * sizeof(u64) ? size - 2 : count * sizeof(u64);
	memcpy(arguments, data + 2, given);
	/* Of their exact sizes, so that the sanitizers see a byte beyond. */
	format = malloc(size - 2 - given + 1);
	memcpy(format, data + 2 + given, size - 2 - given);
	format[size - 2 - given] = '\0';
	out = malloc(room);
	memset(out, 'x', room);
	length = vm_format(machine, out, room, format, arguments, count);
	if (length >= 0 && out[(u64)length < room ? (u64)length : room - 1] != '\0')
		abort();
	free(out);
	free(format);
	return 0;
}
