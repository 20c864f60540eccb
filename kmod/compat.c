// SPDX-License-Identifier: GPL-2.0-only
/* The bodies of compat.h: one function per thing that kernels do differently, its variants beside each other. */
#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/hardirq.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/net.h>
#include <linux/rcupdate.h>
#include <linux/stacktrace.h>
#include <linux/string.h>
#include <linux/tracepoint.h>
#include <linux/uaccess.h>
#ifdef AP_HAS_CGROUP_ID
#include <linux/cgroup.h>
#endif
#include "compat.h"
#include "protocol.h"
#ifdef AP_HAS_TRACE_SET_EVENT
#include <linux/trace_events.h>
#endif

/* ---- memory ---- */

int ap_read_kernel(void *to, unsigned long from, size_t size)
{
#ifdef AP_HAS_KERNEL_NOFAULT /* 5.8 */
	return copy_from_kernel_nofault(to, (const void *)from, size) ? -EFAULT : 0;
#else
	/* It would read user memory too, or what is mapped there just now. */
	if (from < PAGE_OFFSET || from + size < from)
		return -EFAULT;
	return probe_kernel_read(to, (const void *)from, size) ? -EFAULT : 0;
#endif
}

int ap_read_user(void *to, unsigned long from, size_t size)
{
	/* A kernel thread has the last task's memory mapped, which is not its own. */
	if (!current->mm)
		return -EFAULT;
#ifdef AP_HAS_USER_NOFAULT /* 5.8, and may be called from an NMI, which a breakpoint counts as since then */
	return copy_from_user_nofault(to, (const void __user *)from, size) ? -EFAULT : 0;
#else
	{
		int left;

		/* Without access_ok(), which may want to know that it can sleep, and has changed its arguments in 5.0. */
		if (in_nmi() || from >= TASK_SIZE_MAX || size > TASK_SIZE_MAX - from)
			return -EFAULT;
		pagefault_disable();
		left = __copy_from_user_inatomic(to, (const void __user *)from, size);
		pagefault_enable();
		return left ? -EFAULT : 0;
	}
#endif
}

/* For all that run with preemption off. */
void port_synchronize(void)
{
#ifdef AP_HAS_SYNCHRONIZE_SCHED /* until 5.0; since 4.20 it is the same */
	synchronize_sched();
#else
	synchronize_rcu();
#endif
}

/* ---- time, task ---- */

u64 ap_time_monotonic(void)
{
#ifdef AP_HAS_KTIME_FAST /* 3.17; safe in NMIs */
	return ktime_get_mono_fast_ns();
#else
	return in_nmi() ? 0 : ktime_to_ns(ktime_get());
#endif
}

u64 ap_time_boot(void)
{
#ifdef AP_HAS_KTIME_BOOT_FAST /* 4.10 */
	return ktime_get_boot_fast_ns();
#else
	return ap_time_monotonic();
#endif
}

u64 ap_time_tai(void)
{
#ifdef AP_HAS_KTIME_TAI_FAST /* 5.19 */
	return ktime_get_tai_fast_ns();
#elif defined(AP_HAS_KTIME_TAI) /* 3.14, not in NMIs */
	return in_nmi() ? 0 : ktime_to_ns(ktime_get_clocktai());
#else
	return 0;
#endif
}

u64 ap_uid_gid(void)
{
#ifdef AP_HAS_KUID /* 3.5 */
	return (u64)from_kgid(&init_user_ns, current_gid()) << 32 | from_kuid(&init_user_ns, current_uid());
#else
	return (u64)current_gid() << 32 | current_uid();
#endif
}

u64 ap_cgroup_id(void)
{
#ifdef AP_HAS_CGROUP_ID /* 5.5 */
	u64 id;

	rcu_read_lock();
	id = cgroup_id(task_dfl_cgroup(current));
	rcu_read_unlock();
	return id;
#else
	return 0;
#endif
}

/* ---- stacks ---- */

static u32 stack_here(unsigned long *ips, u32 count)
{
#ifdef AP_HAS_STACK_SAVE /* 5.2 */
	return stack_trace_save(ips, count, 0);
#elif defined(CONFIG_STACKTRACE)
	struct stack_trace trace = {.max_entries = count, .entries = ips};

	save_stack_trace(&trace);
	/* Some architectures end with a mark. */
	return trace.nr_entries && ips[trace.nr_entries - 1] == ULONG_MAX ? trace.nr_entries - 1 : trace.nr_entries;
#else
	return 0;
#endif
}

static u32 find(const unsigned long *ips, u32 count, unsigned long address)
{
	u32 i;

	for (i = 0; i < count; i++)
		if (ips[i] == address)
			break;
	return i;
}

/*
 * The stack as it is here, with what led from the hit to here taken off. A function that ftrace calls us
 * from does not stand on the stack by itself, but its caller does, where the registers point.
 */
int ap_stack_kernel(struct pt_regs *regs, unsigned long *ips, u32 count)
{
	u32 total = stack_here(ips, count), start = 0, i;
	unsigned long caller;

	if (regs) {
		start = find(ips, total, instruction_pointer(regs));
		if (start == total && !ap_read_kernel(&caller, kernel_stack_pointer(regs), sizeof(caller))) {
			start = find(ips, total, caller);
			if (start && start < total)
				ips[--start] = instruction_pointer(regs);
		}
		if (start == total)
			start = 0;
	} else {
		for (i = 0; i < total && i < 16; i++)
			if (within_module(ips[i], THIS_MODULE))
				start = i + 1;
	}
	memmove(ips, ips + start, (total - start) * sizeof(*ips));
	return total - start ? (int)(total - start) : -EFAULT;
}

int ap_stack_user(struct pt_regs *regs, unsigned long *ips, u32 count)
{
	u32 got = 0;

	if (!current->mm || !count)
		return -EFAULT;
	if (!regs || !user_mode(regs))
		regs = task_pt_regs(current);
	ips[got++] = instruction_pointer(regs);
#ifdef CONFIG_X86_64
	{
		unsigned long frame[2] = {regs->bp, 0}, at;

		while (got < count) {
			at = frame[0];
			if (!at || at & 7 || ap_read_user(frame, at, sizeof(frame)) || !frame[1])
				break;
			ips[got++] = frame[1];
			if (frame[0] <= at) /* stacks grow down: a frame further out is higher */
				break;
		}
	}
#endif
	return got;
}

/* ---- the trace ---- */

void ap_print(const char *text, u32 length)
{
#ifdef CONFIG_TRACING
#if defined(AP_HAS_TRACE_PUTS_SHORT) /* since 7.0 it counts by itself */
	__trace_puts(_THIS_IP_, text);
#elif defined(AP_HAS_TRACE_PUTS) /* 3.10 */
	__trace_puts(_THIS_IP_, text, length);
#else
	__trace_printk(_THIS_IP_, "%s", text);
#endif
#endif
}

void ap_print_names(int on)
{
#ifdef AP_HAS_TRACE_SET_EVENT
	static atomic_t noted = ATOMIC_INIT(0);

	if (atomic_xchg(&noted, on) != on)
		trace_set_clr_event("oom", "mark_victim", on);
#endif
}

#ifndef AP_HAS_IRQ_WORK
static void run_tasklet(unsigned long data)
{
	struct ap_irq_work *work = (struct ap_irq_work *)data;

	work->function(work);
}

void ap_irq_work_init(struct ap_irq_work *work, void (*function)(struct ap_irq_work *work))
{
	work->function = function;
	tasklet_init(&work->tasklet, run_tasklet, (unsigned long)work);
}
#endif

/* ---- files ---- */

void ap_area_forbid_write(struct vm_area_struct *area)
{
#ifdef AP_HAS_VM_FLAGS_CLEAR /* 6.3 */
	vm_flags_clear(area, VM_MAYWRITE);
#else
	area->vm_flags &= ~VM_MAYWRITE;
#endif
}

struct inode *ap_real_inode(struct dentry *dentry)
{
#ifdef AP_HAS_REAL_INODE
	return d_real_inode(dentry);
#else
	return dentry->d_inode;
#endif
}

int ap_socket_name(struct socket *socket, void *address)
{
#ifdef AP_HAS_GETNAME_3 /* 4.17 */
	return socket->ops->getname(socket, address, 0);
#else
	int length;

	return socket->ops->getname(socket, address, &length, 0);
#endif
}

/* ---- tracepoints ---- */

#ifndef CONFIG_TRACEPOINTS
int ap_tracepoint_register(struct ap_tracepoint *tracepoint, const char *name, void *probe, void *data)
{
	return -EOPNOTSUPP;
}

void ap_tracepoint_unregister(struct ap_tracepoint *tracepoint, void *probe, void *data)
{
}
#elif defined(AP_HAS_TRACEPOINT_OBJECT)
struct search {
	const char *name;
	struct tracepoint *found;
};

static void compare(struct tracepoint *tracepoint, void *data)
{
	struct search *search = data;

	if (!strcmp(tracepoint->name, search->name))
		search->found = tracepoint;
}

int ap_tracepoint_register(struct ap_tracepoint *tracepoint, const char *name, void *probe, void *data)
{
	struct search search = {name, NULL};

	for_each_kernel_tracepoint(compare, &search);
	if (!search.found)
		return -ENOENT;
	tracepoint->object = search.found;
	return tracepoint_probe_register(search.found, probe, data);
}

void ap_tracepoint_unregister(struct ap_tracepoint *tracepoint, void *probe, void *data)
{
	tracepoint_probe_unregister(tracepoint->object, probe, data);
	tracepoint_synchronize_unregister();
}
#elif defined(AP_HAS_TRACEPOINT_NAME) /* 2.6.36 to 3.14 */
int ap_tracepoint_register(struct ap_tracepoint *tracepoint, const char *name, void *probe, void *data)
{
	if (strlen(name) >= sizeof(tracepoint->name))
		return -ENOENT;
	strcpy(tracepoint->name, name);
	/* The kernel keeps a name that no tracepoint has, for a module to come. */
	return tracepoint_probe_register(tracepoint->name, probe, data);
}

void ap_tracepoint_unregister(struct ap_tracepoint *tracepoint, void *probe, void *data)
{
	tracepoint_probe_unregister(tracepoint->name, probe, data);
	tracepoint_synchronize_unregister();
}
#else /* before: a function for each probe, since nothing else says which one it was */
#define PROBES 8
typedef void (*probe_function)(void *data, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f, u64 g, u64 h, u64 i, u64 j, u64 k,
			       u64 l);
static struct {
	probe_function probe;
	void *data;
} slots[PROBES];

#define SLOT(n)                                                                                                        \
	static void slot_##n(u64 a, u64 b, u64 c, u64 d, u64 e, u64 f, u64 g, u64 h, u64 i, u64 j, u64 k, u64 l)       \
	{                                                                                                              \
		slots[n].probe(slots[n].data, a, b, c, d, e, f, g, h, i, j, k, l);                                     \
	}
SLOT(0) SLOT(1) SLOT(2) SLOT(3) SLOT(4) SLOT(5) SLOT(6) SLOT(7)
static void *const functions[PROBES] = {slot_0, slot_1, slot_2, slot_3, slot_4, slot_5, slot_6, slot_7};

int ap_tracepoint_register(struct ap_tracepoint *tracepoint, const char *name, void *probe, void *data)
{
	int i, err;

	if (strlen(name) >= sizeof(tracepoint->name))
		return -ENOENT;
	strcpy(tracepoint->name, name);
	for (i = 0; i < PROBES; i++)
		if (!cmpxchg(&slots[i].data, NULL, data))
			break;
	if (i == PROBES)
		return -EMFILE;
	slots[i].probe = (probe_function)probe;
	err = tracepoint_probe_register(tracepoint->name, functions[i]);
	if (err)
		slots[i].data = NULL;
	return err;
}

void ap_tracepoint_unregister(struct ap_tracepoint *tracepoint, void *probe, void *data)
{
	int i;

	for (i = 0; i < PROBES && slots[i].data != data; i++)
		;
	tracepoint_probe_unregister(tracepoint->name, functions[i]);
	tracepoint_synchronize_unregister();
	slots[i].data = NULL;
}
#endif

/* ---- perf ---- */

#ifdef CONFIG_PERF_EVENTS
struct perf_event *ap_perf_create(struct perf_event_attr *attr, int cpu, ap_perf_handler_t handler, void *context)
{
#ifdef AP_HAS_PERF_CONTEXT
	return perf_event_create_kernel_counter(attr, cpu, NULL, handler, context);
#else
	attr->bp_addr = (unsigned long)context;
	return perf_event_create_kernel_counter(attr, cpu, -1, handler);
#endif
}

void *ap_perf_record(struct perf_sample_data *data, u32 *size)
{
	if (!data->raw)
		return NULL;
#ifdef AP_HAS_RAW_FRAGMENT
	*size = data->raw->frag.size;
	return data->raw->frag.data;
#else
	*size = data->raw->size;
	return data->raw->data;
#endif
}
#endif

/* ---- uprobes ---- */

int ap_uprobe_register(struct ap_uprobe *uprobe, struct inode *inode, u64 offset, u64 semaphore,
		       struct uprobe_consumer *consumer)
{
#ifdef AP_HAS_UPROBE_OBJECT /* 6.12 */
	uprobe->object = uprobe_register(inode, offset, semaphore, consumer);
	return IS_ERR(uprobe->object) ? PTR_ERR(uprobe->object) : 0;
#elif defined(AP_HAS_UPROBE_SEMAPHORE) /* 4.20 */
	return uprobe_register_refctr(inode, offset, semaphore, consumer);
#else
	return semaphore ? -EOPNOTSUPP : uprobe_register(inode, offset, consumer);
#endif
}

void ap_uprobe_unregister(struct ap_uprobe *uprobe, struct inode *inode, u64 offset, struct uprobe_consumer *consumer)
{
#ifdef AP_HAS_UPROBE_OBJECT
	uprobe_unregister_nosync(uprobe->object, consumer);
	uprobe_unregister_sync();
#else
	uprobe_unregister(inode, offset, consumer);
#endif
}

/* ---- what can be had ---- */

u32 ap_abilities(void)
{
	u32 can = ANYPROBE_KPROBES | ANYPROBE_PACKETS;

#ifdef CONFIG_KRETPROBES
	can |= ANYPROBE_KRETPROBES;
#endif
	/* With control flow integrity by type, one function cannot stand for probes of every shape. */
#if defined(CONFIG_TRACEPOINTS) && !defined(CONFIG_CFI_CLANG) && !defined(CONFIG_CFI)
	can |= ANYPROBE_RAW_TRACEPOINT;
#endif
#ifdef CONFIG_UPROBES
	can |= ANYPROBE_UPROBES;
#endif
#ifdef CONFIG_PERF_EVENTS
	can |= ANYPROBE_CLOCK;
#ifdef CONFIG_EVENT_TRACING
	can |= ANYPROBE_TRACEPOINT;
#endif
#endif
#ifdef CONFIG_TRACING
	can |= ANYPROBE_PRINTK;
#endif
	return can;
}
