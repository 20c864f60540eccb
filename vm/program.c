// SPDX-License-Identifier: GPL-2.0-only
/* Programs: load (copy, resolve what 64-bit loads name, check, decode), references, names. */
#include "internal.h"

/* What r1 points to, by type of program. Tracepoint records differ: the consumer knows better. */
static const struct vm_context_type *usual_context(u32 type)
{
	static const struct vm_context_type contexts[VM_PROGRAM_TYPE_COUNT] = {
		[VM_PROGRAM_SOCKET_FILTER] = {192, 48, 68}, /* __sk_buff; cb[] may be written */
		[VM_PROGRAM_KPROBE] = {168, 0, 0},	    /* struct pt_regs of x86-64 */
		[VM_PROGRAM_SCHED_CLS] = {192, 48, 68},
		[VM_PROGRAM_TRACEPOINT] = {8192, 0, 0},
		[VM_PROGRAM_XDP] = {24, 0, 0},
		[VM_PROGRAM_PERF_EVENT] = {184, 0, 0},	      /* pt_regs, sample_period, addr */
		[VM_PROGRAM_RAW_TRACEPOINT] = {12 * 8, 0, 0}, /* twelve arguments at most */
		[VM_PROGRAM_TRACING] = {12 * 8, 0, 0},
		[VM_PROGRAM_SYSCALL] = {65536, 0, 65536},
	};

	return type < VM_PROGRAM_TYPE_COUNT && contexts[type].size ? &contexts[type] : NULL;
}

static void load_log(const struct vm_load *load, const struct vm_program *program, u32 insn, const char *why)
{
	char where[256];

	if (!load->log || !load->log_size)
		return;
	vm_insn_describe(program, insn, where, sizeof(where));
	port_format(load->log, load->log_size, "vm: %s: %s", where, why);
}

/* The program's index of this map; takes over the reference. */
static int map_index(struct vm_program *program, struct vm_map *map)
{
	u32 i;

	for (i = 0; i < program->map_count; i++) {
		if (program->maps[i] == map) {
			vm_map_put(map);
			return i;
		}
	}
	if (program->map_count == VM_MAX_MAPS) {
		vm_map_put(map);
		return -E2BIG;
	}
	program->maps[program->map_count] = map;
	return program->map_count++;
}

static void set_wide(struct vm_program *program, u32 pc, u64 value)
{
	program->resolved[pc].imm = (s32)value;
	program->resolved[pc + 1].imm = (s32)(value >> 32);
}

/* Puts a map's handle, or the address of a value inside it, into the load. */
static int resolve_map(struct vm_program *program, const struct vm_load *load, u32 pc)
{
	const struct vm_insn *insn = &program->insns[pc];
	struct vm_map *map;
	u64 value;
	int err;

	err = load->map_by_fd ? load->map_by_fd(load->data, insn->imm, &map) : -EBADF;
	if (err) {
		load_log(load, program, pc, "this file descriptor is not a map");
		return err;
	}
	err = map_index(program, map);
	if (err < 0) {
		load_log(load, program, pc, "a program may use 64 maps");
		return err;
	}
	value = vm_map_handle(err, 0);
	if (insn->src == VM_PSEUDO_VALUE) {
		u32 off = insn[1].imm;

		map = program->maps[err];
		if (map->attr.type != VM_MAP_ARRAY || off >= map->attr.value_size) {
			load_log(load, program, pc,
				 "no such address inside of the map: it must be in an array's first value");
			return -EINVAL;
		}
		value = (unsigned long)map->arena.start + off;
	}
	set_wide(program, pc, value);
	return 0;
}

static int resolve_wide(struct vm_program *program, const struct vm_load *load, u32 pc)
{
	const struct vm_insn *insn = &program->insns[pc];
	s64 target;
	u64 value;

	switch (insn->src) {
	case 0:
		return 0;
	case VM_PSEUDO_FD:
	case VM_PSEUDO_VALUE:
		return resolve_map(program, load, pc);
	case VM_PSEUDO_BTF:
		if (!load->symbol_by_btf_id || load->symbol_by_btf_id(load->data, insn->imm, &value)) {
			load_log(load, program, pc, "the kernel symbol is not known here");
			return -ENOENT;
		}
		break;
	case VM_PSEUDO_FUNC:
		target = (s64)pc + 1 + insn->imm;
		if (target < 0 || target >= program->insn_count) {
			load_log(load, program, pc, "the function is outside of the program");
			return -EINVAL;
		}
		value = vm_function_handle(target);
		break;
	default:
		load_log(load, program, pc, "this kind of 64-bit load is not known");
		return -EINVAL;
	}
	set_wide(program, pc, value);
	return 0;
}

static int resolve(struct vm_program *program, const struct vm_load *load)
{
	u32 pc;
	int err;

	for (pc = 0; pc < program->insn_count; pc++) {
		if (program->insns[pc].code != VM_LD_IMM64)
			continue;
		if (pc + 1 == program->insn_count || program->insns[pc + 1].code) {
			load_log(load, program, pc, "the second half of the 64-bit load is missing");
			return -EINVAL;
		}
		err = resolve_wide(program, load, pc);
		if (err)
			return err;
		pc++;
	}
	return 0;
}

static void *copy_of(const void *from, u64 size)
{
	void *to = port_alloc(size);

	if (to)
		port_memcpy(to, from, size);
	return to;
}

/* The program with copies of all that the load points to, or NULL. */
static struct vm_program *program_create(const struct vm_load *load, const struct vm_context_type *context)
{
	struct vm_program *program = port_alloc(sizeof(*program));
	static u32 last_id;

	if (!program)
		return NULL;
	program->references = 1;
	program->id = port_fetch_add(&last_id, 1) + 1;
	program->type = load->type;
	program->flags = load->flags;
	program->context = *context;
	program->stack_used = VM_STACK_SIZE;
	port_memcpy(program->name, load->name, sizeof(program->name) - 1);
	/* One more than there are, and of zeroes: whoever looks at a last, halved 64-bit load stays inside. */
	program->insns = port_alloc((load->insn_count + 1) * sizeof(*load->insns));
	program->maps = port_alloc(VM_MAX_MAPS * sizeof(*program->maps));
	program->resolved = port_alloc((load->insn_count + 1) * sizeof(*load->insns));
	if (!program->insns || !program->maps || !program->resolved)
		goto fail;
	port_memcpy(program->insns, load->insns, load->insn_count * sizeof(*load->insns));
	port_memcpy(program->resolved, load->insns, load->insn_count * sizeof(*load->insns));
	program->insn_count = load->insn_count;
	if (load->line_count && load->strings_size) {
		program->lines = copy_of(load->lines, load->line_count * sizeof(*load->lines));
		program->strings = copy_of(load->strings, load->strings_size);
		if (!program->lines || !program->strings)
			goto fail;
		program->strings[load->strings_size - 1] = '\0';
		program->line_count = load->line_count;
		program->strings_size = load->strings_size;
	}
	return program;
fail:
	vm_program_put(program);
	return NULL;
}

void vm_program_get(struct vm_program *program)
{
	program->was_shared = 1;
	port_fetch_add(&program->references, 1);
}

void vm_program_put(struct vm_program *program)
{
	u32 i;

	if (!program || port_fetch_add(&program->references, -1) != 1)
		return;
	/* What only its maker had, as all that libbpf loads to see whether it can, has nobody to wait for. */
	if (program->was_shared)
		port_synchronize();
	for (i = 0; i < program->map_count; i++)
		vm_map_put(program->maps[i]);
	port_free(program->maps);
	port_free(program->insns);
	port_free(program->resolved);
	port_free(program->ops);
	port_free(program->insn_of);
	port_free(program->lines);
	port_free(program->strings);
	port_free(program);
}

int vm_program_load(const struct vm_load *load, struct vm_program **out)
{
	const struct vm_context_type *context = load->context ? load->context : usual_context(load->type);
	struct vm_program *program;
	int err;

	if (load->log && load->log_size)
		load->log[0] = '\0';
	if (!load->insn_count || load->insn_count > VM_MAX_INSNS)
		return -E2BIG;
	if (!context || load->type >= VM_PROGRAM_TYPE_COUNT || context->write_start > context->write_end)
		return -EINVAL;
	program = program_create(load, context);
	if (!program)
		return -ENOMEM;
	err = resolve(program, load);
	if (!err)
		err = vm_decode(program);
	if (!err && !(load->flags & VM_LOAD_UNCHECKED)) {
		err = vm_check(program, load);
		if (!err)
			err = vm_decode(program); /* again, as the checker has left it */
		if (!err)
			err = vm_pack(program);
	}
	if (err) {
		vm_program_put(program);
		return err;
	}
	port_free(program->resolved);
	program->resolved = NULL;
	*out = program;
	return 0;
}

u32 vm_program_id(const struct vm_program *program)
{
	return program->id;
}

u32 vm_program_type(const struct vm_program *program)
{
	return program->type;
}
