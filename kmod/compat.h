/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every difference between kernels, for the whole module. Each wrapper has the shape that the newest kernel
 * gives the thing; AP_HAS_… comes from the compile probes of `configure`, so that a vendor's backport
 * counts, not its version. The version in a comment is mainline's.
 */
#ifndef KMOD_COMPAT_H
#define KMOD_COMPAT_H

#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/perf_event.h>
#include <linux/ptrace.h>
#include <linux/sched.h>
#include <linux/types.h>
#include <linux/uprobes.h>
#include <linux/wait.h>
#include "config.h"
#ifdef AP_HAS_IRQ_WORK
#include <linux/irq_work.h>
#endif

struct inode;
struct dentry;
struct socket;
struct tracepoint;
struct vm_area_struct;

/* ---- memory; 0 or -EFAULT, without sleeping ---- */

int ap_read_kernel(void *to, unsigned long from, size_t size);
int ap_read_user(void *to, unsigned long from, size_t size);

/* Returns when no program runs any more that runs now. */
void port_synchronize(void);

/* ---- time, task ---- */

u64 ap_time_monotonic(void);
u64 ap_time_boot(void);
u64 ap_time_tai(void);
u64 ap_uid_gid(void);
u64 ap_cgroup_id(void);

/* Return addresses, the innermost first; how many, or a negative errno. `regs`: where it was hit, or NULL. */
int ap_stack_kernel(struct pt_regs *regs, unsigned long *ips, u32 count);
int ap_stack_user(struct pt_regs *regs, unsigned long *ips, u32 count);

/* Text into the kernel's trace. __trace_puts is 3.10's; before that there is only the formatting kind. */
void ap_print(const char *text, u32 length);
/*
 * The kernel notes tasks' names for its trace only while an event is on. As it does for its own BPF, we put
 * one on that (nearly) never happens, from the first program that prints until the module goes.
 */
void ap_print_names(int on);

/* ---- waking somebody from where no lock may be taken: irq_work, since 2.6.37 ---- */

#ifdef AP_HAS_IRQ_WORK
#define ap_irq_work irq_work
#define ap_irq_work_init(work, function) init_irq_work(work, function)
#define ap_irq_work_queue(work) ((void)irq_work_queue(work))
#define ap_irq_work_sync(work) irq_work_sync(work) /* exported since 2.6.39 */
#else /* a tasklet may be scheduled from any interrupt; from an NMI it would be a tick late, and there are none here */
#include <linux/interrupt.h>
struct ap_irq_work {
	struct tasklet_struct tasklet;
	void (*function)(struct ap_irq_work *work);
};
void ap_irq_work_init(struct ap_irq_work *work, void (*function)(struct ap_irq_work *work));
#define ap_irq_work_queue(work) tasklet_schedule(&(work)->tasklet)
#define ap_irq_work_sync(work) tasklet_kill(&(work)->tasklet)
#endif

/* ---- files ---- */

#ifdef AP_HAS_POLL_T /* 4.16: a type of its own */
typedef __poll_t ap_poll_t;
#else
typedef unsigned int ap_poll_t;
#endif

void ap_area_forbid_write(struct vm_area_struct *area); /* vm_flags_clear, 6.3 */
struct inode *ap_real_inode(struct dentry *dentry);	/* d_real_inode, 4.8: below an overlay */
int ap_socket_name(struct socket *socket, void *address); /* getname has three arguments since 4.17 */

/* Since 5.17 a handler for all packets belongs to a network namespace; who asks for none is told off since 6.16. */
#ifdef AP_HAS_PACKET_NET
#define ap_packet_set_net(type, net) ((type)->af_packet_net = (net))
#else
#define ap_packet_set_net(type, net) ((void)(net))
#endif

/* ---- kretprobes: the instance knows its probe by a function since 5.11; NULL: that is gone ---- */

#ifdef AP_HAS_GET_KRETPROBE
#define ap_kretprobe_of(instance) get_kretprobe(instance)
#else
#define ap_kretprobe_of(instance) ((instance)->rp)
#endif

/* ---- tracepoints ---- */

/*
 * By object since 3.15 (and a way to find it since 4.? in modules: for_each_kernel_tracepoint); before that
 * by name, and before 2.6.36 without data for the probe.
 */
struct ap_tracepoint {
	struct tracepoint *object;
	char name[64];
};

int ap_tracepoint_register(struct ap_tracepoint *tracepoint, const char *name, void *probe, void *data);
/* Returns when no probe runs any more. */
void ap_tracepoint_unregister(struct ap_tracepoint *tracepoint, void *probe, void *data);

/* ---- perf: handlers lost their `nmi` argument in 3.1, when counters got a context ---- */

#ifdef CONFIG_PERF_EVENTS
#ifdef AP_HAS_PERF_CONTEXT
#define AP_PERF_HANDLER(name, function)                                                                                \
	void name(struct perf_event *event, struct perf_sample_data *data, struct pt_regs *regs)                       \
	{                                                                                                              \
		function(event, data, regs);                                                                           \
	}
#define ap_perf_context(event) ((event)->overflow_handler_context)
#else
#define AP_PERF_HANDLER(name, function)                                                                                \
	void name(struct perf_event *event, int nmi, struct perf_sample_data *data, struct pt_regs *regs)              \
	{                                                                                                              \
		function(event, data, regs);                                                                           \
	}
#define ap_perf_context(event) ((void *)(unsigned long)(event)->attr.bp_addr) /* nobody else's in our events */
#endif
typedef perf_overflow_handler_t ap_perf_handler_t;

struct perf_event *ap_perf_create(struct perf_event_attr *attr, int cpu, ap_perf_handler_t handler, void *context);
#endif
void *ap_perf_record(struct perf_sample_data *data, u32 *size); /* in fragments since 4.8 */

/* ---- uprobes: known by inode and offset, by an object since 6.12; handlers got a data pointer in 6.13 ---- */

#ifdef AP_HAS_UPROBE_HANDLER_DATA
#define AP_UPROBE_DATA , __u64 *data
#else
#define AP_UPROBE_DATA
#endif
#define AP_UPROBE_HANDLER(name, function)                                                                              \
	int name(struct uprobe_consumer *consumer, struct pt_regs *regs AP_UPROBE_DATA)                                \
	{                                                                                                              \
		function(consumer, regs);                                                                              \
		return 0;                                                                                              \
	}
#define AP_URETPROBE_HANDLER(name, function)                                                                           \
	int name(struct uprobe_consumer *consumer, unsigned long entry, struct pt_regs *regs AP_UPROBE_DATA)           \
	{                                                                                                              \
		function(consumer, regs);                                                                              \
		return 0;                                                                                              \
	}

struct ap_uprobe {
	void *object;
};

int ap_uprobe_register(struct ap_uprobe *uprobe, struct inode *inode, u64 offset, u64 semaphore,
		       struct uprobe_consumer *consumer);
/* Returns when no handler runs any more. */
void ap_uprobe_unregister(struct ap_uprobe *uprobe, struct inode *inode, u64 offset, struct uprobe_consumer *consumer);

/* ---- what can be had here at all: bits of protocol.h ---- */

u32 ap_abilities(void);

#endif
