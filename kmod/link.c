// SPDX-License-Identifier: GPL-2.0-only
/* Links: the table of kinds, and what all of them share. */
#include <linux/fs.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "anyprobe.h"

struct kind {
	const struct ap_link_ops *ops;
	u32 ability;
	u32 programs; /* types that may be attached, as bits */
};

#define PROGRAM(type) (1U << VM_PROGRAM_##type)

static const struct kind kinds[] = {
	[ANYPROBE_ON_KPROBE] = {&ap_kprobe_ops, ANYPROBE_KPROBES, PROGRAM(KPROBE) | PROGRAM(TRACING)},
	[ANYPROBE_ON_KRETPROBE] = {&ap_kprobe_ops, ANYPROBE_KRETPROBES, PROGRAM(KPROBE) | PROGRAM(TRACING)},
	[ANYPROBE_ON_RAW_TRACEPOINT] = {&ap_raw_tracepoint_ops, ANYPROBE_RAW_TRACEPOINT,
					PROGRAM(RAW_TRACEPOINT) | PROGRAM(TRACING)},
	[ANYPROBE_ON_TRACEPOINT] = {&ap_perf_ops, ANYPROBE_TRACEPOINT, PROGRAM(TRACEPOINT)},
	[ANYPROBE_ON_UPROBE] = {&ap_uprobe_ops, ANYPROBE_UPROBES, PROGRAM(KPROBE)},
	[ANYPROBE_ON_URETPROBE] = {&ap_uprobe_ops, ANYPROBE_UPROBES, PROGRAM(KPROBE)},
	[ANYPROBE_ON_CLOCK] = {&ap_perf_ops, ANYPROBE_CLOCK, PROGRAM(PERF_EVENT)},
	[ANYPROBE_ON_SOCKET] = {&ap_socket_ops, ANYPROBE_PACKETS, PROGRAM(SOCKET_FILTER)},
};

#define NAMES_MAX (4U << 20)
#define COUNT_MAX (1U << 16)

/* As many strings as `count`, each with its NUL. The copy is the caller's to free, also after an error. */
static int copy_names(const struct anyprobe_attach *attach, char **names)
{
	u32 i, found = 0;
	int err = 0;

	*names = NULL;
	if (!attach->count && !attach->names_size)
		return 0;
	if (!attach->names_size || attach->names_size > NAMES_MAX || attach->count > COUNT_MAX)
		return -EINVAL;
	*names = port_alloc(attach->names_size);
	if (!*names)
		return -ENOMEM;
	if (copy_from_user(*names, (void __user *)(unsigned long)attach->names, attach->names_size))
		err = -EFAULT;
	for (i = 0; !err && i < attach->names_size; i++)
		found += !(*names)[i];
	if (!err && (found != attach->count || (*names)[attach->names_size - 1]))
		err = -EINVAL;
	return err;
}

static const struct kind *kind_of(const struct anyprobe_attach *attach, struct vm_program *program, int *err)
{
	const struct kind *kind = attach->kind < sizeof(kinds) / sizeof(kinds[0]) ? &kinds[attach->kind] : NULL;

	*err = -EINVAL;
	if (!kind || !kind->ops || !(kind->programs & 1U << vm_program_type(program)))
		return NULL;
	*err = ap_abilities() & kind->ability ? 0 : -EOPNOTSUPP;
	return *err ? NULL : kind;
}

int ap_attach(struct anyprobe_attach *attach)
{
	struct vm_program *program;
	const struct kind *kind;
	struct ap_link *link;
	static u32 last_id;
	char *names = NULL;
	int err = ap_program_by_fd(NULL, attach->program_fd, &program);

	if (err)
		return err;
	kind = kind_of(attach, program, &err);
	if (kind)
		err = copy_names(attach, &names);
	link = err ? NULL : kzalloc(sizeof(*link), GFP_KERNEL);
	if (!link) {
		port_free(names);
		vm_program_put(program);
		return err ? err : -ENOMEM;
	}
	link->program = program;
	link->ops = kind->ops;
	link->cookie = attach->cookie;
	link->pid = attach->pid;
	link->flags = attach->flags;
	link->arguments = min_t(u32, attach->arguments, 12);
	link->id = port_fetch_add(&last_id, 1) + 1;
	link->counts = alloc_percpu(struct ap_counts);
	link->own = port_alloc(link->ops->size + (u64)max_t(u32, attach->count, nr_cpu_ids) * link->ops->each);
	err = link->counts && link->own ? link->ops->attach(link, attach, names) : -ENOMEM;
	if (err)
		ap_link_destroy(link);
	else
		err = ap_fd_create(ANYPROBE_LINK, link);
	port_free(names);
	return err;
}

void ap_link_destroy(struct ap_link *link)
{
	if (link->own)
		link->ops->detach(link);
	port_free(link->own);
	vm_program_put(link->program);
	free_percpu(link->counts);
	kfree(link);
}

void ap_link_describe(struct ap_link *link, struct anyprobe_object *object)
{
	const struct ap_counts *counts;
	int cpu;

	object->kind = ANYPROBE_LINK;
	object->id = link->id;
	object->misses = link->ops->missed ? link->ops->missed(link) : 0;
	for_each_possible_cpu(cpu) {
		counts = per_cpu_ptr(link->counts, cpu);
		object->hits += local_read(&counts->hits);
		object->misses += local_read(&counts->misses);
		object->errors += local_read(&counts->errors);
		object->exhausted += local_read(&counts->exhausted);
	}
}
