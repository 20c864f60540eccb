// SPDX-License-Identifier: GPL-2.0-only
/*
 * The classic first BPF program: say hello whenever a task calls clone(2), through bpf_trace_printk and
 * the kernel's trace_pipe.
 *
 * The text stands on the stack: a kernel before 5.2 knows no read-only data.
 */
#include "filter.h"
#include "hello.h"

static __always_inline int hello(const char *call, int size)
{
	if (wanted())
		bpf_trace_printk(call, size);
	return 0;
}

SEC("tracepoint/syscalls/sys_enter_clone")
int hello_clone(void *ctx)
{
	char text[] = HELLO_MARK "\n";

	return hello(text, sizeof(text));
}

SEC("?tracepoint/syscalls/sys_enter_clone3") /* 5.3; the C library's threads since glibc 2.34 */
int hello_clone3(void *ctx)
{
	char text[] = HELLO_MARK "3\n";

	return hello(text, sizeof(text));
}

char LICENSE[] SEC("license") = "GPL";
