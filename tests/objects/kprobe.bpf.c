// SPDX-License-Identifier: GPL-2.0-only
// The same by a kprobe on a function that Linux 7.0 renamed, through a ring buffer with two structs of one
// size, so that a record's size does not say which it is.
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

struct entered {
	u32 pid;
	char path[28];
};

struct left {
	u32 pid;
	s64 result;
	u64 reserved[2];
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 64 * 1024);
} twins SEC(".maps");

const struct entered *unused_1 __attribute__((unused));
const struct left *unused_2 __attribute__((unused));

SEC("kprobe/no_such_function|do_unlinkat|filename_unlinkat")
int BPF_KPROBE(enter_unlinkat, int folder, struct filename *name)
{
	struct entered e = {};

	e.pid = bpf_get_current_pid_tgid() >> 32;
	bpf_probe_read_kernel_str(e.path, sizeof(e.path), BPF_CORE_READ(name, name));
	bpf_ringbuf_output(&twins, &e, sizeof(e), 0);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
