// SPDX-License-Identifier: GPL-2.0-only
/* What a program can ask of the kernel while it runs: memory, time, the current task, where it was hit. */
#include <linux/jiffies.h>
#include <linux/sched.h>
#include <linux/time.h>
#include "anyprobe.h"

static int env_read(struct vm_machine *machine, void *to, u32 size, u64 from, int user)
{
	return user ? ap_read_user(to, from, size) : ap_read_kernel(to, from, size);
}

static u64 env_time(struct vm_machine *machine, enum vm_clock clock)
{
	switch (clock) {
	case VM_CLOCK_BOOT:
		return ap_time_boot();
	case VM_CLOCK_TAI:
		return ap_time_tai();
	default:
		return ap_time_monotonic();
	}
}

static u64 env_jiffies(struct vm_machine *machine)
{
	return jiffies; /* 64 bits wide where we run */
}

static u64 env_pid_tgid(struct vm_machine *machine)
{
	return (u64)current->tgid << 32 | (u32)current->pid;
}

static u64 env_uid_gid(struct vm_machine *machine)
{
	return ap_uid_gid();
}

static u64 env_task(struct vm_machine *machine)
{
	return (unsigned long)current;
}

static u64 env_cgroup_id(struct vm_machine *machine)
{
	return ap_cgroup_id();
}

static int env_comm(struct vm_machine *machine, char *to, u32 size)
{
	u32 i;

	/* May change under us; what is behind the NUL is nobody's business. */
	for (i = 0; i + 1 < size && i < sizeof(current->comm) && current->comm[i]; i++)
		to[i] = current->comm[i];
	return 0;
}

/* Not the kernel's generator, which takes locks: a shift register (xorshift) per machine. */
static u32 env_random(struct vm_machine *machine)
{
	unsigned long *state = ap_stack_scratch(machine) + AP_STACK_SCRATCH - 1;

	if (!*state)
		*state = ap_time_monotonic() | 1;
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state >> 16;
}

static int env_stack(struct vm_machine *machine, u64 *ips, u32 count, u32 skip, int user)
{
	const struct ap_hit *hit = machine->data;
	unsigned long *all = ap_stack_scratch(machine);
	int got, i;

	if (user) {
		got = ap_stack_user(hit->regs, all, min_t(u32, count + skip, AP_STACK_SCRATCH - 1));
	} else {
		if (hit->regs && user_mode(hit->regs))
			return -EFAULT;
		got = ap_stack_kernel(hit->regs, all, AP_STACK_SCRATCH - 1);
	}
	if (got < 0)
		return got;
	if (got <= (int)skip)
		return -EFAULT;
	got = min_t(int, got - skip, count);
	for (i = 0; i < got; i++)
		ips[i] = all[skip + i];
	return got;
}

static int env_probe_value(struct vm_machine *machine, enum vm_probe_value which, u32 index, u64 *value)
{
	const struct ap_hit *hit = machine->data;

	switch (which) {
	case VM_PROBE_COOKIE:
		*value = hit->link->cookie;
		return 0;
	case VM_PROBE_IP:
		*value = hit->ip;
		return 0;
	case VM_PROBE_ARG_COUNT:
		*value = hit->count;
		return hit->args ? 0 : -EOPNOTSUPP;
	case VM_PROBE_ARG:
		if (!hit->args || index >= hit->count)
			return -EINVAL;
		*value = hit->args[index];
		return 0;
	case VM_PROBE_RETURN:
		if (!hit->args)
			return -EOPNOTSUPP;
		*value = hit->args[hit->count];
		return 0;
	}
	return -EINVAL;
}

static int env_perf_output(struct vm_machine *machine, struct vm_map *map, u32 cpu, const void *data, u32 size)
{
	void *ring = vm_map_object(map, cpu);

	return ring ? ap_perf_ring_write(ring, data, size) : -ENOENT;
}

static void env_print(struct vm_machine *machine, const char *text, u32 length)
{
	ap_print(text, length);
}

static void env_ring_wakeup(struct vm_machine *machine, struct vm_map *map)
{
	ap_map_wake(map);
}

const struct vm_env ap_env = {
	.read = env_read,
	.time = env_time,
	.jiffies = env_jiffies,
	.pid_tgid = env_pid_tgid,
	.uid_gid = env_uid_gid,
	.task = env_task,
	.cgroup_id = env_cgroup_id,
	.comm = env_comm,
	.random = env_random,
	.stack = env_stack,
	.probe_value = env_probe_value,
	.perf_output = env_perf_output,
	.print = env_print,
	.ring_wakeup = env_ring_wakeup,
};
