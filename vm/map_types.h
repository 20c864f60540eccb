/* SPDX-License-Identifier: GPL-2.0-only */
/* Numbers of bpf(2) that maps and programs are described with: UAPI, so they never change. */
#ifndef VM_MAP_TYPES_H
#define VM_MAP_TYPES_H

enum vm_map_type {
	VM_MAP_HASH = 1,
	VM_MAP_ARRAY = 2,
	VM_MAP_PROG_ARRAY = 3,
	VM_MAP_PERF_EVENT_ARRAY = 4,
	VM_MAP_PERCPU_HASH = 5,
	VM_MAP_PERCPU_ARRAY = 6,
	VM_MAP_STACK_TRACE = 7,
	VM_MAP_CGROUP_ARRAY = 8,
	VM_MAP_LRU_HASH = 9,
	VM_MAP_LRU_PERCPU_HASH = 10,
	VM_MAP_LPM_TRIE = 11,
	VM_MAP_ARRAY_OF_MAPS = 12,
	VM_MAP_HASH_OF_MAPS = 13,
	VM_MAP_QUEUE = 22,
	VM_MAP_STACK = 23,
	VM_MAP_RINGBUF = 27,
	VM_MAP_TYPE_COUNT = 28,
};

/* Flags of an update. */
#define VM_ANY	   0
#define VM_NOEXIST 1
#define VM_EXIST   2
#define VM_F_LOCK  4

/* Flags of a map. */
#define VM_F_NO_PREALLOC    (1U << 0)
#define VM_F_NO_COMMON_LRU  (1U << 1)
#define VM_F_NUMA_NODE	    (1U << 2)
#define VM_F_RDONLY	    (1U << 3)
#define VM_F_WRONLY	    (1U << 4)
#define VM_F_STACK_BUILD_ID (1U << 5)
#define VM_F_ZERO_SEED	    (1U << 6)
#define VM_F_RDONLY_PROG    (1U << 7)
#define VM_F_WRONLY_PROG    (1U << 8)
#define VM_F_MMAPABLE	    (1U << 10)
#define VM_F_PRESERVE_ELEMS (1U << 11)
#define VM_F_INNER_MAP	    (1U << 12)

enum vm_program_type {
	VM_PROGRAM_SOCKET_FILTER = 1,
	VM_PROGRAM_KPROBE = 2,
	VM_PROGRAM_SCHED_CLS = 3,
	VM_PROGRAM_TRACEPOINT = 5,
	VM_PROGRAM_XDP = 6,
	VM_PROGRAM_PERF_EVENT = 7,
	VM_PROGRAM_RAW_TRACEPOINT = 17,
	VM_PROGRAM_TRACING = 26,
	VM_PROGRAM_SYSCALL = 31,
	VM_PROGRAM_TYPE_COUNT = 32,
};

/* get_stackid and get_stack. */
#define VM_STACK_SKIP_MASK 0xffULL
#define VM_STACK_USER	   (1ULL << 8)
#define VM_STACK_FAST_CMP  (1ULL << 9)
#define VM_STACK_REUSE_ID  (1ULL << 10)
#define VM_STACK_BUILD_ID  (1ULL << 11)
#define VM_STACK_MAX_DEPTH 127

/* perf_event_output. */
#define VM_CPU_MASK    0xffffffffULL
#define VM_CPU_CURRENT 0xffffffffULL

/* Ring buffers: flags of submit, what query asks for, bits of a record's length word. */
#define VM_RING_NO_WAKEUP    1
#define VM_RING_FORCE_WAKEUP 2
#define VM_RING_BUSY	     (1U << 31)
#define VM_RING_DISCARD	     (1U << 30)
#define VM_RING_HEADER	     8

#endif
