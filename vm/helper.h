/* SPDX-License-Identifier: GPL-2.0-only */
/* The helpers, one file per group; helper.c has the table. All have the kernel's arguments and results. */
#ifndef VM_HELPER_H
#define VM_HELPER_H

#include "internal.h"

#define HELPER(name) u64 vm_helper_##name(struct vm_machine *machine, u64 r1, u64 r2, u64 r3, u64 r4, u64 r5)
#define UNUSED_ARGS(machine, r1, r2, r3, r4, r5)                                                                       \
	((void)(machine), (void)(r1), (void)(r2), (void)(r3), (void)(r4), (void)(r5))
/* A helper uses some of its arguments; this is its body's first line. */
#define HELPER_ARGS UNUSED_ARGS(machine, r1, r2, r3, r4, r5)

void *vm_arg_memory_slow(struct vm_machine *machine, u32 n, u64 address, u64 size, int write);
struct vm_map *vm_arg_map_slow(struct vm_machine *machine, u32 n, u64 handle, u32 types);

/* Argument number `n` as memory the run owns, or NULL and a fault. A size of 0 needs no memory. */
static inline void *vm_arg_memory(struct vm_machine *machine, u32 n, u64 address, u64 size, int write)
{
	if (size && vm_within(address - (unsigned long)machine->stack, sizeof(machine->stack), size))
		return (void *)(unsigned long)address;
	return vm_arg_memory_slow(machine, n, address, size, write);
}

/* Argument number `n` as a map of one of the types in `types` (bits), or NULL and a fault. */
static inline struct vm_map *vm_arg_map(struct vm_machine *machine, u32 n, u64 handle, u32 types)
{
	const struct vm_program *program = machine->program;
	u64 index = handle - vm_map_handle(0, 0);

	index = index << 32 | index >> 32; /* of an inner map, the upper half is not 0 */
	if (port_likely(index < program->map_count && types & 1U << program->maps[index]->attr.type))
		return program->maps[index];
	return vm_arg_map_slow(machine, n, handle, types);
}

/* Reads what may be the run's own memory or anything the port can read. On failure `to` is zeroed. */
int vm_read(struct vm_machine *machine, void *to, u32 size, u64 from, int user);
s64 vm_read_string(struct vm_machine *machine, char *to, u32 size, u64 from, int user);
/* format.c: printf of the kernel's trace_printk family; length without NUL, or a negative errno. */
s64 vm_format(struct vm_machine *machine, char *out, u32 size, const char *format, const u64 *args, u32 count);

#define MAP_BIT(type) (1U << VM_MAP_##type)
#define MAPS_HASHED                                                                                                    \
	(MAP_BIT(HASH) | MAP_BIT(PERCPU_HASH) | MAP_BIT(LRU_HASH) | MAP_BIT(LRU_PERCPU_HASH) | MAP_BIT(LPM_TRIE))
#define MAPS_VALUES (MAPS_HASHED | MAP_BIT(ARRAY) | MAP_BIT(PERCPU_ARRAY))
#define MAPS_OUTER  (MAP_BIT(ARRAY_OF_MAPS) | MAP_BIT(HASH_OF_MAPS))
#define MAPS_QUEUES (MAP_BIT(QUEUE) | MAP_BIT(STACK))
#define MAPS_PERCPU (MAP_BIT(PERCPU_ARRAY) | MAP_BIT(PERCPU_HASH) | MAP_BIT(LRU_PERCPU_HASH))

/* helper_map.c */
HELPER(map_lookup_elem);
HELPER(map_update_elem);
HELPER(map_delete_elem);
HELPER(map_push_elem);
HELPER(map_pop_elem);
HELPER(map_peek_elem);
HELPER(map_lookup_percpu_elem);
HELPER(spin_lock);
HELPER(spin_unlock);
/* helper_read.c */
HELPER(probe_read_kernel);
HELPER(probe_read_user);
HELPER(probe_read_kernel_str);
HELPER(probe_read_user_str);
HELPER(skb_load_bytes);
HELPER(strncmp);
/* helper_env.c */
HELPER(ktime_get_ns);
HELPER(ktime_get_boot_ns);
HELPER(ktime_get_coarse_ns);
HELPER(ktime_get_tai_ns);
HELPER(jiffies64);
HELPER(get_prandom_u32);
HELPER(get_smp_processor_id);
HELPER(get_numa_node_id);
HELPER(get_current_pid_tgid);
HELPER(get_current_uid_gid);
HELPER(get_current_comm);
HELPER(get_current_task);
HELPER(get_current_cgroup_id);
HELPER(get_attach_cookie);
HELPER(get_func_ip);
HELPER(get_func_arg);
HELPER(get_func_ret);
HELPER(get_func_arg_cnt);
/* helper_output.c */
HELPER(trace_printk);
HELPER(trace_vprintk);
HELPER(snprintf);
HELPER(perf_event_output);
HELPER(ringbuf_output);
HELPER(ringbuf_reserve);
HELPER(ringbuf_submit);
HELPER(ringbuf_discard);
HELPER(ringbuf_query);
HELPER(get_stackid);
HELPER(get_stack);
/* helper_loop.c */
HELPER(loop);
HELPER(for_each_map_elem);

#endif
