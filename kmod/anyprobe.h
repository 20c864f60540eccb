/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of the module know of each other. int: 0 (or an fd) or a negative errno. */
#ifndef KMOD_ANYPROBE_H
#define KMOD_ANYPROBE_H

#include <asm/local.h>
#include <linux/percpu.h>
#include "../vm/bpf.h"
#include "compat.h"
#include "protocol.h"

struct ap_link;

/* ---- object.c: file descriptors ---- */

/* For one of enum anyprobe_object_kind. What it is given is the descriptor's from now on, or gone; NULL: -ENOMEM. */
int ap_fd_create(u32 kind, void *own);
/* With a reference; -EBADF if the descriptor is something else. The vm's own calls: data is NULL. */
int ap_map_by_fd(void *data, int fd, struct vm_map **map);
int ap_program_by_fd(void *data, int fd, struct vm_program **program);
int ap_perf_ring_by_fd(void *data, int fd, void **file); /* what a perf event array holds */
/* Nobody may write a frozen map through a mapping. */
int ap_map_freeze_by_fd(void *data, int fd);

/* From a handler. */
void ap_map_wake(struct vm_map *map);
int ap_perf_ring_write(void *file, const void *data, u32 size);
extern const struct vm_object_ops ap_perf_ring_ops;

/* ---- bpf.c ---- */

extern const struct vm_bpf ap_bpf;

/* ---- run.c, env.c ---- */

/* What hit, for the helpers that ask, and what came of it. */
struct ap_hit {
	struct ap_link *link;
	struct pt_regs *regs; /* NULL: there are none */
	u64 ip;
	const u64 *args; /* of a function, then its result at [count] */
	u32 count;
	u32 packet_size;
	void *packet;
	struct vm_error *error; /* gets what ended the run; may be NULL */
	u64 result;		/* of a run to its end; else 0 */
};

/* One by one: together, compilers make a string instruction of it that takes longer than a short program runs. */
static inline void ap_hit_init(struct ap_hit *hit, struct ap_link *link, struct pt_regs *regs, u64 ip)
{
	hit->link = link;
	hit->regs = regs;
	hit->ip = ip;
	hit->args = NULL;
	hit->count = 0;
	hit->packet_size = 0;
	hit->packet = NULL;
	hit->error = NULL;
	hit->result = 0;
}

extern const struct vm_env ap_env;
int ap_run_init(void);
void ap_run_exit(void);
/* From any context. -EBUSY: one is running here already; -EFAULT: the run was ended. */
int ap_run(struct ap_hit *hit, void *context, u32 size);
/* Scratch memory of the run that is under way on this CPU. */
unsigned long *ap_stack_scratch(struct vm_machine *machine);
#define AP_STACK_SCRATCH 256

/* ---- link.c: a program that is attached ---- */

struct ap_link_ops {
	u32 size; /* of link->own, which starts as zeros; */
	u32 each; /* more of it for each name, or for each CPU where there are more of these */
	int (*attach)(struct ap_link *link, struct anyprobe_attach *attach, char *names);
	/* Returns when no handler runs any more, nor will. Also after a failed attach. */
	void (*detach)(struct ap_link *link);
	u64 (*missed)(struct ap_link *link); /* by whoever calls us; may be NULL */
};

/* Of one CPU: the program ran; did not, for one was running; was ended; because its budget was used up. */
struct ap_counts {
	local_t hits, misses, errors, exhausted;
};

struct ap_link {
	const struct ap_link_ops *ops;
	struct vm_program *program;
	void *own; /* the kind's */
	u64 cookie;
	s32 pid;
	u32 flags;
	u32 arguments;
	u32 id;
	struct ap_counts __percpu *counts;
};

int ap_attach(struct anyprobe_attach *attach);
void ap_link_destroy(struct ap_link *link);
void ap_link_describe(struct ap_link *link, struct anyprobe_object *object);

extern const struct ap_link_ops ap_kprobe_ops, ap_raw_tracepoint_ops, ap_perf_ops, ap_uprobe_ops, ap_socket_ops;

#endif
