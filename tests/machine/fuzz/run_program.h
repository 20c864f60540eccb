/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Loads the input as a program and runs it over a context and a packet that stand between redzones. Whatever
 * the instructions are, the sanitizers must have nothing to say, and nothing may stay behind.
 */
#ifndef FUZZ_RUN_PROGRAM_H
#define FUZZ_RUN_PROGRAM_H

#include "maps_of_all_kinds.h"

static int fuzz_read(struct vm_machine *machine, void *to, u32 size, u64 from, int user)
{
	(void)machine, (void)user;
	if (from & 0x100)
		return -EFAULT;
	memset(to, (int)from, size);
	return 0;
}

static u64 fuzz_number(struct vm_machine *machine)
{
	(void)machine;
	return 0x1122334455667788ULL;
}

static int fuzz_stack(struct vm_machine *machine, u64 *ips, u32 count, u32 skip, int user)
{
	u32 i;

	(void)machine;
	for (i = 0; i < count && i < 5; i++)
		ips[i] = i * 7 + skip + (user ? 1000 : 0);
	return (int)i;
}

static int fuzz_output(struct vm_machine *machine, struct vm_map *map, u32 cpu, const void *data, u32 size)
{
	u32 sum = 0;

	(void)machine, (void)map;
	for (u32 i = 0; i < size; i++)
		sum += ((const u8 *)data)[i];
	return cpu && sum == 1 ? -ENOENT : 0;
}

static void fuzz_print(struct vm_machine *machine, const char *text, u32 length)
{
	(void)machine;
	if (strnlen(text, length + 1) > length)
		abort();
}

static const struct vm_env fuzz_env = {.read = fuzz_read,
				       .pid_tgid = fuzz_number,
				       .task = fuzz_number,
				       .stack = fuzz_stack,
				       .perf_output = fuzz_output,
				       .print = fuzz_print};

static inline void fuzz_run(const u8 *data, size_t size, u32 flags)
{
	static const u32 types[] = {VM_PROGRAM_KPROBE, VM_PROGRAM_SYSCALL, VM_PROGRAM_SCHED_CLS, VM_PROGRAM_TRACING};
	static struct vm_machine *machine;
	u32 kind = size ? data[0] : 0, count = size > 8 ? (size - 1) / sizeof(struct vm_insn) : 0;
	struct vm_insn *insns = malloc(count * sizeof(*insns) + 1);
	char *context = calloc(1, 192), *packet = calloc(1, 40), log[256], text[300];
	struct vm_load load = {.type = types[kind & 3],
			       .flags = flags,
			       .insns = insns,
			       .insn_count = count,
			       .map_by_fd = fuzz_map_by_fd,
			       .log = log,
			       .log_size = sizeof(log)};
	struct vm_program *program;
	u64 result;
	u32 key = 1;

	fuzz_maps_create();
	if (!machine)
		machine = calloc(1, sizeof(*machine));
	if (count)
		memcpy(insns, data + 1, count * sizeof(*insns));
	if (!vm_program_load(&load, &program)) {
		vm_program_get(program);
		if (vm_map_set_object(fuzz_maps[10], &key, program, 0))
			vm_program_put(program);
		machine->env = kind & 4 ? &fuzz_env : NULL;
		machine->context = context;
		machine->context_size = 192;
		machine->packet = packet;
		machine->packet_size = 40;
		machine->budget = 20000;
		if (vm_program_run(program, machine, &result))
			vm_error_describe(program, &machine->error, text, sizeof(text));
		vm_map_delete(fuzz_maps[10], &key);
		for (u32 i = 0; i < VM_RECORDS; i++)
			if (machine->records[i].map || machine->locked)
				abort();
		vm_program_put(program);
	}
	free(packet);
	free(context);
	free(insns);
}

#endif
