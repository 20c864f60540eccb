// SPDX-License-Identifier: GPL-2.0-only
/*
 * The checker. It refuses what is certainly wrong, early and by name; it is not what makes programs safe
 * (decode.c and the run-time checks do). In order: the shape of each instruction and of the calls, then
 * what the program does with its registers and memory, and what of that needs no looking at in a run.
 */
#include "check.h"

int vm_refuse(struct vm_checker *checker, int err, const char *format, ...)
{
	const struct vm_load *load = checker->load;
	char where[256], why[160];
	va_list args;

	if (!load->log || !load->log_size)
		return err;
	va_start(args, format);
	port_vformat(why, sizeof(why), format, args);
	va_end(args);
	vm_insn_describe(checker->program, checker->pc, where, sizeof(where));
	port_format(load->log, load->log_size, "vm: %s: %s", where, why);
	return err;
}

/* One state for each instruction that something jumps to; the others have only their predecessor's. */
static u32 number_states(struct vm_checker *checker)
{
	u32 pc, states = 0;

	for (pc = 0; pc < checker->count; pc++)
		if (checker->state_of[pc])
			checker->state_of[pc] = ++states;
	return states;
}

static int allocate_states(struct vm_checker *checker)
{
	u32 states = number_states(checker);

	checker->states = port_alloc((u64)states * sizeof(*checker->states));
	checker->reached = port_alloc(states);
	checker->work = port_alloc((u64)states * sizeof(*checker->work));
	checker->queued = port_alloc(states);
	return checker->states && checker->reached && checker->work && checker->queued ? 0 : -ENOMEM;
}

static void set_stack_used(struct vm_checker *checker)
{
	s32 used = -checker->lowest;

	checker->program->stack_used = used >= VM_STACK_SIZE ? VM_STACK_SIZE : vm_round_up(used, VM_FRAME_STEP);
}

int vm_check(struct vm_program *program, const struct vm_load *load)
{
	struct vm_checker *checker = port_alloc(sizeof(*checker));
	int err = -ENOMEM;

	if (!checker)
		return err;
	checker->program = program;
	checker->load = load;
	checker->insns = program->insns;
	checker->count = program->insn_count;
	checker->function_of = port_alloc((u64)checker->count * sizeof(u32));
	checker->state_of = port_alloc((u64)checker->count * sizeof(u32));
	checker->findings = port_alloc((u64)checker->count * sizeof(*checker->findings));
	if (!checker->function_of || !checker->state_of || !checker->findings)
		goto out;
	err = vm_check_shape(checker);
	if (err)
		goto out;
	err = allocate_states(checker);
	if (err)
		goto out;
	err = vm_check_flow(checker);
	if (err)
		goto out;
	set_stack_used(checker);
	vm_fold(checker);
out:
	port_free(checker->function_of);
	port_free(checker->state_of);
	port_free(checker->states);
	port_free(checker->reached);
	port_free(checker->work);
	port_free(checker->queued);
	port_free(checker->findings);
	port_free(checker);
	return err;
}
