// SPDX-License-Identifier: GPL-2.0-only
/*
 * kprobes and kretprobes, one or many in a link. fentry and fexit programs are attached here too: they get
 * the function's arguments out of the registers, at a return those that were there at the entry.
 */
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/string.h>
#include "anyprobe.h"

#ifdef CONFIG_X86_64
#define REGISTER_ARGS 6
#else
#define REGISTER_ARGS 0
#endif

struct probe {
	union {
		struct kprobe entry;
		struct kretprobe at_return; /* begins with one */
	};
	struct ap_link *link;
};

struct probes {
	int at_return;
	u32 count; /* of those below that are registered: */
	struct kprobe **registered;
	struct probe probe[];
};

/*
 * The kernel knows best what must not be probed, and refuses it. These it does not know: they are on the way
 * from a handler to the point where run.c notices that it is in a run already.
 */
static const char *const forbidden[] = {
	"rcu_is_watching", "preempt_count_add", "preempt_count_sub", "debug_smp_processor_id", "in_lock_functions",
};

static int may_probe(const char *name)
{
	u32 i;

	for (i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++)
		if (!strcmp(name, forbidden[i]))
			return 0;
	return 1;
}

/* As the architecture's calling convention has them. */
static void register_args(const struct pt_regs *regs, u64 *args)
{
#ifdef CONFIG_X86_64
	args[0] = regs->di;
	args[1] = regs->si;
	args[2] = regs->dx;
	args[3] = regs->cx;
	args[4] = regs->r8;
	args[5] = regs->r9;
#endif
}

/* `entered`: NULL, or at the return, the arguments that were kept at the entry. */
static void hit_function(struct probe *probe, struct kprobe *kprobe, struct pt_regs *regs, const void *entered)
{
	struct ap_link *link = probe->link;
	struct ap_hit hit PORT_UNINITIALIZED;
	u64 args[REGISTER_ARGS + 1] PORT_UNINITIALIZED;

	ap_hit_init(&hit, link, regs, (unsigned long)kprobe->addr);
	if (!(link->flags & ANYPROBE_AS_ARGUMENTS)) {
		ap_run(&hit, regs, sizeof(*regs));
		return;
	}
	hit.args = args;
	hit.count = link->arguments;
	args[REGISTER_ARGS] = 0;
	if (entered) {
		memcpy(args, entered, REGISTER_ARGS * sizeof(*args));
		args[hit.count] = regs_return_value(regs);
	} else {
		register_args(regs, args);
	}
	ap_run(&hit, args, (hit.count + !!entered) * sizeof(*args));
}

static int entry_hit(struct kprobe *kprobe, struct pt_regs *regs)
{
	hit_function(container_of(kprobe, struct probe, entry), kprobe, regs, NULL);
	return 0;
}

static int keep_args(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	register_args(regs, (u64 *)instance->data);
	return 0;
}

static int return_hit(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	struct kretprobe *kretprobe = ap_kretprobe_of(instance);

	if (kretprobe) /* else: detached while the function ran */
		hit_function(container_of(kretprobe, struct probe, at_return), &kretprobe->kp, regs, instance->data);
	return 0;
}

static int probe_register(struct probe *probe, struct ap_link *link, char *name, u64 offset, int at_return)
{
	struct kprobe *kprobe = &probe->entry;
	unsigned long address = 0;
	char found[64];
	int err;

	probe->link = link;
	if (!strncmp(name, "0x", 2)) {
		if (kstrtoul(name, 16, &address))
			return -EINVAL;
		kprobe->addr = (kprobe_opcode_t *)address;
		snprintf(found, sizeof(found), "%ps", (void *)address);
	} else {
		kprobe->symbol_name = name;
	}
	if (!may_probe(address ? found : name) || offset > UINT_MAX)
		return -EINVAL;
	kprobe->offset = offset;
	if (!at_return) {
		kprobe->pre_handler = entry_hit;
		err = register_kprobe(kprobe);
	} else {
		probe->at_return.handler = return_hit;
		probe->at_return.maxactive = max_t(int, 64, 4 * num_possible_cpus());
		if (link->flags & ANYPROBE_AS_ARGUMENTS) {
			probe->at_return.entry_handler = keep_args;
			probe->at_return.data_size = REGISTER_ARGS * sizeof(u64);
		}
		err = register_kretprobe(&probe->at_return);
	}
	kprobe->symbol_name = NULL; /* the caller's memory */
	if (!err && within_module((unsigned long)kprobe->addr, THIS_MODULE)) {
		if (at_return)
			unregister_kretprobe(&probe->at_return);
		else
			unregister_kprobe(kprobe);
		err = -EINVAL;
	}
	return err;
}

static int attach(struct ap_link *link, struct anyprobe_attach *attach, char *names)
{
	struct probes *probes = link->own;
	int err = -EINVAL;
	u32 i;

	if (!attach->count || ((link->flags & ANYPROBE_AS_ARGUMENTS) && link->arguments > REGISTER_ARGS))
		return -EINVAL;
	probes->at_return = attach->kind == ANYPROBE_ON_KRETPROBE;
	probes->registered = (struct kprobe **)&probes->probe[attach->count];
	for (i = 0; i < attach->count; i++, names += strlen(names) + 1) {
		err = probe_register(&probes->probe[i], link, names, attach->offset, probes->at_return);
		if (!err)
			probes->registered[probes->count++] = &probes->probe[i].entry;
		else if (err != -EINVAL || attach->count == 1)
			return err;
		else /* of many, some that cannot be probed are no reason to do without the others */
			attach->refused++;
	}
	return probes->count ? 0 : -EINVAL;
}

/* All at once: the kernel waits for the end of all handlers only once. */
static void detach(struct ap_link *link)
{
	struct probes *probes = link->own;

	if (probes->count && probes->at_return)
		unregister_kretprobes((struct kretprobe **)probes->registered, probes->count);
	else if (probes->count)
		unregister_kprobes(probes->registered, probes->count);
}

static u64 missed(struct ap_link *link)
{
	struct probes *probes = link->own;
	u64 sum = 0;
	u32 i;

	for (i = 0; i < probes->count; i++) {
		sum += probes->registered[i]->nmissed;
		if (probes->at_return)
			sum += container_of(probes->registered[i], struct kretprobe, kp)->nmissed;
	}
	return sum;
}

const struct ap_link_ops ap_kprobe_ops = {
	.size = sizeof(struct probes),
	.each = sizeof(struct probe) + sizeof(struct kprobe *),
	.attach = attach,
	.detach = detach,
	.missed = missed,
};
