// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of helpers: for each its function, the maps and types of program it is for, and what its
 * arguments are. check.c reads it before a program runs; at run time each helper asks for its arguments
 * again, with vm_arg_memory and vm_arg_map, and trusts nothing that was checked.
 */
#include "helper.h"

#define PROGRAM_BIT(type) (1U << VM_PROGRAM_##type)
#define EVERY		  0xffffffffU
#define FUNCTIONS	  (PROGRAM_BIT(KPROBE) | PROGRAM_BIT(TRACING))
#define EVENTS		  (PROGRAM_BIT(KPROBE) | PROGRAM_BIT(TRACEPOINT) | PROGRAM_BIT(PERF_EVENT))
#define TRACERS		  (EVENTS | PROGRAM_BIT(RAW_TRACEPOINT) | PROGRAM_BIT(TRACING))
#define PACKETS		  (PROGRAM_BIT(SOCKET_FILTER) | PROGRAM_BIT(SCHED_CLS))
#define LOCKERS		  (PROGRAM_BIT(SCHED_CLS) | PROGRAM_BIT(XDP) | PROGRAM_BIT(SYSCALL))

#define ANY	  VM_ARG_ANY
#define CONTEXT	  VM_ARG_CONTEXT
#define MAP	  VM_ARG_MAP
#define KEY	  VM_ARG_KEY
#define VALUE	  VM_ARG_VALUE
#define VALUE_OUT VM_ARG_VALUE_OUT
#define IN	  VM_ARG_MEMORY
#define OUT	  VM_ARG_MEMORY_OUT
#define SIZE	  VM_ARG_SIZE
#define FUNCTION  VM_ARG_FUNCTION
#define RECORD	  VM_ARG_RECORD
#define LOCK	  VM_ARG_LOCK
#define STRING	  VM_ARG_STRING
#define NUMBER	  VM_ARG_NUMBER_OUT

/* clang-format off: one line each, to be read as a table */
#define RETURNS(kind, name, maps, programs, ...)                                                                       \
	{                                                                                                              \
		vm_helper_##name, maps, programs, VM_RETURNS_##kind,                                                   \
		{                                                                                                      \
			__VA_ARGS__                                                                                    \
		}                                                                                                      \
	}
#define PLAIN(name, programs, ...)	  RETURNS(NUMBER, name, 0, programs, __VA_ARGS__)
#define ON_MAP(name, maps, programs, ...) RETURNS(NUMBER, name, maps, programs, __VA_ARGS__)

const struct vm_helper vm_helpers[] = {
	[1] = RETURNS(VALUE, map_lookup_elem, MAPS_VALUES | MAPS_OUTER, EVERY, MAP, KEY),
	[2] = ON_MAP(map_update_elem, MAPS_VALUES, EVERY, MAP, KEY, VALUE, ANY),
	[3] = ON_MAP(map_delete_elem, MAPS_VALUES, EVERY, MAP, KEY),
	[4] = PLAIN(probe_read_kernel, TRACERS, OUT, SIZE, ANY),
	[5] = PLAIN(ktime_get_ns, EVERY, 0),
	[6] = PLAIN(trace_printk, EVERY, IN, SIZE),
	[7] = PLAIN(get_prandom_u32, EVERY, 0),
	[8] = PLAIN(get_smp_processor_id, EVERY, 0),
	[14] = PLAIN(get_current_pid_tgid, EVERY, 0),
	[15] = PLAIN(get_current_uid_gid, EVERY, 0),
	[16] = PLAIN(get_current_comm, EVERY, OUT, SIZE),
	[25] = ON_MAP(perf_event_output, MAP_BIT(PERF_EVENT_ARRAY), TRACERS | PACKETS | PROGRAM_BIT(XDP), CONTEXT, MAP,
		      ANY, IN, SIZE),
	[26] = PLAIN(skb_load_bytes, PACKETS, CONTEXT, ANY, OUT, SIZE),
	[27] = ON_MAP(get_stackid, MAP_BIT(STACK_TRACE), TRACERS, CONTEXT, MAP, ANY),
	[35] = PLAIN(get_current_task, EVERY, 0),
	[42] = PLAIN(get_numa_node_id, EVERY, 0),
	[45] = PLAIN(probe_read_kernel_str, TRACERS, OUT, SIZE, ANY),
	[67] = PLAIN(get_stack, TRACERS, CONTEXT, OUT, SIZE, ANY),
	[80] = PLAIN(get_current_cgroup_id, EVERY, 0),
	[87] = ON_MAP(map_push_elem, MAPS_QUEUES, EVERY, MAP, VALUE, ANY),
	[88] = ON_MAP(map_pop_elem, MAPS_QUEUES, EVERY, MAP, VALUE_OUT),
	[89] = ON_MAP(map_peek_elem, MAPS_QUEUES, EVERY, MAP, VALUE_OUT),
	[93] = PLAIN(spin_lock, LOCKERS, LOCK),
	[94] = PLAIN(spin_unlock, LOCKERS, LOCK),
	[112] = PLAIN(probe_read_user, EVERY, OUT, SIZE, ANY),
	[113] = PLAIN(probe_read_kernel, EVERY, OUT, SIZE, ANY),
	[114] = PLAIN(probe_read_user_str, EVERY, OUT, SIZE, ANY),
	[115] = PLAIN(probe_read_kernel_str, EVERY, OUT, SIZE, ANY),
	[118] = PLAIN(jiffies64, EVERY, 0),
	[125] = PLAIN(ktime_get_boot_ns, EVERY, 0),
	[130] = ON_MAP(ringbuf_output, MAP_BIT(RINGBUF), EVERY, MAP, IN, SIZE, ANY),
	[131] = RETURNS(RECORD, ringbuf_reserve, MAP_BIT(RINGBUF), EVERY, MAP, ANY, ANY),
	[132] = PLAIN(ringbuf_submit, EVERY, RECORD, ANY),
	[133] = PLAIN(ringbuf_discard, EVERY, RECORD, ANY),
	[134] = ON_MAP(ringbuf_query, MAP_BIT(RINGBUF), EVERY, MAP, ANY),
	[158] = PLAIN(get_current_task, EVERY, 0),
	[160] = PLAIN(ktime_get_coarse_ns, EVERY, 0),
	[164] = ON_MAP(for_each_map_elem, MAPS_VALUES & ~MAP_BIT(LPM_TRIE), EVERY, MAP, FUNCTION, ANY, ANY),
	[165] = PLAIN(snprintf, EVERY, OUT, SIZE, STRING, VM_ARG_MEMORY_OR_NULL, SIZE),
	[173] = PLAIN(get_func_ip, FUNCTIONS, CONTEXT),
	[174] = PLAIN(get_attach_cookie, TRACERS, CONTEXT),
	[177] = PLAIN(trace_vprintk, EVERY, IN, SIZE, VM_ARG_MEMORY_OR_NULL, SIZE),
	[181] = PLAIN(loop, EVERY, ANY, FUNCTION, ANY, ANY),
	[182] = PLAIN(strncmp, EVERY, IN, SIZE, STRING),
	[183] = PLAIN(get_func_arg, PROGRAM_BIT(TRACING), CONTEXT, ANY, NUMBER),
	[184] = PLAIN(get_func_ret, PROGRAM_BIT(TRACING), CONTEXT, NUMBER),
	[185] = PLAIN(get_func_arg_cnt, PROGRAM_BIT(TRACING), CONTEXT),
	[195] = RETURNS(VALUE, map_lookup_percpu_elem, MAPS_PERCPU, EVERY, MAP, KEY, ANY),
	[208] = PLAIN(ktime_get_tai_ns, EVERY, 0),
};
/* clang-format on */

const struct vm_helper *vm_helper_find(u32 id)
{
	return id < sizeof(vm_helpers) / sizeof(vm_helpers[0]) && vm_helpers[id].call ? &vm_helpers[id] : NULL;
}

void *vm_arg_memory_slow(struct vm_machine *machine, u32 n, u64 address, u64 size, int write)
{
	void *memory = size ? vm_reach(machine, address, size, write) : (void *)machine->stack;

	/* A call is one instruction, but not what it does with a value of a megabyte. */
	machine->budget_left -= size >> 6;
	if (!memory)
		vm_error(machine, VM_ERROR_ARGUMENT, n);
	return memory;
}

struct vm_map *vm_arg_map_slow(struct vm_machine *machine, u32 n, u64 handle, u32 types)
{
	struct vm_map *map = vm_map_by_handle(machine, handle);

	if (map && (types & 1U << map->attr.type))
		return map;
	vm_error(machine, VM_ERROR_ARGUMENT, n);
	return NULL;
}

int vm_read(struct vm_machine *machine, void *to, u32 size, u64 from, int user)
{
	void *own = user || !size ? NULL : vm_reach(machine, from, size, 0);
	int err = size ? -EFAULT : 0;

	if (own)
		vm_value_copy(to, own, size);
	else if (size && machine->env && machine->env->read)
		err = machine->env->read(machine, to, size, from, user);
	if (err && !own)
		port_memset(to, 0, size);
	return own ? 0 : err;
}

/*
 * In pieces that stay inside of a page, for the next page need not be there; and nothing is written behind
 * the NUL, where the program's own bytes stay.
 */
static int read_pieces(struct vm_machine *machine, char *to, u32 size, u64 from, int user)
{
	u32 done = 0, piece, length;
	char buffer[64];

	while (done < size) {
		piece = sizeof(buffer) - ((from + done) & (sizeof(buffer) - 1));
		if (piece > size - done)
			piece = size - done;
		if (machine->env->read(machine, buffer, piece, from + done, user))
			return -EFAULT;
		for (length = 0; length < piece; length++) {
			to[done + length] = buffer[length];
			if (!buffer[length])
				return done + length + 1;
		}
		done += piece;
	}
	to[size - 1] = '\0';
	return size;
}

/* In own memory a string may end right before what is not the program's: one byte at a time. */
s64 vm_read_string(struct vm_machine *machine, char *to, u32 size, u64 from, int user)
{
	s64 length = -EFAULT;
	const char *own;
	u32 i;

	if (!size)
		return 0;
	if (!user && vm_reach(machine, from, 1, 0)) {
		for (i = 0; i < size; i++) {
			own = i + 1 < size ? vm_reach(machine, from + i, 1, 0) : "";
			if (!own)
				break;
			to[i] = *own;
			if (!*own)
				return i + 1;
		}
	} else if (machine->env && machine->env->read_string) {
		length = machine->env->read_string(machine, to, size, from, user);
	} else if (machine->env && machine->env->read) {
		length = read_pieces(machine, to, size, from, user);
	}
	if (length < 0)
		port_memset(to, 0, size);
	return length;
}
