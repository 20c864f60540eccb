// SPDX-License-Identifier: GPL-2.0-only
// Reads a field that no kernel has.
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

struct task_struct___strange {
	int field_that_no_kernel_has;
} __attribute__((preserve_access_index));

SEC("tracepoint/syscalls/sys_enter_unlinkat")
int reads_it(void *ctx)
{
	struct task_struct___strange *task = (void *)bpf_get_current_task();

	return BPF_CORE_READ(task, field_that_no_kernel_has);
}

char LICENSE[] SEC("license") = "GPL";
