// SPDX-License-Identifier: GPL-2.0-only
/* Calls of helpers: does each argument look like what the helper's row in the table says? */
#include "check.h"
#include "disasm.h"

/* The map that the call is about, if it is known which; else NULL. */
static const struct vm_map *map_of_call(struct vm_checker *checker, const struct vm_helper *helper)
{
	const struct vm_register *reg;
	u32 i;

	for (i = 0; i < 5; i++) {
		reg = &checker->now.r[i + 1];
		if (helper->args[i] == VM_ARG_MAP && reg->known == VM_KNOWN_MAP && reg->map != VM_ANY_MAP)
			return checker->program->maps[reg->map];
	}
	return NULL;
}

static int check_map(struct vm_checker *checker, const struct vm_helper *helper, u32 number)
{
	const struct vm_register *reg = &checker->now.r[number];
	const struct vm_map *map;

	if (reg->known == VM_KNOWN_NUMBER)
		return 0;
	if (reg->known != VM_KNOWN_MAP)
		return vm_refuse(checker, -EACCES, "r%u must be a map", number);
	if (reg->map == VM_ANY_MAP)
		return 0;
	map = checker->program->maps[reg->map];
	if (!(helper->maps & 1U << map->attr.type))
		return vm_refuse(checker, -EINVAL, "the helper is not for a map of type %s", map->ops->name);
	return 0;
}

static int check_size(struct vm_checker *checker, u32 number)
{
	const struct vm_register *reg = &checker->now.r[number];

	if (reg->known != VM_KNOWN_NUMBER && reg->known != VM_KNOWN_CONSTANT)
		return vm_refuse(checker, -EACCES, "r%u must be a size", number);
	if (reg->known == VM_KNOWN_CONSTANT && (reg->value < 0 || reg->value > 0x7fffffff))
		return vm_refuse(checker, -EACCES, "r%u: a size of %lld is out of range", number, reg->value);
	return 0;
}

/* Memory of the size in the next register, which may be 0 if it is not known. */
static int check_sized(struct vm_checker *checker, u32 number, int write, int may_be_null)
{
	const struct vm_register *reg = &checker->now.r[number], *size = &checker->now.r[number + 1];

	if (may_be_null && reg->known == VM_KNOWN_CONSTANT && !reg->value)
		return 0;
	if (size->known == VM_KNOWN_CONSTANT && !size->value)
		return 0;
	return vm_check_access(checker, number, 0, size->known == VM_KNOWN_CONSTANT ? (u64)size->value : 1, write);
}

static int check_kind(struct vm_checker *checker, u32 number, enum vm_known wanted, const char *what)
{
	u8 known = checker->now.r[number].known;

	if (known == wanted || known == VM_KNOWN_NUMBER)
		return 0;
	return vm_refuse(checker, -EACCES, "r%u must be %s", number, what);
}

static int check_argument(struct vm_checker *checker, const struct vm_helper *helper, u32 number)
{
	const struct vm_map *map = map_of_call(checker, helper);

	switch (helper->args[number - 1]) {
	case VM_ARG_CONTEXT:
		return check_kind(checker, number, VM_KNOWN_CONTEXT, "the context");
	case VM_ARG_MAP:
		return check_map(checker, helper, number);
	case VM_ARG_KEY:
		return vm_check_access(checker, number, 0, map ? map->attr.key_size : 1, 0);
	case VM_ARG_VALUE:
		return vm_check_access(checker, number, 0, map ? map->attr.value_size : 1, 0);
	case VM_ARG_VALUE_OUT:
		return vm_check_access(checker, number, 0, map ? map->attr.value_size : 1, 1);
	case VM_ARG_MEMORY:
	case VM_ARG_MEMORY_OUT:
		return check_sized(checker, number, helper->args[number - 1] == VM_ARG_MEMORY_OUT, 0);
	case VM_ARG_MEMORY_OR_NULL:
		return check_sized(checker, number, 0, 1);
	case VM_ARG_SIZE:
		return check_size(checker, number);
	case VM_ARG_FUNCTION:
		/* One that is not known could not be followed. */
		if (checker->now.r[number].known != VM_KNOWN_FUNCTION)
			return vm_refuse(checker, -EINVAL, "r%u must be a function of this program", number);
		return 0;
	case VM_ARG_RECORD:
		return check_kind(checker, number, VM_KNOWN_NUMBER, "a record of a ring buffer");
	case VM_ARG_LOCK:
		return check_kind(checker, number, VM_KNOWN_VALUE, "a spin lock in a value of a map");
	case VM_ARG_STRING:
	case VM_ARG_NUMBER_OUT:
		return vm_check_access(checker, number, 0, helper->args[number - 1] == VM_ARG_STRING ? 1 : 8,
				       helper->args[number - 1] == VM_ARG_NUMBER_OUT);
	default:
		return 0;
	}
}

/* bpf_map_update_elem, delete_elem, push_elem and pop_elem. */
static int changes_map(u32 id)
{
	return id == 2 || id == 3 || id == 87 || id == 88;
}

static u32 argument_count(const struct vm_helper *helper, u32 id)
{
	u32 count = 0;

	/* How many of the arguments of trace_printk are read, its format says. */
	if (id == 6)
		return 2;
	while (count < 5 && helper->args[count] != VM_ARG_NONE)
		count++;
	return count;
}

/* What the callback finds in its registers: the helper's own arguments, in its order. */
static void enter_callback(struct vm_checker *checker, const struct vm_helper *helper)
{
	const int is_loop = helper->args[0] != VM_ARG_MAP;
	struct vm_register args[4] = {{VM_KNOWN_NUMBER, 0, 0, 0},
				      {VM_KNOWN_NUMBER, 0, 0, 0},
				      {VM_KNOWN_NUMBER, 0, 0, 0},
				      {VM_KNOWN_NUMBER, 0, 0, 0}};

	if (!is_loop)
		args[0] = checker->now.r[1];
	args[is_loop ? 1 : 3] = checker->now.r[3];
	if (!is_loop && args[0].known == VM_KNOWN_MAP && args[0].map != VM_ANY_MAP) {
		args[2].known = VM_KNOWN_VALUE;
		args[2].exact = 1;
		args[2].map = args[0].map;
	}
	vm_check_enter(checker, checker->now.r[2].value, args, is_loop ? 2 : 4);
}

static void set_result(struct vm_checker *checker, const struct vm_helper *helper)
{
	const struct vm_map *map = map_of_call(checker, helper);
	const u16 number = checker->now.r[1].map;
	struct vm_register *r0 = &checker->now.r[0];

	r0->known = VM_KNOWN_NUMBER;
	r0->exact = 0;
	r0->map = 0;
	r0->value = 0;
	if (helper->returns != VM_RETURNS_VALUE || !map || vm_map_is_outer(map))
		return;
	r0->known = VM_KNOWN_VALUE;
	r0->exact = 1;
	r0->map = number;
}

static int check_tail_call(struct vm_checker *checker)
{
	static const struct vm_helper tail_call = {
		NULL, MAP_BIT(PROG_ARRAY), 0, VM_RETURNS_NUMBER, {VM_ARG_CONTEXT, VM_ARG_MAP, VM_ARG_ANY, 0, 0}};
	int err = check_argument(checker, &tail_call, 1);

	if (!err)
		err = check_argument(checker, &tail_call, 2);
	set_result(checker, &tail_call);
	return err;
}

static int check_helper(struct vm_checker *checker, const struct vm_insn *insn)
{
	const struct vm_helper *helper = vm_helper_find(insn->imm);
	const char *name = vm_helper_name(insn->imm);

	if (insn->src == VM_CALL_KFUNC)
		return vm_refuse(checker, -EINVAL, "kernel functions cannot be called here");
	if (insn->src != VM_CALL_HELPER)
		return vm_refuse(checker, -EINVAL, "there is no such kind of call");
	if (insn->imm == VM_CORE_UNRESOLVED)
		return vm_refuse(checker, -EINVAL,
				 "a type, field or value of the kernel that the program needs is not there");
	if (insn->imm == VM_HELPER_TAIL_CALL)
		return 0;
	if (!helper && name)
		return vm_refuse(checker, -EINVAL, "the helper bpf_%s is not available here", name);
	if (!helper)
		return vm_refuse(checker, -EINVAL, "there is no helper %d", insn->imm);
	if (!(helper->programs & 1U << checker->program->type))
		return vm_refuse(checker, -EINVAL, "the helper bpf_%s is not for this type of program", name);
	return 0;
}

int vm_check_call(struct vm_checker *checker, const struct vm_insn *insn)
{
	const u32 is_tail_call = insn->imm == VM_HELPER_TAIL_CALL;
	const struct vm_helper *helper = vm_helper_find(insn->imm);
	const struct vm_map *map;
	u32 number, count;
	int err = check_helper(checker, insn);

	if (err)
		return err;
	count = is_tail_call ? 3 : argument_count(helper, insn->imm);
	for (number = 1; number <= count; number++)
		if (checker->now.r[number].known == VM_KNOWN_NOTHING)
			return vm_refuse(checker, -EACCES, "r%u is read but was never written", number);
	if (is_tail_call)
		return check_tail_call(checker);
	for (number = 1; number <= count; number++) {
		err = check_argument(checker, helper, number);
		if (err)
			return err;
	}
	map = map_of_call(checker, helper);
	if (map && (map->attr.flags & VM_F_RDONLY_PROG) && changes_map(insn->imm))
		return vm_refuse(checker, -EACCES, "programs can only read the map \"%s\"", map->attr.name);
	if (count >= 2 && helper->args[1] == VM_ARG_FUNCTION)
		enter_callback(checker, helper);
	set_result(checker, helper);
	return 0;
}
