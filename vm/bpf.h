/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bpf(2) answered by the vm: with the kernel's layout of arguments and the kernel's errors, as far as libbpf asks.
 * The consumer has the file descriptors that stand for maps and programs; a negative errno is an error everywhere.
 */
#ifndef VM_BPF_H
#define VM_BPF_H

#include "vm.h"

#ifdef __cplusplus
extern "C" {
#endif

/* From linux/bpf.h, which old kernels lack; UAPI, so it never changes. */
enum vm_bpf_command {
	VM_BPF_MAP_CREATE,
	VM_BPF_MAP_LOOKUP,
	VM_BPF_MAP_UPDATE,
	VM_BPF_MAP_DELETE,
	VM_BPF_MAP_NEXT_KEY,
	VM_BPF_PROG_LOAD,
	VM_BPF_PROG_TEST_RUN = 10,
	VM_BPF_OBJECT_INFO = 15,
	VM_BPF_MAP_POP = 21,
	VM_BPF_MAP_FREEZE = 22,
};

/* What PROG_TEST_RUN asks for, and what came of it. */
struct vm_bpf_test {
	struct vm_program *program;
	void *context, *packet;
	u32 context_size, packet_size, repeat;
	u32 duration; /* answer: ns, of one run */
	u64 result;
	struct vm_error error; /* where -EFAULT is returned */
};

struct vm_bpf {
	/* All of `size` bytes of the caller's memory, or -EFAULT. */
	int (*copy_in)(void *to, u64 from, u64 size);
	int (*copy_out)(u64 to, const void *from, u64 size);
	/* What a descriptor stands for, with a reference; -EBADF: something else. */
	int (*map_by_fd)(void *data, int fd, struct vm_map **map);
	int (*program_by_fd)(void *data, int fd, struct vm_program **program);
	int (*object_by_fd)(void *data, int fd, void **object); /* for a perf event array */
	/* Return a new descriptor. The consumer completes what is asked for, and creates or loads it. */
	int (*map_create)(void *data, struct vm_map_attr *attr);
	int (*program_load)(void *data, struct vm_load *load);
	int (*map_freeze)(void *data, int fd);
	int (*program_test)(void *data, struct vm_bpf_test *test); /* NULL: no runs but those of events */
	void *data;
};

/* One call, as bpf(2): 0, a descriptor, or a negative errno. `attr`: the address of its arguments. */
int vm_bpf(const struct vm_bpf *calls, u32 command, u64 attr, u32 size);

#ifdef __cplusplus
}
#endif

#endif
