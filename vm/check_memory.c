// SPDX-License-Identifier: GPL-2.0-only
/* Loads and stores whose address is known well enough to tell that they are wrong. */
#include "check.h"

static int check_frame(struct vm_checker *checker, s64 at, u64 size)
{
	if (at < -VM_STACK_SIZE || at + (s64)size > 0)
		return vm_refuse(checker, -EACCES, "%llu bytes at r10%+lld are outside of the frame (r10-%d to r10)",
				 size, at, VM_STACK_SIZE);
	if (at < checker->lowest)
		checker->lowest = at;
	return 0;
}

static int check_context(struct vm_checker *checker, s64 at, u64 size, int write)
{
	const struct vm_context_type *context = &checker->program->context;

	if (at < 0 || (u64)at + size > context->size)
		return vm_refuse(checker, -EACCES, "%llu bytes at %lld are outside of the context of %u bytes", size,
				 at, context->size);
	if (write && (at < context->write_start || (u64)at + size > context->write_end))
		return vm_refuse(checker, -EACCES, "this part of the context can only be read");
	return 0;
}

static int check_value(struct vm_checker *checker, const struct vm_register *reg, s64 at, u64 size, int write)
{
	const struct vm_map *map = checker->program->maps[reg->map];

	if (write && (map->attr.flags & VM_F_RDONLY_PROG))
		return vm_refuse(checker, -EACCES, "programs can only read the map \"%s\"", map->attr.name);
	if (!write && (map->attr.flags & VM_F_WRONLY_PROG))
		return vm_refuse(checker, -EACCES, "programs can only write the map \"%s\"", map->attr.name);
	/* A global variable can be anywhere in the one value of its section. */
	if (reg->exact && (at < 0 || (u64)at + size > map->attr.value_size))
		return vm_refuse(checker, -EACCES, "%llu bytes at %lld are outside of the value of %u bytes", size, at,
				 map->attr.value_size);
	return 0;
}

int vm_check_access(struct vm_checker *checker, u32 number, s64 off, u64 size, int write)
{
	const struct vm_register *reg = &checker->now.r[number];

	switch (reg->known) {
	case VM_KNOWN_FRAME:
		return reg->exact ? check_frame(checker, reg->value + off, size) : 0;
	case VM_KNOWN_CONTEXT:
		return reg->exact ? check_context(checker, reg->value + off, size, write) : 0;
	case VM_KNOWN_VALUE:
		return check_value(checker, reg, reg->value + off, size, write);
	case VM_KNOWN_CONSTANT:
		return vm_refuse(checker, -EACCES, "r%u is a number, not an address", number);
	case VM_KNOWN_MAP:
		return vm_refuse(checker, -EACCES, "r%u is a map, not the address of a value", number);
	case VM_KNOWN_FUNCTION:
		return vm_refuse(checker, -EACCES, "r%u is a function", number);
	default:
		return 0;
	}
}

/* What a load gives is a constant where nobody can write any more: .rodata, once libbpf has frozen it. */
static int load_constant(struct vm_checker *checker, const struct vm_insn *insn, s64 *value)
{
	const struct vm_register *reg = &checker->now.r[insn->src];
	const struct vm_map *map;
	const char *from;
	u64 bits = 0;
	u32 size = vm_insn_bytes(insn->code);

	if (reg->known != VM_KNOWN_VALUE || !reg->exact || VM_MODE(insn->code) != VM_MEM)
		return 0;
	map = checker->program->maps[reg->map];
	if (map->attr.type != VM_MAP_ARRAY || map->attr.max_entries != 1 || !port_load(&map->frozen) ||
	    !(map->attr.flags & VM_F_RDONLY_PROG))
		return 0;
	from = map->arena.start + reg->value + insn->off;
	if (PORT_IS_LITTLE)
		port_memcpy(&bits, from, size);
	else
		port_memcpy((char *)&bits + 8 - size, from, size);
	*value = (s64)bits;
	return 1;
}

int vm_check_load(struct vm_checker *checker, const struct vm_insn *insn)
{
	struct vm_register *dst = &checker->now.r[insn->dst];
	int err = vm_check_access(checker, insn->src, insn->off, vm_insn_bytes(insn->code), 0), is_constant;
	s64 value = 0;

	if (err)
		return err;
	is_constant = load_constant(checker, insn, &value);
	dst->known = is_constant ? VM_KNOWN_CONSTANT : VM_KNOWN_NUMBER;
	dst->exact = is_constant;
	dst->map = 0;
	dst->value = value;
	return 0;
}
