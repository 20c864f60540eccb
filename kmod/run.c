// SPDX-License-Identifier: GPL-2.0-only
/*
 * One run of a program from inside a handler, in any context up to NMI. Each CPU has a machine for each
 * level of context, for a program in a task may be interrupted by one in an interrupt. On the same level
 * programs do not nest: what a running program calls (or a probe on our own way here) must not start it again.
 */
#include <linux/hardirq.h>
#include <linux/module.h>
#include <linux/preempt.h>
#include <linux/vmalloc.h>
#include "anyprobe.h"

enum { LEVEL_TASK, LEVEL_SOFTIRQ, LEVEL_IRQ, LEVEL_NMI, LEVELS };

/* In this order, all that a short run touches of the first level is in one page. */
struct level {
	unsigned long stack[AP_STACK_SCRATCH];
	struct vm_machine machine;
	u32 busy;
};

struct running {
	struct level levels[LEVELS];
};

static struct running **cpus;
static uint budget = 1000000;
module_param(budget, uint, 0644);
MODULE_PARM_DESC(budget, "instructions after which a run of a program is ended");

static u32 level_now(void)
{
	const unsigned long count = preempt_count();

	if (in_nmi())
		return LEVEL_NMI;
	if (count & HARDIRQ_MASK)
		return LEVEL_IRQ;
	return count & SOFTIRQ_OFFSET ? LEVEL_SOFTIRQ : LEVEL_TASK;
}

/*
 * Whoever uses it up again and again gets less: at a function that is called at each turn of some loop, even ended
 * runs would hold the kernel up. A test run is not held against the next one.
 */
static u32 budget_of(const struct ap_hit *hit, const struct ap_counts *counts)
{
	const unsigned long exhausted = local_read(&counts->exhausted);

	return port_likely(!exhausted || hit->error) ? budget : (budget >> min(exhausted / 8, 10UL) ?: 1);
}

int ap_run(struct ap_hit *hit, void *context, u32 size)
{
	const struct ap_link *link = hit->link;
	struct ap_counts *counts;
	struct level *level;
	int err = -EBUSY;
	u32 cpu;

	preempt_disable_notrace();
	cpu = raw_smp_processor_id();
	counts = per_cpu_ptr(link->counts, cpu);
	level = &cpus[cpu]->levels[level_now()];
	/* Ours alone: who interrupts us on this level leaves it as he found it. */
	if (port_unlikely(level->busy)) {
		local_inc(&counts->misses);
		goto out;
	}
	level->busy = 1;
	barrier();
	level->machine.env = &ap_env;
	level->machine.data = hit;
	level->machine.context = context;
	level->machine.context_size = size;
	level->machine.packet = hit->packet;
	level->machine.packet_size = hit->packet_size;
	level->machine.cpu = cpu;
	level->machine.budget = budget_of(hit, counts);
	local_inc(&counts->hits);
	err = vm_program_run(link->program, &level->machine, &hit->result);
	if (port_unlikely(err)) {
		local_inc(&counts->errors);
		if (level->machine.error.kind == VM_ERROR_BUDGET)
			local_inc(&counts->exhausted);
		if (hit->error)
			*hit->error = level->machine.error;
	}
	barrier();
	level->busy = 0;
out:
	preempt_enable_notrace();
	return err;
}

unsigned long *ap_stack_scratch(struct vm_machine *machine)
{
	return container_of(machine, struct level, machine)->stack;
}

void ap_run_exit(void)
{
	u32 i;

	for (i = 0; cpus && i < port_cpu_count(); i++)
		port_free(cpus[i]);
	port_free(cpus);
}

int ap_run_init(void)
{
	u32 i;

	cpus = port_alloc((u64)port_cpu_count() * sizeof(*cpus));
	for (i = 0; cpus && i < port_cpu_count(); i++) {
		cpus[i] = port_alloc(sizeof(**cpus));
		if (!cpus[i])
			break;
	}
	if (cpus && i == port_cpu_count())
		return 0;
	ap_run_exit();
	return -ENOMEM;
}
