// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any sequence of bpf(2) calls, as the module's ioctl takes them: a command, and the arguments' bytes. Addresses in
 * them point into a small memory of the caller's. Nothing may be read or written outside of it, and all that was
 * made must be gone when its last descriptor is.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "vm/bpf.h"

#define MEMORY	  4096
#define FDS	  16
#define ARGUMENTS 72
#define CLOSE	  0xff

static u8 memory[MEMORY];
static int perf_ring; /* what perf event arrays hold: its references */

enum kind { NONE, MAP, PROGRAM, RING };

static struct {
	enum kind kind;
	void *own;
} fds[FDS];

static int copy_in(void *to, u64 from, u64 size)
{
	if (from > MEMORY || size > MEMORY - from)
		return -EFAULT;
	memcpy(to, memory + from, size);
	return 0;
}

static int copy_out(u64 to, const void *from, u64 size)
{
	if (to > MEMORY || size > MEMORY - to)
		return -EFAULT;
	memcpy(memory + to, from, size);
	return 0;
}

static void own_put(enum kind kind, void *own)
{
	if (kind == MAP)
		vm_map_put(own);
	else if (kind == PROGRAM)
		vm_program_put(own);
}

static int fd_create(enum kind kind, void *own)
{
	for (int fd = 1; fd < FDS; fd++) {
		if (fds[fd].kind == NONE) {
			fds[fd].kind = kind;
			fds[fd].own = own;
			return fd;
		}
	}
	own_put(kind, own);
	return -EMFILE;
}

static void *own_of(int fd, enum kind kind)
{
	return fd > 0 && fd < FDS && fds[fd].kind == kind ? fds[fd].own : NULL;
}

static void fd_close(int fd)
{
	struct vm_map *map = own_of(fd, MAP);

	/* As the module: an array of programs may hold one that holds the array. */
	if (map && vm_map_attr(map)->type == VM_MAP_PROG_ARRAY)
		for (u32 i = 0; i < vm_map_attr(map)->max_entries; i++)
			vm_map_delete(map, &i);
	own_put(fds[fd].kind, fds[fd].own);
	fds[fd].kind = NONE;
	fds[fd].own = NULL;
}

static int map_by_fd(void *data, int fd, struct vm_map **map)
{
	(void)data;
	*map = own_of(fd, MAP);
	if (!*map)
		return -EBADF;
	vm_map_get(*map);
	return 0;
}

static int program_by_fd(void *data, int fd, struct vm_program **program)
{
	(void)data;
	*program = own_of(fd, PROGRAM);
	if (!*program)
		return -EBADF;
	vm_program_get(*program);
	return 0;
}

static int object_by_fd(void *data, int fd, void **object)
{
	(void)data;
	*object = own_of(fd, RING);
	if (!*object)
		return -EBADF;
	perf_ring++;
	return 0;
}

static void object_put(void *object)
{
	perf_ring -= object == &perf_ring;
}

static const struct vm_object_ops objects = {.put = object_put, .id = NULL};

static int map_create(void *data, struct vm_map_attr *attr)
{
	struct vm_map *map;
	int err;

	(void)data;
	if ((u64)attr->max_entries * ((u64)attr->key_size + attr->value_size + 64) > 1 << 20)
		return -ENOMEM;
	attr->objects = &objects;
	err = vm_map_create(attr, &map);
	return err ? err : fd_create(MAP, map);
}

static int map_freeze(void *data, int fd)
{
	struct vm_map *map = own_of(fd, MAP);

	(void)data;
	return map ? vm_map_freeze(map) : -EBADF;
}

static int program_load(void *data, struct vm_load *load)
{
	struct vm_program *program;
	int err;

	(void)data;
	load->symbol_by_btf_id = NULL;
	err = vm_program_load(load, &program);
	return err ? err : fd_create(PROGRAM, program);
}

static int program_test(void *data, struct vm_bpf_test *test)
{
	static struct vm_machine machine;
	int err;

	(void)data;
	machine.context = test->context;
	machine.context_size = test->context_size;
	machine.packet = test->packet;
	machine.packet_size = test->packet_size;
	machine.budget = 1000;
	err = vm_program_run(test->program, &machine, &test->result);
	test->error = machine.error;
	return err;
}

static const struct vm_bpf calls = {
	.copy_in = copy_in,
	.copy_out = copy_out,
	.map_by_fd = map_by_fd,
	.program_by_fd = program_by_fd,
	.object_by_fd = object_by_fd,
	.map_create = map_create,
	.program_load = program_load,
	.map_freeze = map_freeze,
	.program_test = program_test,
};

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

/* The first part of the input is the caller's memory; then come calls: command, how many bytes of arguments, these. */
int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	size_t head = size / 2 < MEMORY - ARGUMENTS ? size / 2 : MEMORY - ARGUMENTS;
	u8 length;
	int fd;

	memset(memory, 0, sizeof(memory));
	memcpy(memory + ARGUMENTS, data, head);
	fd_create(RING, &perf_ring);
	for (data += head, size -= head; size >= 2; data += length, size -= length) {
		const u8 command = data[0];

		length = data[1] % (ARGUMENTS + 1);
		data += 2, size -= 2;
		length = length < size ? length : size;
		memset(memory, 0, ARGUMENTS);
		memcpy(memory, data, length);
		if (command == CLOSE)
			fd_close(memory[0] % FDS);
		else
			vm_bpf(&calls, command % 24, 0, length);
	}
	for (fd = 0; fd < FDS; fd++)
		fd_close(fd);
	if (perf_ring)
		abort();
	return 0;
}
