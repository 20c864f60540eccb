/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The BPF machine: maps, programs, and running one. The same C serves the kernel module and user
 * space; this header is all that either includes.
 *
 * Contract in short:
 *  - Every int is 0 or a negative errno, the one that bpf(2) would give.
 *  - create, load, get/put, freeze and set_object may sleep. Everything else is safe in any context
 *    the port can run in, NMI included: locks are tried, and -EBUSY says that one was not to be had.
 *  - A map or program is born with one reference, its maker's; put drops it and accepts NULL. A program
 *    holds its maps, a map of maps holds the inner ones.
 *  - A run allocates nothing and reaches no memory but its own stack, its context, its packet and the
 *    values of its maps, whatever the instructions are. What it does wrong ends that run only.
 */
#ifndef VM_VM_H
#define VM_VM_H

#include "insn.h"
#include "map_types.h"

#ifdef __cplusplus
extern "C" {
#endif

struct vm_map;
struct vm_program;
struct vm_machine;

/* ---- maps ---------------------------------------------------------------------------------- */

/* What the consumer keeps in a perf event or cgroup array: the vm stores it and calls put. */
struct vm_object_ops {
	void (*put)(void *object);
	u32 (*id)(void *object); /* what a lookup from user space reads */
};

struct vm_map_attr {
	u32 type; /* enum vm_map_type */
	u32 key_size;
	u32 value_size;
	u32 max_entries;
	u32 flags;
	u64 extra; /* map_extra of bpf(2) */
	char name[16];
	struct vm_map *inner; /* maps of maps: what every inner map must look like; only read */
	/*
	 * Arrays and ring buffers: memory to use in place of own memory, so that user space can see it
	 * (a memfd, say). Stays the consumer's and must outlive the map. For a ring buffer: consumer page,
	 * producer page, data, and the same data mapped again.
	 */
	void *memory;
	const struct vm_object_ops *objects;
	void *owner; /* the consumer's: vm_map_attr() gives it back */
};

int vm_map_create(const struct vm_map_attr *attr, struct vm_map **map);
void vm_map_get(struct vm_map *map);
void vm_map_put(struct vm_map *map);

/*
 * What bpf(2) does with a map. Keys are key_size bytes; values vm_map_value_size() bytes: for per-CPU
 * types every possible CPU's value, each rounded up to 8. Reading a map of objects gives ids.
 */
int vm_map_lookup(struct vm_map *map, const void *key, void *value, u64 flags);
int vm_map_update(struct vm_map *map, const void *key, const void *value, u64 flags);
int vm_map_delete(struct vm_map *map, const void *key);
int vm_map_next_key(struct vm_map *map, const void *key, void *next);	     /* key NULL: the first */
int vm_map_pop(struct vm_map *map, const void *key, void *value, u64 flags); /* lookup and delete */
int vm_map_freeze(struct vm_map *map);
u64 vm_map_value_size(const struct vm_map *map);
const struct vm_map_attr *vm_map_attr(const struct vm_map *map);
u32 vm_map_id(const struct vm_map *map);
void vm_map_set_owner(struct vm_map *map, void *owner);

/* Program arrays (struct vm_program), maps of maps (struct vm_map), perf event and cgroup arrays (the
 * consumer's): put `object` there. Takes over the caller's reference if it returns 0. */
int vm_map_set_object(struct vm_map *map, const void *key, void *object, u64 flags);
/* Does it hold such objects? */
int vm_map_holds_objects(const struct vm_map *map);
/* Drops a reference to what such a map may hold. */
void vm_map_put_object(struct vm_map *map, void *object);
/* The object at `index` of a perf event or cgroup array, or NULL. Only between a run's begin and end. */
void *vm_map_object(struct vm_map *map, u32 index);

/* The memory that user space may map (VM_F_MMAPABLE arrays, ring buffers), or NULL. */
void *vm_map_memory(struct vm_map *map, u64 *size);
/* Ring buffer: are there records that user space has not consumed? */
int vm_map_ring_ready(struct vm_map *map);

/* ---- what bpf_perf_event_output writes to, where there is no perf --------------------------------- */

/* In the layout of a mapped perf event: a control page, then 2^n pages of records. */
struct vm_perf_ring;

struct vm_perf_ring *vm_perf_ring_create(void);
void vm_perf_ring_destroy(struct vm_perf_ring *ring);
int vm_perf_ring_fits(u64 size); /* can memory of so many bytes be one? */
/* What user space maps: the consumer's, and zeroed. Once. */
void vm_perf_ring_set_memory(struct vm_perf_ring *ring, void *memory, u64 size);
/* One record. -ENOSPC, -EBUSY: counted, and the next record says so; -ENOENT: there is no memory yet. */
int vm_perf_ring_write(struct vm_perf_ring *ring, const void *data, u32 size);
u64 vm_perf_ring_used(struct vm_perf_ring *ring); /* bytes that user space has not read */

/* ---- programs ------------------------------------------------------------------------------ */

/* What a program's r1 points to. NULL in the load means the usual one for the type of program. */
struct vm_context_type {
	u32 size;
	u32 write_start; /* what a program may write: [write_start, write_end) */
	u32 write_end;
};

/* As struct bpf_line_info; the offsets are into `strings`, BTF's string section. */
struct vm_line {
	u32 insn;
	u32 file;
	u32 text;
	u32 line_column;
};

#define VM_LOAD_UNCHECKED 1 /* skip check.c: run-time checks alone must be, and are, enough */

struct vm_load {
	u32 type; /* enum vm_program_type */
	u32 flags;
	const struct vm_insn *insns;
	u32 insn_count;
	char name[16];
	const struct vm_context_type *context;
	/* The map behind a file descriptor, with a reference for the vm; -EBADF if it is none. */
	int (*map_by_fd)(void *data, int fd, struct vm_map **map);
	/* Address of the kernel symbol with this BTF id; NULL: such loads are refused. */
	int (*symbol_by_btf_id)(void *data, u32 id, u64 *address);
	void *data;
	const struct vm_line *lines;
	u32 line_count;
	const char *strings;
	u32 strings_size;
	char *log; /* why a program was refused, one line; may be NULL */
	u32 log_size;
};

int vm_program_load(const struct vm_load *load, struct vm_program **program);
void vm_program_get(struct vm_program *program);
void vm_program_put(struct vm_program *program);
u32 vm_program_id(const struct vm_program *program);
u32 vm_program_type(const struct vm_program *program);

/* ---- running ------------------------------------------------------------------------------- */

enum vm_error_kind {
	VM_ERROR_NONE,
	VM_ERROR_WRITE,	      /* a store outside of what the program owns */
	VM_ERROR_ARGUMENT,    /* a helper was handed memory or a map that is not the program's */
	VM_ERROR_BUDGET,      /* too many instructions */
	VM_ERROR_DEPTH,	      /* too many nested calls */
	VM_ERROR_INSTRUCTION, /* not an instruction, or a jump to none */
	VM_ERROR_LOCK,	      /* a spin lock that is held, or cannot be had */
	VM_ERROR_COUNT,
};

struct vm_error {
	u32 kind; /* enum vm_error_kind */
	u32 insn;
	u32 program; /* vm_program_id() of the one it happened in: after a tail call, another one */
	u64 address; /* WRITE: where to; ARGUMENT: which argument, 1 to 5 */
};

enum vm_clock { VM_CLOCK_MONOTONIC, VM_CLOCK_BOOT, VM_CLOCK_COARSE, VM_CLOCK_TAI };
enum vm_probe_value { VM_PROBE_COOKIE, VM_PROBE_IP, VM_PROBE_ARG, VM_PROBE_RETURN, VM_PROBE_ARG_COUNT };

/*
 * What a program can ask of the place it runs in. All may be NULL: reading then fails with -EFAULT,
 * numbers are 0, actions fail with -EOPNOTSUPP. None may sleep.
 */
struct vm_env {
	/* All of `size` bytes, or -EFAULT; the vm zeroes what a failed read leaves. */
	int (*read)(struct vm_machine *machine, void *to, u32 size, u64 from, int user);
	/* Length with its NUL, cut off at `size` and terminated, or -EFAULT. NULL: by `read`, piece by piece. */
	int (*read_string)(struct vm_machine *machine, char *to, u32 size, u64 from, int user);
	u64 (*time)(struct vm_machine *machine, enum vm_clock clock);
	u64 (*jiffies)(struct vm_machine *machine);
	u64 (*pid_tgid)(struct vm_machine *machine);
	u64 (*uid_gid)(struct vm_machine *machine);
	u64 (*task)(struct vm_machine *machine);
	u64 (*cgroup_id)(struct vm_machine *machine);
	int (*comm)(struct vm_machine *machine, char *to, u32 size);
	u32 (*random)(struct vm_machine *machine);
	/* Return addresses into `ips`, innermost first; how many, or a negative errno. */
	int (*stack)(struct vm_machine *machine, u64 *ips, u32 count, u32 skip, int user);
	int (*probe_value)(struct vm_machine *machine, enum vm_probe_value which, u32 index, u64 *value);
	/* `cpu` is the index into the perf event array: VM_CPU_CURRENT has been resolved. */
	int (*perf_output)(struct vm_machine *machine, struct vm_map *map, u32 cpu, const void *data, u32 size);
	void (*print)(struct vm_machine *machine, const char *text, u32 length); /* trace_printk */
	void (*ring_wakeup)(struct vm_machine *machine, struct vm_map *map);
};

#define VM_FRAMES  8
#define VM_WINDOWS 4
#define VM_RECORDS 4
#define VM_TOUCHED 8

struct vm_op;

/* One stretch of memory that the program was seen to own; see memory.c. */
struct vm_window {
	u64 start;
	u64 read_size;
	u64 write_size;
};

/*
 * One run. The consumer owns it (one per CPU and level of nesting: it is too big for a kernel stack),
 * zeroes it once, sets `env` to `budget` before each run and reads `error` after it.
 */
struct vm_machine {
	/* The vm's own. What every run touches lies together: the outermost frame is the last of the stack. */
	union {
		char text[1024]; /* where trace_printk and snprintf put a line together */
		u64 ips[128];	 /* a stack trace, before it is stored */
	};
	u32 keys[VM_FRAMES]; /* array indices that callbacks were given as keys */
	struct {
		const struct vm_program *program;
		const struct vm_op *back;
		u64 saved[4];
	} frames[VM_FRAMES];
	u64 stack[VM_FRAMES * VM_STACK_SIZE / 8];

	/* The consumer's. */
	const struct vm_env *env;
	void *data; /* the consumer's */
	void *context;
	u32 context_size;
	u32 cpu; /* whose per-CPU values the program sees; stays the same during the run */
	void *packet;
	u32 packet_size;
	u32 budget; /* instructions; 0: a million, what the kernel's verifier would look at */
	struct vm_error error;

	/* The vm's own again. */
	const struct vm_program *program;
	struct vm_window windows[VM_WINDOWS];
	u32 next_window;
	u32 depth;
	u32 tail_calls;
	s64 budget_left;
	u64 context_write; /* address and size of the part that may be written */
	u64 context_write_size;
	struct vm_map *touched[VM_TOUCHED]; /* inner maps that the run has used */
	u32 next_touched;
	struct {
		struct vm_map *map;
		void *data;
		u32 size;
	} records[VM_RECORDS]; /* reserved in ring buffers, not yet submitted */
	u32 held;	       /* so many of them, and the lock below: nothing to give back if 0 */
	struct vm_map *locked;
	unsigned long lock_flags;
};

/* 0 with the program's r0 in *result, or -EFAULT with machine->error set, counted, and r0 = 0. */
int vm_program_run(const struct vm_program *program, struct vm_machine *machine, u64 *result);
/* How often runs of this program have ended with that kind of fault. */
u64 vm_program_errors(const struct vm_program *program, enum vm_error_kind kind);
/* "vm: insn 3 `*(u64 *)(r1 +0) = r2`: write to 0x.. ..": what machine->error says. Returns its length. */
int vm_error_describe(const struct vm_program *program, const struct vm_error *error, char *out, unsigned size);

#ifdef __cplusplus
}
#endif

#endif
