/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * wanted(): does the current task pass -p and --comm? The user side fills the constants in before
 * the program is loaded; an unset filter costs nothing, for the verifier drops its branch.
 */
#pragma once

#include "kernel.h"

const volatile __u32 filter_tgid = 0;	 /* 0: every process */
const volatile __u64 filter_comm[2] = {}; /* a comm's 16 bytes, NUL-padded; all 0: every name */
const volatile __u32 own_tgid = 0;	 /* the tracer itself, which is never shown */

static __always_inline bool wanted_tgid(__u32 tgid)
{
	if (filter_tgid)
		return tgid == filter_tgid;
	return tgid != own_tgid;
}

static __always_inline bool wanted(void)
{
	__u64 comm[2] = {};

	if (!wanted_tgid(bpf_get_current_pid_tgid() >> 32))
		return false;
	if (!filter_comm[0])
		return true;
	bpf_get_current_comm(comm, sizeof(comm));
	return comm[0] == filter_comm[0] && comm[1] == filter_comm[1];
}

/* The same for a task that need not be the current one. */
static __always_inline bool wanted_task(struct task_struct *task)
{
	__u64 comm[2] = {};

	if (!wanted_tgid(BPF_CORE_READ(task, tgid)))
		return false;
	if (!filter_comm[0])
		return true;
	/* Up to the NUL: behind it older kernels (5.10) leave the rest of a longer name that was. */
	BPF_CORE_READ_STR_INTO(&comm, task, comm);
	return comm[0] == filter_comm[0] && comm[1] == filter_comm[1];
}
