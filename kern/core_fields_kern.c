// SPDX-License-Identifier: GPL-2.0-only
/*
 * CO-RE: compiled once, right everywhere. Where a member lies, how large it is, whether there is one at
 * all differs from kernel to kernel. clang leaves a note at each instruction that depends on it (in the
 * section .BTF.ext), and libbpf puts the right number in when it loads the program, from the running kernel's BTF.
 * Nothing is asked while the program runs: `anyprobe core_fields --explain` shows numbers where questions stand here.
 *
 * Six kinds of question, each once below: does a field exist, where, how large, which bits of it; is there such
 * a type; what number has an enumerator. Two more answers come from the kernel's configuration (__kconfig).
 */
#include "core_fields.h"
#include "emit.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct upid {
	int nr;
};

struct pid {
	struct upid numbers[1];
};

struct signal_struct {
	struct pid *pids[4]; /* by enum pid_type; since 4.19 */
};

/*
 * A "flavour": what follows ___ does not count when the type is looked up. So one program can hold
 * several ideas of what task_struct looks like, and ask which of them is true here.
 */
struct task_struct___more {
	unsigned int sched_reset_on_fork : 1;
	__u64 start_boottime;
	struct signal_struct *signal;
};

struct task_struct___before_5_5 {
	__u64 real_start_time;
};

#pragma clang attribute pop

/* The number is this program's; a kernel's own may be another one. */
enum pid_type {
	PIDTYPE_SID = 3,
};

extern int LINUX_KERNEL_VERSION __kconfig;	     /* libbpf's, made from uname */
extern unsigned long CONFIG_HZ __kconfig __weak; /* from /proc/config.gz or /boot/config-RELEASE */

const volatile __u32 asker = 0; /* the process that wants to know */

/*
 * An instruction that depends on a field which is not there cannot be loaded, except behind a branch on that
 * very question: the answer is a constant, so the verifier sees that nobody gets there.
 */
#define ASK(fact, base, field, read)                                                                                   \
	do {                                                                                                           \
		if (bpf_core_field_exists((base)->field)) {                                                            \
			(fact)->exists = 1;                                                                            \
			(fact)->offset = bpf_core_field_offset((base)->field);                                         \
			(fact)->size = bpf_core_field_size((base)->field);                                             \
			(fact)->value = (read);                                                                        \
		}                                                                                                      \
	} while (0)

/* Which element it is depends on the enumerator, so the address is computed by hand. */
static __always_inline __u64 session_of(struct signal_struct *signal)
{
	__u64 offset = bpf_core_field_offset(signal->pids);
	struct pid *leader = NULL;

	offset += bpf_core_enum_value(enum pid_type, PIDTYPE_SID) * sizeof(leader);
	bpf_probe_read_kernel(&leader, sizeof(leader), (void *)signal + offset);
	return BPF_CORE_READ(leader, numbers[0].nr);
}

static __always_inline int find_out(void *ctx)
{
	struct task_struct___more *task = (void *)bpf_get_current_task();
	struct task_struct___before_5_14 *before_5_14 = (void *)task;
	struct task_struct___before_5_5 *before_5_5 = (void *)task;
	struct task_struct *usual = (void *)task;
	struct core_facts all = {};

	if (bpf_get_current_pid_tgid() >> 32 != asker)
		return 0;
	all.time = bpf_ktime_get_ns();
	all.version = LINUX_KERNEL_VERSION;
	all.hz = CONFIG_HZ;
	BPF_CORE_READ_STR_INTO(&all.comm, usual, comm);

	all.facts[CORE_TASK].exists = bpf_core_type_exists(struct task_struct);
	all.facts[CORE_TASK].size = bpf_core_type_size(struct task_struct);
	if (bpf_core_enum_value_exists(enum pid_type, PIDTYPE_SID)) {
		all.facts[CORE_PIDTYPE_SID].exists = 1;
		all.facts[CORE_PIDTYPE_SID].value = bpf_core_enum_value(enum pid_type, PIDTYPE_SID);
	}

	ASK(&all.facts[CORE_COMM], usual, comm, 0);
	ASK(&all.facts[CORE_STATE], usual, __state, BPF_CORE_READ(usual, __state));
	ASK(&all.facts[CORE_OLD_STATE], before_5_14, state, BPF_CORE_READ(before_5_14, state));
	ASK(&all.facts[CORE_START], task, start_boottime, BPF_CORE_READ(task, start_boottime));
	ASK(&all.facts[CORE_OLD_START], before_5_5, real_start_time, BPF_CORE_READ(before_5_5, real_start_time));
	/* Which word the bit is in, and how far to shift it, are questions too. */
	ASK(&all.facts[CORE_RESET], task, sched_reset_on_fork, BPF_CORE_READ_BITFIELD_PROBED(task, sched_reset_on_fork));
	ASK(&all.facts[CORE_SESSION], (struct signal_struct *)0, pids, session_of(BPF_CORE_READ(task, signal)));

	emit(ctx, &all, sizeof(all));
	return 0;
}

SEC("tracepoint/syscalls/sys_enter_getppid")
int find_out___syscall(void *ctx)
{
	return find_out(ctx);
}

SEC("kprobe/__do_sys_getppid|__x64_sys_getppid|sys_getppid") /* kernels without CONFIG_FTRACE_SYSCALLS */
int find_out___kprobe(void *ctx)
{
	return find_out(ctx);
}

char LICENSE[] SEC("license") = "GPL";
