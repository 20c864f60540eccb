/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of the vm that make and run programs know of each other. */
#ifndef VM_INTERNAL_H
#define VM_INTERNAL_H

#include "map.h"
#include "ops.h"
#include "port.h"
#include "vm.h"

#define VM_FRAME_STEP	  32
#define VM_MAX_INSNS	  (1U << 18)
#define VM_MAX_MAPS	  64 /* as in the kernel */
#define VM_MAX_TAIL_CALLS 33
#define VM_MAX_LOOPS	  (1U << 23)
#define VM_DEFAULT_BUDGET 1000000

struct vm_program {
	u32 references;
	u32 was_shared; /* somebody else has had a reference, and may be running it */
	u32 id;
	u32 type;
	u32 flags;
	char name[16];
	u32 insn_count;
	u32 map_count;
	u32 stack_used; /* bytes of a frame that the program can touch, in VM_FRAME_STEPs: they are zeroed */
	struct vm_context_type context;
	struct vm_insn *insns;	  /* as loaded, for messages */
	struct vm_insn *resolved; /* with handles and addresses in the 64-bit loads; only while loading */
	struct vm_op *ops;	  /* of those insns that take part in a run; a trap behind them, and insn_count + 1 in all */
	u32 *insn_of;		  /* [op]; NULL: each is at the index of its insn */
	struct vm_map **maps;
	struct vm_line *lines;
	u32 line_count;
	u32 strings_size;
	char *strings;
	u64 errors[VM_ERROR_COUNT];
};

/*
 * A program sees maps and functions as numbers that are no addresses (bits 48-63 are neither all 0
 * nor all 1), so loading through one reads nothing. An inner map is named by its place in the outer
 * map, which is looked at again on each use: what is found there is alive.
 */
#define VM_HANDLE_MAP	   0xb9f1ULL
#define VM_HANDLE_FUNCTION 0xb9f2ULL

static inline u64 vm_map_handle(u32 index, u32 inner)
{
	return VM_HANDLE_MAP << 48 | (u64)index << 32 | inner;
}

static inline u64 vm_function_handle(u32 insn)
{
	return VM_HANDLE_FUNCTION << 48 | insn;
}

/* ---- memory.c: what a run may reach ---- */

/* `size` bytes at `address` if the run owns them (and may write them), else NULL. */
void *vm_reach(struct vm_machine *machine, u64 address, u64 size, int write);
/* Any load that was not found at once: owned memory that is not in a window yet, else a safe read. */
u64 vm_load_slow(struct vm_machine *machine, u64 address, u32 size);
/* The same for a store: NULL and a fault if the memory is not the run's. */
int vm_store_slow(struct vm_machine *machine, u64 address, u32 size);
void vm_window_add(struct vm_machine *machine, const void *start, u64 read_size, u64 write_size);
/* The map behind a handle, or NULL. */
struct vm_map *vm_map_by_handle(struct vm_machine *machine, u64 handle);

/* Hands the value of an element to the program: opens a window on it. 0 for NULL. */
static inline u64 vm_value_address(struct vm_machine *machine, struct vm_map *map, void *value)
{
	int writable = !(map->attr.flags & VM_F_RDONLY_PROG), readable = !(map->attr.flags & VM_F_WRONLY_PROG);

	if (value)
		vm_window_add(machine, value, readable ? map->attr.value_size : 0, writable ? map->attr.value_size : 0);
	return (unsigned long)value;
}

/* In each run: no loop. */
static inline void vm_window_forget(struct vm_machine *machine)
{
	machine->windows[0].read_size = machine->windows[0].write_size = 0;
	machine->windows[1].read_size = machine->windows[1].write_size = 0;
	machine->next_window = 0; /* so nothing has been pushed out into the others */
}

/* Of the frame that is now in use. */
static inline char *vm_frame_top(struct vm_machine *machine)
{
	return (char *)machine->stack + sizeof(machine->stack) - machine->depth * VM_STACK_SIZE;
}

/* Few, and a multiple of VM_FRAME_STEP: a memset, which compilers would make of a plain loop, takes longer to start. */
static inline void vm_frame_clear(struct vm_machine *machine, u32 bytes)
{
	const volatile u64 *end = (u64 *)vm_frame_top(machine);
	volatile u64 *word = (u64 *)((char *)end - bytes);

	for (; word < end; word += 4)
		word[0] = word[1] = word[2] = word[3] = 0;
}

static inline void vm_error(struct vm_machine *machine, enum vm_error_kind kind, u64 address)
{
	if (machine->error.kind)
		return;
	machine->error.kind = kind;
	machine->error.address = address;
}

/*
 * The test that nearly every load and store passes: stack, context, the two latest windows. Written so
 * that nothing overflows, whatever the program made of address and size.
 */
static inline int vm_within(u64 distance, u64 length, u64 size)
{
	return distance < length && size <= length - distance;
}

static inline int vm_may_load(const struct vm_machine *machine, u64 address, u32 size)
{
	return port_likely(address - (unsigned long)machine->stack <= sizeof(machine->stack) - size) ||
	       vm_within(address - machine->windows[0].start, machine->windows[0].read_size, size) ||
	       vm_within(address - (unsigned long)machine->context, machine->context_size, size) ||
	       vm_within(address - machine->windows[1].start, machine->windows[1].read_size, size);
}

static inline int vm_may_store(const struct vm_machine *machine, u64 address, u32 size)
{
	return port_likely(address - (unsigned long)machine->stack <= sizeof(machine->stack) - size) ||
	       vm_within(address - machine->windows[0].start, machine->windows[0].write_size, size) ||
	       vm_within(address - machine->windows[1].start, machine->windows[1].write_size, size);
}

/* ---- interp.c ---- */

/* Runs from `op` in a new frame until it exits; 0, or -EFAULT with machine->error set. */
int vm_interpret(struct vm_machine *machine, const struct vm_op *op, const u64 *args, u64 *result);
/* Where in the interpreter each enum vm_op_code is handled: the `go` of an op. */
const void *const *vm_op_places(void);
/* A helper calls back into the program; `function` is what the program passed. 0 or -EFAULT. */
int vm_call_back(struct vm_machine *machine, u64 function, const u64 *args, u64 *result);

/* ---- atomic.c, packet.c ---- */

/* Returns 0, or -EFAULT with the fault set. `registers` are r0..r15. */
int vm_atomic(struct vm_machine *machine, const struct vm_op *op, u32 size, u64 *registers);
/* LD_ABS and LD_IND: 0, or -EFAULT without a fault: the program then exits with 0. */
int vm_packet_load(struct vm_machine *machine, u64 offset, u32 size, u64 *value);

/* ---- helper.c ---- */

typedef u64 (*vm_helper_call)(struct vm_machine *machine, u64 r1, u64 r2, u64 r3, u64 r4, u64 r5);

enum vm_arg {
	VM_ARG_NONE,
	VM_ARG_ANY,
	VM_ARG_CONTEXT,
	VM_ARG_MAP,
	VM_ARG_KEY,	   /* the map's key_size bytes, read */
	VM_ARG_VALUE,	   /* the map's value_size bytes, read */
	VM_ARG_VALUE_OUT,  /* the same, written */
	VM_ARG_MEMORY,	   /* as many bytes as the next argument says, read */
	VM_ARG_MEMORY_OUT, /* the same, written */
	VM_ARG_MEMORY_OR_NULL,
	VM_ARG_SIZE,
	VM_ARG_SIZE_FIRST, /* a size whose memory is the argument before or after it; checked with that */
	VM_ARG_FUNCTION,
	VM_ARG_RECORD,	   /* reserved in a ring buffer */
	VM_ARG_LOCK,	   /* a spin lock in a map value */
	VM_ARG_STRING,	   /* a NUL-terminated constant */
	VM_ARG_NUMBER_OUT, /* 8 bytes, written */
};

enum vm_returns { VM_RETURNS_NUMBER, VM_RETURNS_VALUE, VM_RETURNS_RECORD };

struct vm_helper {
	vm_helper_call call;
	u32 maps;     /* types of map it works on, as bits; 0 if it has no map */
	u32 programs; /* types of program that may call it, as bits */
	u8 returns;   /* enum vm_returns */
	u8 args[5];   /* enum vm_arg */
};

extern const struct vm_helper vm_helpers[]; /* by number; decode.c lets no other number through */
/* NULL if the vm does not have it. */
const struct vm_helper *vm_helper_find(u32 id);
#define VM_HELPER_TAIL_CALL 12

/* ---- decode.c, check.c, program.c ---- */

/* Fills program->ops. Whatever the instructions are, the result is safe to run. */
int vm_decode(struct vm_program *program);
/* Takes out of program->ops, as decoded last, what does nothing. 0 or -ENOMEM. */
int vm_pack(struct vm_program *program);
/* Decoded as no instruction. */
int vm_op_is_trap(const struct vm_op *op);
/* 0, or a negative errno with one line in the log. Sets program->stack_used. */
int vm_check(struct vm_program *program, const struct vm_load *load);
/* "insn 3 `r0 = r1` at file.c:12": how every message names an instruction. */
int vm_insn_describe(const struct vm_program *program, u32 insn, char *out, unsigned size);

#endif
