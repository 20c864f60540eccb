// SPDX-License-Identifier: GPL-2.0-only
/* Helpers that pass on what the port knows: time, task, CPU, the probe that was hit. */
#include "helper.h"

#define ASK(member) (machine->env && machine->env->member ? machine->env->member(machine) : 0)

static u64 now(struct vm_machine *machine, enum vm_clock clock)
{
	return machine->env && machine->env->time ? machine->env->time(machine, clock) : 0;
}

/* 0 and the value, or a negative errno. */
static int probe_value(struct vm_machine *machine, enum vm_probe_value which, u32 index, u64 *value)
{
	*value = 0;
	if (!machine->env || !machine->env->probe_value)
		return -EOPNOTSUPP;
	return machine->env->probe_value(machine, which, index, value);
}

HELPER(ktime_get_ns)
{
	HELPER_ARGS;
	return now(machine, VM_CLOCK_MONOTONIC);
}

HELPER(ktime_get_boot_ns)
{
	HELPER_ARGS;
	return now(machine, VM_CLOCK_BOOT);
}

HELPER(ktime_get_coarse_ns)
{
	HELPER_ARGS;
	return now(machine, VM_CLOCK_COARSE);
}

HELPER(ktime_get_tai_ns)
{
	HELPER_ARGS;
	return now(machine, VM_CLOCK_TAI);
}

HELPER(jiffies64)
{
	HELPER_ARGS;
	return ASK(jiffies);
}

HELPER(get_prandom_u32)
{
	HELPER_ARGS;
	return ASK(random);
}

HELPER(get_smp_processor_id)
{
	HELPER_ARGS;
	return machine->cpu;
}

/* Nothing that old kernels export tells it; programs use it to spread load, where any answer will do. */
HELPER(get_numa_node_id)
{
	HELPER_ARGS;
	return 0;
}

HELPER(get_current_pid_tgid)
{
	HELPER_ARGS;
	return ASK(pid_tgid);
}

HELPER(get_current_uid_gid)
{
	HELPER_ARGS;
	return ASK(uid_gid);
}

HELPER(get_current_task)
{
	HELPER_ARGS;
	return ASK(task);
}

HELPER(get_current_cgroup_id)
{
	HELPER_ARGS;
	return ASK(cgroup_id);
}

HELPER(get_current_comm)
{
	char *to = vm_arg_memory(machine, 1, r1, (u32)r2, 1);

	HELPER_ARGS;
	if (!to)
		return 0;
	port_memset(to, 0, (u32)r2);
	if (!machine->env || !machine->env->comm)
		return (u64)-EOPNOTSUPP;
	return (s64)machine->env->comm(machine, to, (u32)r2);
}

HELPER(get_attach_cookie)
{
	u64 value;

	HELPER_ARGS;
	probe_value(machine, VM_PROBE_COOKIE, 0, &value);
	return value;
}

HELPER(get_func_ip)
{
	u64 value;

	HELPER_ARGS;
	probe_value(machine, VM_PROBE_IP, 0, &value);
	return value;
}

HELPER(get_func_arg_cnt)
{
	u64 value;

	HELPER_ARGS;
	probe_value(machine, VM_PROBE_ARG_COUNT, 0, &value);
	return value;
}

static u64 value_to(struct vm_machine *machine, enum vm_probe_value which, u32 index, u32 argument, u64 address)
{
	void *to = vm_arg_memory(machine, argument, address, sizeof(u64), 1);
	u64 value;
	int err;

	if (!to)
		return 0;
	err = probe_value(machine, which, index, &value);
	port_memcpy(to, &value, sizeof(value));
	return (s64)err;
}

HELPER(get_func_arg)
{
	HELPER_ARGS;
	return value_to(machine, VM_PROBE_ARG, (u32)r2, 3, r3);
}

HELPER(get_func_ret)
{
	HELPER_ARGS;
	return value_to(machine, VM_PROBE_RETURN, 0, 2, r2);
}
