// SPDX-License-Identifier: GPL-2.0-only
/* bpf(2), which is the vm's, with what is the kernel's of it: user memory, limits, and the descriptors of object.c. */
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/uaccess.h>
#include "anyprobe.h"

static int copy_in(void *to, u64 from, u64 size)
{
	return copy_from_user(to, (void __user *)(unsigned long)from, size) ? -EFAULT : 0;
}

static int copy_out(u64 to, const void *from, u64 size)
{
	return copy_to_user((void __user *)(unsigned long)to, from, size) ? -EFAULT : 0;
}

/* One map may not take the machine's memory: a quarter of it at most. About right is enough. */
static int map_is_too_big(const struct vm_map_attr *wanted)
{
	u64 value = ALIGN((u64)wanted->value_size, 8);
	struct sysinfo machine;

	si_meminfo(&machine);
	if (wanted->type == VM_MAP_PERCPU_HASH || wanted->type == VM_MAP_PERCPU_ARRAY ||
	    wanted->type == VM_MAP_LRU_PERCPU_HASH)
		value *= port_cpu_count();
	return wanted->max_entries > (u64)machine.totalram * machine.mem_unit / 4 / (wanted->key_size + value + 64);
}

static int map_create(void *data, struct vm_map_attr *wanted)
{
	struct vm_map *map;
	int err;

	if (map_is_too_big(wanted))
		return -ENOMEM;
	if (wanted->type == VM_MAP_PERF_EVENT_ARRAY && !wanted->max_entries)
		wanted->max_entries = port_cpu_count();
	wanted->objects = &ap_perf_ring_ops;
	err = vm_map_create(wanted, &map);
	return err ? err : ap_fd_create(ANYPROBE_MAP, map);
}

#define TRACE_PRINTK  6
#define TRACE_VPRINTK 177

static int prints(const struct vm_insn *insns, u32 count)
{
	for (; count; insns++, count--)
		if (insns->code == (VM_JMP | VM_CALL) && !insns->src &&
		    (insns->imm == TRACE_PRINTK || insns->imm == TRACE_VPRINTK))
			return 1;
	return 0;
}

static int program_load(void *data, struct vm_load *load)
{
	struct vm_program *program;
	int err = vm_program_load(load, &program);

	if (err)
		return err;
	if (prints(load->insns, load->insn_count))
		ap_print_names(1);
	return ap_fd_create(ANYPROBE_PROGRAM, program);
}

static DEFINE_PER_CPU(struct ap_counts, test_counts); /* of no link, so nobody asks for them */

static int program_test(void *data, struct vm_bpf_test *test)
{
	struct ap_link link = {.program = test->program, .counts = &test_counts};
	struct ap_hit hit = {
		.link = &link, .packet = test->packet, .packet_size = test->packet_size, .error = &test->error};
	u64 start = ap_time_monotonic();
	u32 i;
	int err = 0;

	for (i = 0; i < test->repeat && !err; i++) {
		err = ap_run(&hit, test->context, test->context_size);
		if (!err && test_thread_flag(TIF_SIGPENDING))
			err = -EINTR;
		cond_resched();
	}
	test->result = hit.result;
	test->duration = (ap_time_monotonic() - start) / test->repeat;
	return err;
}

const struct vm_bpf ap_bpf = {
	.copy_in = copy_in,
	.copy_out = copy_out,
	.map_by_fd = ap_map_by_fd,
	.program_by_fd = ap_program_by_fd,
	.object_by_fd = ap_perf_ring_by_fd,
	.map_create = map_create,
	.map_freeze = ap_map_freeze_by_fd,
	.program_load = program_load,
	.program_test = program_test,
};
