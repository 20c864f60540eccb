// SPDX-License-Identifier: GPL-2.0-only
/* bpf(2): takes the arguments apart, copies what they point to, and asks the maps and programs. */
#include "bpf.h"
#include "internal.h"

union attr {
	struct {
		u32 type, key_size, value_size, max_entries, flags, inner_fd, numa_node;
		char name[16];
		u32 interface, btf_fd, btf_key, btf_value, btf_vmlinux_value;
		u64 extra;
	} create;
	struct {
		u32 fd, unused;
		u64 key, value, flags;
	} element;
	struct {
		u32 type, insn_count;
		u64 insns, license;
		u32 log_level, log_size;
		u64 log;
		u32 kernel_version, flags;
		char name[16];
	} load;
	struct {
		u32 fd, size;
		u64 info;
	} info;
	struct {
		u32 program_fd, result, data_size_in, data_size_out;
		u64 data_in, data_out;
		u32 repeat, duration, context_size_in, context_size_out;
		u64 context_in, context_out;
	} test;
	char bytes[144];
};

#define KEY_MAX	  (64U << 10)
#define VALUE_MAX (64ULL << 20)
#define LOG_MAX	  1024U
#define TEST_MAX  (64U << 10)

static u64 larger(u64 a, u64 b)
{
	return a > b ? a : b;
}

/* The copy is the caller's to free, also after an error. */
static int copy_in(const struct vm_bpf *calls, void **copy, u64 address, u64 size, u64 room)
{
	*copy = port_alloc(room);
	if (!*copy)
		return -ENOMEM;
	return size ? calls->copy_in(*copy, address, size) : 0;
}

/* ---- maps ---- */

static int map_create(const struct vm_bpf *calls, const union attr *attr)
{
	struct vm_map_attr wanted = {
		.type = attr->create.type,
		.key_size = attr->create.key_size,
		.value_size = attr->create.value_size,
		.max_entries = attr->create.max_entries,
		.flags = attr->create.flags,
		.extra = attr->create.extra,
	};
	int err = 0;

	if (wanted.key_size > KEY_MAX || wanted.value_size > VALUE_MAX)
		return -E2BIG;
	port_memcpy(wanted.name, attr->create.name, sizeof(wanted.name));
	if (wanted.type == VM_MAP_ARRAY_OF_MAPS || wanted.type == VM_MAP_HASH_OF_MAPS)
		err = calls->map_by_fd(calls->data, attr->create.inner_fd, &wanted.inner);
	if (err)
		return err;
	err = calls->map_create(calls->data, &wanted);
	vm_map_put(wanted.inner);
	return err;
}

/* User space writes a file descriptor; the map takes over the reference to what it is. */
static int set_object(const struct vm_bpf *calls, struct vm_map *map, const void *key, u32 fd, u64 flags)
{
	struct vm_program *program;
	struct vm_map *inner;
	void *object;
	int err;

	switch (vm_map_attr(map)->type) {
	case VM_MAP_PROG_ARRAY:
		err = calls->program_by_fd(calls->data, fd, &program);
		object = program;
		break;
	case VM_MAP_PERF_EVENT_ARRAY:
		err = calls->object_by_fd(calls->data, fd, &object);
		break;
	case VM_MAP_CGROUP_ARRAY:
		return -EOPNOTSUPP;
	default:
		err = calls->map_by_fd(calls->data, fd, &inner);
		object = inner;
	}
	if (err)
		return err;
	err = vm_map_set_object(map, key, object, flags);
	if (err)
		vm_map_put_object(map, object);
	return err;
}

static int element_call(const struct vm_bpf *calls, u32 command, const union attr *attr, struct vm_map *map, void *key,
			void *value, u64 size)
{
	int err = -EINVAL;

	switch (command) {
	case VM_BPF_MAP_LOOKUP:
		err = vm_map_lookup(map, key, value, attr->element.flags);
		break;
	case VM_BPF_MAP_POP:
		err = vm_map_pop(map, key, value, attr->element.flags);
		break;
	case VM_BPF_MAP_UPDATE:
		err = calls->copy_in(value, attr->element.value, size);
		if (err)
			return err;
		if (vm_map_holds_objects(map))
			return set_object(calls, map, key, *(u32 *)value, attr->element.flags);
		return vm_map_update(map, key, value, attr->element.flags);
	case VM_BPF_MAP_DELETE:
		return vm_map_delete(map, key);
	case VM_BPF_MAP_NEXT_KEY:
		err = vm_map_next_key(map, attr->element.key ? key : NULL, value);
		size = vm_map_attr(map)->key_size;
		break;
	}
	return err ? err : calls->copy_out(attr->element.value, value, size);
}

static int map_element(const struct vm_bpf *calls, u32 command, const union attr *attr)
{
	void *key = NULL, *value = NULL;
	struct vm_map *map;
	u32 key_size;
	u64 size;
	int err = calls->map_by_fd(calls->data, attr->element.fd, &map);

	if (err)
		return err;
	key_size = vm_map_attr(map)->key_size;
	size = vm_map_value_size(map);
	value = port_alloc(larger(larger(size, key_size), 8));
	err = -ENOMEM;
	if (value && key_size && attr->element.key)
		err = copy_in(calls, &key, attr->element.key, key_size, key_size);
	else if (value)
		err = key_size && command != VM_BPF_MAP_NEXT_KEY ? -EFAULT : 0;
	if (!err)
		err = element_call(calls, command, attr, map, key, value, size);
	port_free(key);
	port_free(value);
	vm_map_put(map);
	return err;
}

/* ---- programs ---- */

static void write_log(const struct vm_bpf *calls, const union attr *attr, char *log)
{
	const u64 room = attr->load.log_size;
	u64 length = port_strlen(log);

	if (!attr->load.log_level || !room || !attr->load.log)
		return;
	if (length > room - 1)
		length = room - 1;
	log[length] = '\0';
	/* Nobody reads a log that is not there; the answer is the program's. */
	(void)calls->copy_out(attr->load.log, log, length + 1);
}

static int program_load(const struct vm_bpf *calls, const union attr *attr)
{
	struct vm_load load = {
		.type = attr->load.type,
		.insn_count = attr->load.insn_count,
		.map_by_fd = calls->map_by_fd,
		.data = calls->data,
		.log_size = LOG_MAX,
	};
	const u64 size = (u64)load.insn_count * sizeof(*load.insns);
	void *insns;
	int err;

	if (!load.insn_count || load.insn_count > VM_MAX_INSNS)
		return -E2BIG;
	port_memcpy(load.name, attr->load.name, sizeof(load.name));
	err = copy_in(calls, &insns, attr->load.insns, size, size);
	load.insns = insns;
	load.log = port_alloc(LOG_MAX);
	if (!err)
		err = load.log ? calls->program_load(calls->data, &load) : -ENOMEM;
	if (load.log)
		write_log(calls, attr, load.log);
	port_free(load.log);
	port_free(insns);
	return err;
}

/* ---- what they are ---- */

/* The start of struct bpf_map_info and of struct bpf_prog_info; the rest is 0. */
struct map_info {
	u32 type, id, key_size, value_size, max_entries, flags;
	char name[16];
	u32 rest[10];
	u64 extra;
};

struct program_info {
	u32 type, id;
	u64 tag;
	u32 rest[54];
};

static int object_info(const struct vm_bpf *calls, const union attr *attr, u64 attr_address)
{
	union {
		struct map_info map;
		struct program_info program;
	} info;
	struct vm_program *program;
	struct vm_map *map;
	u32 size = sizeof(info.map);
	int err;

	port_memset(&info, 0, sizeof(info));
	if (!calls->map_by_fd(calls->data, attr->info.fd, &map)) {
		const struct vm_map_attr *known = vm_map_attr(map);

		info.map = (struct map_info){.type = known->type,
					     .id = vm_map_id(map),
					     .key_size = known->key_size,
					     .value_size = known->value_size,
					     .max_entries = known->max_entries,
					     .flags = known->flags,
					     .extra = known->extra};
		port_memcpy(info.map.name, known->name, sizeof(info.map.name));
		vm_map_put(map);
	} else if (!calls->program_by_fd(calls->data, attr->info.fd, &program)) {
		info.program.type = vm_program_type(program);
		info.program.id = vm_program_id(program);
		size = sizeof(info.program);
		vm_program_put(program);
	} else {
		return -EBADF;
	}
	if (size > attr->info.size)
		size = attr->info.size;
	err = calls->copy_out(attr->info.info, &info, size);
	return err ? err : calls->copy_out(attr_address + offsetof(union attr, info.size), &size, sizeof(size));
}

/* ---- runs without an event ---- */

#define PACKET_CONTEXT 192U /* struct __sk_buff: of whom no context is given */

static int copy_out(const struct vm_bpf *calls, u64 address, u32 room, const void *from, u32 size)
{
	return address ? calls->copy_out(address, from, room < size ? room : size) : 0;
}

/* What the program left. Of a run that was ended: why, in words, in place of the packet. */
static int test_answer(const struct vm_bpf *calls, union attr *attr, u64 attr_address, const struct vm_bpf_test *test,
		       int err)
{
	const u32 result_at = offsetof(union attr, test.result), end = offsetof(union attr, test.context_in);
	const int in_place = vm_program_type(test->program) == VM_PROGRAM_SYSCALL;
	char why[400];

	if (err == -EFAULT) {
		vm_error_describe(test->program, &test->error, why, sizeof(why));
		(void)copy_out(calls, attr->test.data_out, attr->test.data_size_out, why, port_strlen(why) + 1);
	}
	if (err)
		return err;
	err = copy_out(calls, in_place ? attr->test.context_in : attr->test.context_out,
		       in_place ? attr->test.context_size_in : attr->test.context_size_out, test->context,
		       attr->test.context_size_in);
	if (!err)
		err = copy_out(calls, attr->test.data_out, attr->test.data_size_out, test->packet, test->packet_size);
	attr->test.result = test->result;
	attr->test.duration = test->duration;
	attr->test.data_size_out = test->packet_size;
	attr->test.context_size_out = attr->test.context_size_in;
	return err ? err
		   : copy_out(calls, attr_address + result_at, end - result_at, &attr->test.result, end - result_at);
}

static int program_test(const struct vm_bpf *calls, union attr *attr, u64 attr_address)
{
	struct vm_bpf_test test = {.context_size = attr->test.context_size_in,
				   .packet_size = attr->test.data_size_in,
				   .repeat = attr->test.repeat ? attr->test.repeat : 1};
	int err;

	if (!calls->program_test)
		return -EINVAL;
	if (test.context_size > TEST_MAX || test.packet_size > TEST_MAX)
		return -E2BIG;
	err = calls->program_by_fd(calls->data, attr->test.program_fd, &test.program);
	if (err)
		return err;
	err = copy_in(calls, &test.context, attr->test.context_in, test.context_size,
		      larger(test.context_size, PACKET_CONTEXT));
	if (!err)
		err = copy_in(calls, &test.packet, attr->test.data_in, test.packet_size, test.packet_size);
	if (!err && !test.context_size) {
		test.context_size = PACKET_CONTEXT;
		*(u32 *)test.context = test.packet_size;
	}
	if (!err)
		err = test_answer(calls, attr, attr_address, &test, calls->program_test(calls->data, &test));
	port_free(test.context);
	port_free(test.packet);
	vm_program_put(test.program);
	return err;
}

int vm_bpf(const struct vm_bpf *calls, u32 command, u64 attr_address, u32 size)
{
	union attr attr;
	int err;

	port_memset(&attr, 0, sizeof(attr));
	err = calls->copy_in(&attr, attr_address, size < sizeof(attr) ? size : sizeof(attr));
	if (err)
		return err;
	switch (command) {
	case VM_BPF_MAP_CREATE:
		return map_create(calls, &attr);
	case VM_BPF_MAP_LOOKUP:
	case VM_BPF_MAP_UPDATE:
	case VM_BPF_MAP_DELETE:
	case VM_BPF_MAP_NEXT_KEY:
	case VM_BPF_MAP_POP:
		return map_element(calls, command, &attr);
	case VM_BPF_MAP_FREEZE:
		return calls->map_freeze(calls->data, attr.element.fd);
	case VM_BPF_PROG_LOAD:
		return program_load(calls, &attr);
	case VM_BPF_PROG_TEST_RUN:
		return program_test(calls, &attr, attr_address);
	case VM_BPF_OBJECT_INFO:
		return object_info(calls, &attr, attr_address);
	default:
		return -EINVAL;
	}
}
