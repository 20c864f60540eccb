/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's types, as far as the samples read them.
 *
 * Only names matter here: every access is a CO-RE relocation, so libbpf puts in the offset that the
 * running kernel's BTF gives. A type that changed between kernels stands here once per shape, the
 * older ones with a flavour suffix (___name), which CO-RE ignores when it looks the type up.
 */
#pragma once

#include <linux/types.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

typedef _Bool bool;
#define true 1
#define false 0

#define TASK_COMM_LEN 16

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct task_struct {
	int pid;  /* what user space calls the thread id */
	int tgid; /* what user space calls the process id */
	char comm[TASK_COMM_LEN];
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	struct files_struct *files; /* sockets.h */
	unsigned int __state; /* since 5.14, before that `state` */
};

struct task_struct___before_5_14 {
	long state;
};

/* Records of the classic tracepoints; the kernel's BTF names them trace_event_raw_<class>. */
struct trace_entry {
	unsigned short type;
	int pid;
};

struct trace_event_raw_sys_enter {
	struct trace_entry ent;
	long id;
	unsigned long args[6];
};

struct trace_event_raw_sys_exit {
	struct trace_entry ent;
	long id;
	long ret;
};

struct trace_event_raw_task_newtask {
	struct trace_entry ent;
	int pid; /* the new task's */
	char comm[TASK_COMM_LEN];
	unsigned long clone_flags; /* u64 since 6.17 */
};

/* sched_wakeup, sched_wakeup_new */
struct trace_event_raw_sched_wakeup_template {
	struct trace_entry ent;
	int pid;
};

struct trace_event_raw_sched_switch {
	struct trace_entry ent;
	int prev_pid;
	long prev_state;
	int next_pid;
};

/* block_rq_insert, block_rq_issue, block_rq_merge (5.11) */
struct trace_event_raw_block_rq {
	struct trace_entry ent;
	unsigned int dev; /* major << 20 | minor */
	unsigned long long sector;
	unsigned int nr_sector;
};

/* block_rq_complete; since 5.18 a class with block_rq_error, before that an event of its own. */
struct trace_event_raw_block_rq_completion {
	struct trace_entry ent;
	unsigned int dev;
	unsigned long long sector;
	unsigned int nr_sector;
};

struct trace_event_raw_block_rq_complete {
	struct trace_entry ent;
	unsigned int dev;
	unsigned long long sector;
	unsigned int nr_sector;
};

struct trace_event_raw_inet_sock_set_state {
	struct trace_entry ent;
	const void *skaddr;
	int oldstate;
	int newstate;
	__u16 sport; /* both ports in the machine's own byte order */
	__u16 dport;
	__u16 family;
	__u16 protocol; /* before 5.6 a byte */
	__u8 saddr[4];
	__u8 daddr[4];
	__u8 saddr_v6[16];
	__u8 daddr_v6[16];
};

#pragma clang attribute pop
