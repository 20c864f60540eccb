// SPDX-License-Identifier: GPL-2.0-only
/*
 * kprobes and kretprobes, one or many in a link. fentry and fexit programs are attached here too: they get
 * the function's arguments out of the registers, at a return those that were there at the entry.
 */
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/string.h>
#include <linux/vmalloc.h>
#include "anyprobe.h"

#define REGISTER_ARGS 6

struct probe {
	union {
		struct kprobe entry;
		struct kretprobe at_return;
	};
	struct ap_link *link;
	int registered;
};

struct probes {
	u32 count;
	int at_return;
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

/* As the architecture's calling convention has them; -1: this many are not in registers. */
static int register_args(const struct pt_regs *regs, u64 *args)
{
#ifdef CONFIG_X86_64
	args[0] = regs->di;
	args[1] = regs->si;
	args[2] = regs->dx;
	args[3] = regs->cx;
	args[4] = regs->r8;
	args[5] = regs->r9;
	return 0;
#else
	return -1;
#endif
}

static int entry_hit(struct kprobe *kprobe, struct pt_regs *regs)
{
	struct probe *probe = container_of(kprobe, struct probe, entry);
	struct ap_link *link = probe->link;
	u64 args[REGISTER_ARGS + 1] = {0};
	struct ap_hit hit = {.link = link, .regs = regs, .ip = (unsigned long)kprobe->addr};

	if (!(link->flags & ANYPROBE_AS_ARGUMENTS)) {
		ap_run(&hit, regs, sizeof(*regs));
	} else {
		register_args(regs, args);
		hit.args = args;
		hit.count = link->arguments;
		ap_run(&hit, args, link->arguments * sizeof(*args));
	}
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
	struct probe *probe = container_of(kretprobe, struct probe, at_return);
	struct ap_hit hit = {.regs = regs};
	u64 args[REGISTER_ARGS + 1];

	if (!kretprobe) /* detached while the function ran */
		return 0;
	hit.link = probe->link;
	hit.ip = (unsigned long)kretprobe->kp.addr;
	if (!(probe->link->flags & ANYPROBE_AS_ARGUMENTS)) {
		ap_run(&hit, regs, sizeof(*regs));
		return 0;
	}
	hit.args = args;
	hit.count = probe->link->arguments;
	memcpy(args, instance->data, sizeof(args) - sizeof(*args));
	args[hit.count] = regs_return_value(regs);
	ap_run(&hit, args, (hit.count + 1) * sizeof(*args));
	return 0;
}

static int probe_register(struct probe *probe, struct ap_link *link, char *name, u64 offset, int at_return)
{
	struct kprobe *kprobe = at_return ? &probe->at_return.kp : &probe->entry;
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
	probe->registered = !err;
	return err;
}

static int attach(struct ap_link *link, struct anyprobe_attach *attach, char *names, int at_return)
{
	struct probes *probes;
	int err = -EINVAL;
	u32 i;

	if (!attach->count || ((link->flags & ANYPROBE_AS_ARGUMENTS) && link->arguments > REGISTER_ARGS))
		return -EINVAL;
	probes = port_alloc(sizeof(*probes) + (u64)attach->count * sizeof(probes->probe[0]));
	if (!probes)
		return -ENOMEM;
	link->own = probes;
	probes->count = attach->count;
	probes->at_return = at_return;
	for (i = 0; i < probes->count; i++, names += strlen(names) + 1) {
		err = probe_register(&probes->probe[i], link, names, attach->offset, at_return);
		attach->refused += !!err;
		/* Of many, some that cannot be probed are no reason to do without the others. */
		if (err && (err != -EINVAL || probes->count == 1))
			return err;
	}
	return attach->refused == probes->count ? -EINVAL : 0;
}

static int attach_entry(struct ap_link *link, struct anyprobe_attach *request, char *names)
{
	return attach(link, request, names, 0);
}

static int attach_return(struct ap_link *link, struct anyprobe_attach *request, char *names)
{
	return attach(link, request, names, 1);
}

/* All at once: the kernel waits for the end of all handlers only once. */
static void detach(struct ap_link *link)
{
	struct probes *probes = link->own;
	void **registered;
	u32 i, count = 0;

	if (!probes)
		return;
	registered = port_alloc((u64)probes->count * sizeof(void *));
	for (i = 0; i < probes->count; i++) {
		if (!probes->probe[i].registered)
			continue;
		if (registered)
			registered[count++] = &probes->probe[i].entry;
		else if (probes->at_return)
			unregister_kretprobe(&probes->probe[i].at_return);
		else
			unregister_kprobe(&probes->probe[i].entry);
	}
	if (count && probes->at_return)
		unregister_kretprobes((struct kretprobe **)registered, count);
	else if (count)
		unregister_kprobes((struct kprobe **)registered, count);
	port_free(registered);
	port_free(probes);
}

static u64 missed(struct ap_link *link)
{
	struct probes *probes = link->own;
	u64 sum = 0;
	u32 i;

	for (i = 0; i < probes->count; i++) {
		if (!probes->probe[i].registered)
			continue;
		if (probes->at_return)
			sum += probes->probe[i].at_return.nmissed + probes->probe[i].at_return.kp.nmissed;
		else
			sum += probes->probe[i].entry.nmissed;
	}
	return sum;
}

const struct ap_link_ops ap_kprobe_ops = {attach_entry, detach, missed};
const struct ap_link_ops ap_kretprobe_ops = {attach_return, detach, missed};
