// SPDX-License-Identifier: GPL-2.0-only
/* One run of a program: set up, interpret, give back what the program still holds, count the fault. */
#include "internal.h"

static void machine_reset(struct vm_machine *machine, const struct vm_program *program)
{
	const u32 size = machine->context_size,
		  end = program->context.write_end < size ? program->context.write_end : size;

	machine->program = program;
	machine->error.kind = VM_ERROR_NONE;
	machine->error.insn = ~0U;
	machine->depth = 0;
	if (machine->cpu >= port_cpu_count()) /* an event from a machine with more of them, say */
		machine->cpu = 0;
	machine->tail_calls = 0;
	machine->budget_left = machine->budget ? machine->budget : VM_DEFAULT_BUDGET;
	machine->context_write = (unsigned long)machine->context + program->context.write_start;
	machine->context_write_size = end > program->context.write_start ? end - program->context.write_start : 0;
	vm_window_forget(machine);
	if (port_unlikely(machine->next_touched)) {
		port_memset(machine->touched, 0, sizeof(machine->touched));
		machine->next_touched = 0;
	}
	vm_frame_clear(machine, program->stack_used);
}

/* A program that faulted, or that was never checked, may leave a lock or a record behind. */
static void machine_release(struct vm_machine *machine)
{
	u32 i;

	if (machine->locked) {
		port_unlock(&machine->locked->spin, machine->lock_flags);
		machine->locked = NULL;
	}
	for (i = 0; i < VM_RECORDS; i++) {
		if (machine->records[i].map) {
			vm_ring_commit(machine->records[i].map, machine->records[i].data, VM_RING_NO_WAKEUP, 1);
			machine->records[i].map = NULL;
		}
	}
	machine->held = 0;
}

int vm_program_run(const struct vm_program *program, struct vm_machine *machine, u64 *result)
{
	unsigned cookie = port_read_begin();
	u64 args[5] = {(unsigned long)machine->context};
	int err;

	machine_reset(machine, program);
	err = vm_interpret(machine, program->ops, args, result);
	if (port_unlikely(machine->held))
		machine_release(machine);
	if (port_unlikely(err)) {
		machine->error.program = machine->program->id;
		port_fetch_add((u64 *)&machine->program->errors[machine->error.kind], 1);
		*result = 0;
	}
	port_read_end(cookie);
	return err;
}

u64 vm_program_errors(const struct vm_program *program, enum vm_error_kind kind)
{
	return kind < VM_ERROR_COUNT ? port_load(&program->errors[kind]) : 0;
}

static void error_text(const struct vm_error *error, char *out, unsigned size)
{
	switch (error->kind) {
	case VM_ERROR_NONE:
		port_format(out, size, "no error");
		break;
	case VM_ERROR_WRITE:
		port_format(out, size, "0x%llx is not memory that the program owns", error->address);
		break;
	case VM_ERROR_ARGUMENT:
		port_format(out, size, "argument %llu of the helper is not the program's to use", error->address);
		break;
	case VM_ERROR_BUDGET:
		port_format(out, size, "the budget of instructions is used up");
		break;
	case VM_ERROR_DEPTH:
		port_format(out, size, "more than %d nested calls", VM_FRAMES);
		break;
	case VM_ERROR_INSTRUCTION:
		port_format(out, size, "there is no such instruction to run");
		break;
	case VM_ERROR_LOCK:
		port_format(out, size, "the spin lock is held already, or cannot be had");
		break;
	default:
		port_format(out, size, "unknown error %u", error->kind);
	}
}

int vm_error_describe(const struct vm_program *program, const struct vm_error *error, char *out, unsigned size)
{
	char where[256], what[96];

	error_text(error, what, sizeof(what));
	if (error->program != program->id)
		return port_format(out, size, "vm: insn %u of program %u: %s", error->insn, error->program, what);
	vm_insn_describe(program, error->insn, where, sizeof(where));
	return port_format(out, size, "vm: %s: %s", where, what);
}
