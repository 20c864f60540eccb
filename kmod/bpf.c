// SPDX-License-Identifier: GPL-2.0-only
/* bpf(2), with the kernel's layout of arguments and the kernel's errors, as far as libbpf asks. */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "anyprobe.h"

/* From linux/bpf.h, which old kernels lack; UAPI, so it never changes. */
enum {
	MAP_CREATE,
	MAP_LOOKUP,
	MAP_UPDATE,
	MAP_DELETE,
	MAP_NEXT_KEY,
	PROG_LOAD,
	PROG_TEST_RUN = 10,
	OBJECT_INFO = 15,
	MAP_POP = 21,
	MAP_FREEZE = 22,
};

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
#define USER(address) ((void __user *)(unsigned long)(address))

/* The copy is the caller's to free, also after an error. */
static int copy_in(void **copy, u64 address, u64 size, u64 room)
{
	*copy = port_alloc(room);
	if (!*copy)
		return -ENOMEM;
	return copy_from_user(*copy, USER(address), size) ? -EFAULT : 0;
}

/* One map may not take the machine's memory: a quarter of it at most. About right is enough. */
static int map_is_too_big(const struct vm_map_attr *wanted)
{
	u64 value = ALIGN((u64)wanted->value_size, 8);
	struct sysinfo machine;

	si_meminfo(&machine);
	if (wanted->type == VM_MAP_PERCPU_HASH || wanted->type == VM_MAP_PERCPU_ARRAY ||
	    wanted->type == VM_MAP_LRU_PERCPU_HASH)
		value *= port_cpu_count();
	return wanted->max_entries > (u64)machine.totalram * machine.mem_unit / 4 / (wanted->key_size + value + 64);
}

static int map_create(const union attr *attr)
{
	struct vm_map_attr wanted = {
		.type = attr->create.type,
		.key_size = attr->create.key_size,
		.value_size = attr->create.value_size,
		.max_entries = attr->create.max_entries,
		.flags = attr->create.flags,
		.extra = attr->create.extra,
		.objects = &ap_perf_ring_ops,
	};
	struct vm_map *map;
	int err;

	if (wanted.key_size > KEY_MAX || wanted.value_size > VALUE_MAX)
		return -E2BIG;
	if (map_is_too_big(&wanted))
		return -ENOMEM;
	if (wanted.type == VM_MAP_PERF_EVENT_ARRAY && !wanted.max_entries)
		wanted.max_entries = port_cpu_count();
	memcpy(wanted.name, attr->create.name, sizeof(wanted.name));
	if (wanted.type == VM_MAP_ARRAY_OF_MAPS || wanted.type == VM_MAP_HASH_OF_MAPS) {
		err = ap_map_by_fd(NULL, attr->create.inner_fd, &wanted.inner);
		if (err)
			return err;
	}
	err = vm_map_create(&wanted, &map);
	vm_map_put(wanted.inner);
	return err ? err : ap_map_fd_create(map);
}

/* User space writes a file descriptor; the map takes over the reference to what it is. */
static int set_object(struct vm_map *map, const void *key, u32 fd, u64 flags)
{
	struct vm_program *program;
	struct vm_map *inner;
	void *object;
	int err;

	switch (vm_map_attr(map)->type) {
	case VM_MAP_PROG_ARRAY:
		err = ap_program_by_fd(fd, &program);
		object = program;
		break;
	case VM_MAP_PERF_EVENT_ARRAY:
		err = ap_perf_ring_by_fd(fd, &object);
		break;
	case VM_MAP_CGROUP_ARRAY:
		return -EOPNOTSUPP;
	default:
		err = ap_map_by_fd(NULL, fd, &inner);
		object = inner;
	}
	if (err)
		return err;
	err = vm_map_set_object(map, key, object, flags);
	if (err)
		vm_map_put_object(map, object);
	return err;
}

static int element_call(u32 command, const union attr *attr, struct vm_map *map, void *key, void *value, u64 size)
{
	const u32 key_size = vm_map_attr(map)->key_size;
	int err = -EINVAL;

	switch (command) {
	case MAP_LOOKUP:
		err = vm_map_lookup(map, key, value, attr->element.flags);
		break;
	case MAP_POP:
		err = vm_map_pop(map, key, value, attr->element.flags);
		break;
	case MAP_UPDATE:
		if (copy_from_user(value, USER(attr->element.value), size))
			return -EFAULT;
		if (vm_map_holds_objects(map))
			return set_object(map, key, *(u32 *)value, attr->element.flags);
		return vm_map_update(map, key, value, attr->element.flags);
	case MAP_DELETE:
		return vm_map_delete(map, key);
	case MAP_NEXT_KEY:
		err = vm_map_next_key(map, attr->element.key ? key : NULL, value);
		size = key_size;
		break;
	}
	if (!err && copy_to_user(USER(attr->element.value), value, size))
		err = -EFAULT;
	return err;
}

static int map_element(u32 command, const union attr *attr)
{
	void *key = NULL, *value = NULL;
	struct vm_map *map;
	u32 key_size;
	u64 size;
	int err = ap_map_by_fd(NULL, attr->element.fd, &map);

	if (err)
		return err;
	key_size = vm_map_attr(map)->key_size;
	size = vm_map_value_size(map);
	value = port_alloc(max_t(u64, max_t(u64, size, key_size), 8));
	err = -ENOMEM;
	if (value && key_size && attr->element.key)
		err = copy_in(&key, attr->element.key, key_size, key_size);
	else if (value)
		err = key_size && command != MAP_NEXT_KEY ? -EFAULT : 0;
	if (!err)
		err = element_call(command, attr, map, key, value, size);
	port_free(key);
	port_free(value);
	vm_map_put(map);
	return err;
}

#define TRACE_PRINTK  6
#define TRACE_VPRINTK 177

static int prints(const struct vm_insn *insns, u32 count)
{
	for (; count; insns++, count--)
		if (insns->code == (VM_JMP | VM_CALL) && !insns->src &&
		    (insns->imm == TRACE_PRINTK || insns->imm == TRACE_VPRINTK))
			return 1;
	return 0;
}

static int program_load(const union attr *attr)
{
	struct vm_load load = {
		.type = attr->load.type,
		.insn_count = attr->load.insn_count,
		.map_by_fd = ap_map_by_fd,
		.log_size = LOG_MAX,
	};
	struct vm_program *program;
	void *insns;
	u32 length;
	u64 size;
	int err;

	if (!load.insn_count || load.insn_count > 1U << 18)
		return -E2BIG;
	memcpy(load.name, attr->load.name, sizeof(load.name));
	size = (u64)load.insn_count * sizeof(*load.insns);
	err = copy_in(&insns, attr->load.insns, size, size);
	load.insns = insns;
	load.log = port_alloc(LOG_MAX);
	if (!err)
		err = load.log ? vm_program_load(&load, &program) : -ENOMEM;
	if (load.log && attr->load.log_level && attr->load.log_size && attr->load.log) {
		length = min_t(u32, strnlen(load.log, LOG_MAX - 1), attr->load.log_size - 1);
		load.log[length] = '\0';
		if (copy_to_user(USER(attr->load.log), load.log, length + 1) && !err) {
			vm_program_put(program);
			err = -EFAULT;
		}
	}
	if (!err && prints(load.insns, load.insn_count))
		ap_print_names(1);
	port_free(load.log);
	port_free(insns);
	return err ? err : ap_program_fd_create(program);
}

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

static int object_info(const union attr *attr, u64 attr_address)
{
	union {
		struct map_info map;
		struct program_info program;
	} info;
	struct vm_program *program;
	struct vm_map *map;
	u32 size = sizeof(info.map);

	memset(&info, 0, sizeof(info));
	if (!ap_map_by_fd(NULL, attr->info.fd, &map)) {
		const struct vm_map_attr *known = vm_map_attr(map);

		info.map = (struct map_info){known->type, vm_map_id(map), known->key_size, known->value_size,
					     known->max_entries, known->flags};
		memcpy(info.map.name, known->name, sizeof(info.map.name));
		info.map.extra = known->extra;
		vm_map_put(map);
	} else if (!ap_program_by_fd(attr->info.fd, &program)) {
		info.program.type = vm_program_type(program);
		info.program.id = vm_program_id(program);
		size = sizeof(info.program);
		vm_program_put(program);
	} else {
		return -EBADF;
	}
	size = min_t(u32, size, attr->info.size);
	if (copy_to_user(USER(attr->info.info), &info, size) ||
	    copy_to_user(USER(attr_address + offsetof(union attr, info.size)), &size, sizeof(size)))
		return -EFAULT;
	return 0;
}

#define TEST_MAX     (64U << 10)
#define PACKET_CONTEXT 192U /* struct __sk_buff: of whom no context is given */

static DEFINE_PER_CPU(struct ap_counts, test_counts); /* of no link, so nobody asks for them */

/* `duration` is that of one run, in nanoseconds. */
static int run_repeatedly(struct ap_hit *hit, void *context, u32 size, u32 repeat, u32 *duration)
{
	u64 start = ap_time_monotonic();
	u32 i;
	int err;

	for (i = 0; i < repeat; i++) {
		err = ap_run(hit, context, size);
		if (!err && test_thread_flag(TIF_SIGPENDING))
			err = -EINTR;
		if (err)
			return err;
		cond_resched();
	}
	*duration = (ap_time_monotonic() - start) / repeat;
	return 0;
}

static int copy_out(u64 address, u32 room, const void *from, u32 size)
{
	return address && copy_to_user(USER(address), from, min(room, size)) ? -EFAULT : 0;
}

/* What the program left. Of a run that was ended: why, in words, in place of the packet. */
static int test_answer(union attr *attr, u64 attr_address, const struct ap_hit *hit, const void *context, int err)
{
	const u32 result_at = offsetof(union attr, test.result), end = offsetof(union attr, test.context_in);
	const int in_place = vm_program_type(hit->link->program) == VM_PROGRAM_SYSCALL;
	char why[400];

	if (err == -EFAULT) {
		vm_error_describe(hit->link->program, hit->error, why, sizeof(why));
		return copy_out(attr->test.data_out, attr->test.data_size_out, why, strlen(why) + 1) ?: err;
	}
	if (err)
		return err;
	err = copy_out(in_place ? attr->test.context_in : attr->test.context_out,
		       in_place ? attr->test.context_size_in : attr->test.context_size_out, context,
		       attr->test.context_size_in);
	if (!err)
		err = copy_out(attr->test.data_out, attr->test.data_size_out, hit->packet, hit->packet_size);
	attr->test.result = hit->result;
	attr->test.data_size_out = hit->packet_size;
	attr->test.context_size_out = attr->test.context_size_in;
	return err ? err : copy_out(attr_address + result_at, end - result_at, &attr->test.result, end - result_at);
}

static int program_test_run(union attr *attr, u64 attr_address)
{
	struct vm_error error;
	struct ap_link link = {.counts = &test_counts};
	struct ap_hit hit = {.link = &link, .packet_size = attr->test.data_size_in, .error = &error};
	u32 size = attr->test.context_size_in;
	void *context;
	int err;

	if (size > TEST_MAX || hit.packet_size > TEST_MAX)
		return -E2BIG;
	err = ap_program_by_fd(attr->test.program_fd, &link.program);
	if (err)
		return err;
	err = copy_in(&context, attr->test.context_in, size, max(size, PACKET_CONTEXT));
	if (!err)
		err = copy_in(&hit.packet, attr->test.data_in, hit.packet_size, hit.packet_size);
	if (!err && !size) {
		size = PACKET_CONTEXT;
		*(u32 *)context = hit.packet_size;
	}
	if (!err) {
		err = run_repeatedly(&hit, context, size, max(attr->test.repeat, 1U), &attr->test.duration);
		err = test_answer(attr, attr_address, &hit, context, err);
	}
	port_free(context);
	port_free(hit.packet);
	vm_program_put(link.program);
	return err;
}

int ap_bpf(const struct anyprobe_bpf *call)
{
	union attr attr;

	memset(&attr, 0, sizeof(attr));
	if (copy_from_user(&attr, USER(call->attr), min_t(u32, call->size, sizeof(attr))))
		return -EFAULT;
	switch (call->command) {
	case MAP_CREATE:
		return map_create(&attr);
	case MAP_LOOKUP:
	case MAP_UPDATE:
	case MAP_DELETE:
	case MAP_NEXT_KEY:
	case MAP_POP:
		return map_element(call->command, &attr);
	case MAP_FREEZE:
		return ap_map_freeze_by_fd(attr.element.fd);
	case PROG_LOAD:
		return program_load(&attr);
	case PROG_TEST_RUN:
		return program_test_run(&attr, call->attr);
	case OBJECT_INFO:
		return object_info(&attr, call->attr);
	default:
		return -EINVAL;
	}
}
