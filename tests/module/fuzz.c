// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random calls at /dev/anyprobe, for so many seconds, from a seed: fuzz SECONDS [SEED]. It fails only when
 * the module answers what is no errno; that the kernel lives, its log and kmemleak tell.
 *
 * Random numbers alone would be refused at once, so a call is mostly right: values come out of what has
 * been useful before, and some of them are then changed.
 */
#include "kmod/protocol.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FDS 64

static int device, fds[FDS];
static unsigned long long state;
static long calls, done, refused[134];

static unsigned random_u32(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state >> 20;
}

static unsigned below(unsigned n)
{
	return random_u32() % n;
}

static unsigned odd_number(void)
{
	static const unsigned numbers[] = {0,	1,    2,    3,	  4,	 7,	  8,	   9,	       16,	   64,	      255,
					   256, 4095, 4096, 8192, 65535, 1 << 16, 1 << 20, 0x7fffffff, 0x80000000, 0xffffffff};

	return below(4) ? numbers[below(sizeof(numbers) / sizeof(numbers[0]))] : random_u32();
}

static int some_fd(void)
{
	int fd = -1;

	for (int i = 0; i < 16 && fd < 0; i++)
		fd = fds[below(FDS)];
	return below(16) ? fd : (int)odd_number();
}

static void drop(unsigned slot)
{
	if (fds[slot] >= 0)
		close(fds[slot]);
	fds[slot] = -1;
}

static void keep(int fd)
{
	int slot = below(FDS);

	if (fd < 0)
		return;
	drop(slot);
	fds[slot] = fd;
}

static int count(int result)
{
	calls++;
	if (result >= 0)
		done++;
	else if (errno > 0 && errno <= 133)
		refused[errno]++;
	else if (errno == 524) /* ENOTSUPP, which bpf(2) gives */
		refused[0]++;
	else {
		printf("fuzz: answer %d with errno %d\n", result, errno);
		exit(1);
	}
	return result;
}

static int bpf(unsigned command, union bpf_attr *attr, unsigned size)
{
	struct anyprobe_bpf call = {command, size, (unsigned long)attr};

	return count(ioctl(device, ANYPROBE_IOC_BPF, &call));
}

static void change(void *bytes, size_t size)
{
	unsigned times = below(8) ? 0 : 1 + below(4);

	while (times--)
		((unsigned char *)bytes)[below(size)] = below(2) ? random_u32() : 0;
}

static void create_map(void)
{
	union bpf_attr attr = {0};

	attr.map_type = below(30);
	attr.key_size = below(3) ? 4 : odd_number();
	attr.value_size = below(3) ? 8 : odd_number() & 0xffff;
	attr.max_entries = below(3) ? 1 + below(64) : odd_number() & 0xfffff;
	if (attr.map_type == BPF_MAP_TYPE_RINGBUF) {
		attr.key_size = attr.value_size = 0;
		attr.max_entries = 4096 << below(6);
	}
	if (attr.map_type == BPF_MAP_TYPE_PROG_ARRAY || attr.map_type == BPF_MAP_TYPE_PERF_EVENT_ARRAY ||
	    attr.map_type == BPF_MAP_TYPE_ARRAY_OF_MAPS)
		attr.value_size = 4;
	if (attr.map_type == BPF_MAP_TYPE_ARRAY && below(2))
		attr.map_flags = BPF_F_MMAPABLE;
	attr.inner_map_fd = some_fd();
	change(&attr, 72);
	if (attr.max_entries > 1 << 20) /* the guest's memory is small */
		attr.max_entries &= 0xfffff;
	keep(bpf(BPF_MAP_CREATE, &attr, sizeof(attr)));
}

static void use_map(void)
{
	static const unsigned commands[] = {BPF_MAP_LOOKUP_ELEM,  BPF_MAP_UPDATE_ELEM, BPF_MAP_DELETE_ELEM,
					    BPF_MAP_GET_NEXT_KEY, BPF_MAP_FREEZE,      BPF_MAP_LOOKUP_AND_DELETE_ELEM,
					    BPF_OBJ_GET_INFO_BY_FD};
	static char key[1 << 17], value[1 << 20];
	union bpf_attr attr = {0};
	unsigned command = commands[below(20) ? below(4) : below(7)];

	*(unsigned *)key = below(4) ? below(64) : odd_number();
	*(int *)value = below(2) ? some_fd() : (int)odd_number();
	attr.map_fd = some_fd();
	if (command == BPF_OBJ_GET_INFO_BY_FD) {
		attr.info.info_len = odd_number() & 0xff;
		attr.info.info = (unsigned long)value;
	} else {
		attr.key = below(32) ? (unsigned long)key : odd_number();
		attr.value = below(32) ? (unsigned long)value : odd_number();
		attr.flags = below(4) ? 0 : below(8);
	}
	bpf(below(64) ? command : odd_number(), &attr, below(8) ? sizeof(attr) : below(200));
}

#define INSN(c, d, s, o, i) ((struct bpf_insn){.code = c, .dst_reg = d, .src_reg = s, .off = o, .imm = i})

static struct bpf_insn random_insn(void)
{
	static const unsigned char codes[] = {0xb7, 0xbf, 0x07, 0x0f, 0x61, 0x79, 0x63, 0x7b, 0x15, 0x55, 0x1d, 0x05,
					      0x85, 0x95, 0xdb, 0x72, 0x7a, 0x69, 0x71, 0x67, 0x77, 0x3f, 0x9f};

	return INSN(below(16) ? codes[below(sizeof(codes))] : random_u32(), below(11), below(11),
		    below(2) ? -8 * (int)below(8) : (int)below(16) - 4, below(4) ? (int)below(128) : (int)odd_number());
}

static void load_program(void)
{
	static const unsigned char types[] = {BPF_PROG_TYPE_KPROBE,	   BPF_PROG_TYPE_TRACEPOINT, BPF_PROG_TYPE_RAW_TRACEPOINT,
					      BPF_PROG_TYPE_PERF_EVENT,	   BPF_PROG_TYPE_TRACING,    BPF_PROG_TYPE_SOCKET_FILTER};
	struct bpf_insn insns[256];
	union bpf_attr attr = {0};
	char log[256];
	unsigned length = 0, body = below(24);

	insns[length++] = INSN(0xbf, 6, 1, 0, 0); /* r6 = context */
	insns[length++] = INSN(0x7a, 10, 0, -8, (int)below(64));
	if (below(2)) { /* look something up in a map, write to it */
		insns[length++] = INSN(0x18, 1, 1, 0, some_fd());
		insns[length++] = INSN(0, 0, 0, 0, 0);
		insns[length++] = INSN(0xbf, 2, 10, 0, 0);
		insns[length++] = INSN(0x07, 2, 0, 0, -8);
		insns[length++] = INSN(0x85, 0, 0, 0, 1 + below(3));
		insns[length++] = INSN(0x15, 0, 0, 1, 0);
		insns[length++] = INSN(0x7b, 0, 6, 0, 0);
	}
	if (below(4) == 0) { /* read wild memory */
		insns[length++] = INSN(0xb7, 2, 0, 0, 8);
		insns[length++] = INSN(0xb7, 3, 0, 0, (int)odd_number());
		insns[length++] = INSN(0xbf, 1, 10, 0, 0);
		insns[length++] = INSN(0x07, 1, 0, 0, -16);
		insns[length++] = INSN(0x85, 0, 0, 0, below(2) ? 113 : 112);
	}
	while (body--)
		insns[length++] = random_insn();
	if (below(32) == 0)
		insns[length++] = INSN(0x05, 0, 0, -1, 0); /* a loop without end */
	insns[length++] = INSN(0xb7, 0, 0, 0, 0);
	insns[length++] = INSN(0x95, 0, 0, 0, 0);
	attr.prog_type = below(16) ? types[below(sizeof(types))] : below(40);
	attr.insns = (unsigned long)insns;
	attr.insn_cnt = below(32) ? length : odd_number();
	attr.license = (unsigned long)"GPL";
	attr.log_level = below(2);
	attr.log_buf = (unsigned long)log;
	attr.log_size = below(sizeof(log));
	change(&attr, 64);
	keep(bpf(BPF_PROG_LOAD, &attr, sizeof(attr)));
}

static void attach(void)
{
	static const char *const names[] = {"vfs_read",	    "do_sys_openat2",	      "schedule",    "ksys_write", "sched_switch",
					    "sys_enter",    "copy_from_kernel_nofault", "no_such_one", "0x1000",	 "/bin/busybox",
					    "sched_wakeup", "vm_program_run",	      "irq_work_queue", "__rcu_read_lock"};
	const char *name = names[below(sizeof(names) / sizeof(names[0]))];
	struct anyprobe_attach request = {0};

	request.kind = 1 + below(8);
	request.program_fd = some_fd();
	request.flags = below(4) ? 0 : below(4);
	request.arguments = below(8);
	request.names = (unsigned long)name;
	request.names_size = strlen(name) + 1;
	request.count = request.names_size > 1;
	request.offset = below(8) ? 0 : odd_number() & 0xfffff;
	request.cookie = random_u32();
	request.event = below(2000);
	request.frequency = 1 + below(2000);
	request.pid = below(2) ? -1 : (int)odd_number();
	request.cpu = below(4);
	request.socket_fd = some_fd();
	change(&request, sizeof(request));
	keep(count(ioctl(device, ANYPROBE_IOC_ATTACH, &request)));
}

static void map_memory(void)
{
	size_t size = 4096 * (1 + below(below(2) ? 3 : 64));
	int protection = below(2) ? PROT_READ : PROT_READ | PROT_WRITE, fd = some_fd();
	unsigned char *memory = mmap(NULL, size, protection, below(8) ? MAP_SHARED : MAP_PRIVATE, fd, 4096 * (off_t)below(3));

	if (count(memory == MAP_FAILED ? -1 : 0) < 0)
		return;
	for (size_t at = 0; at < size; at += 4096) {
		unsigned char byte = *(volatile unsigned char *)&memory[at];

		if (protection & PROT_WRITE)
			*(volatile unsigned char *)&memory[at + below(4096)] = byte + random_u32();
	}
	munmap(memory, size);
}

static void anything_else(void)
{
	struct anyprobe_object object;
	struct pollfd ready = {some_fd(), POLLIN, 0};
	char noise[256];

	switch (below(5)) {
	case 0:
		keep(count(ioctl(device, ANYPROBE_IOC_PERF_RING)));
		break;
	case 1:
		count(ioctl(some_fd(), ANYPROBE_IOC_OBJECT, &object));
		break;
	case 2:
		count(poll(&ready, 1, 0));
		break;
	case 3:
		for (unsigned i = 0; i < sizeof(noise); i++)
			noise[i] = random_u32();
		count(ioctl(below(2) ? device : some_fd(), below(2) ? _IOC(below(4), 0xb9, below(16), below(256)) : random_u32(),
			    below(4) ? (unsigned long)noise : odd_number()));
		break;
	case 4:
		drop(below(FDS));
		break;
	}
}

/* What the programs that are attached hit on. */
static void work(void)
{
	int fd = open("/proc/self/stat", O_RDONLY);
	char text[64];

	if (read(fd, text, sizeof(text)) < 0)
		errno = 0;
	close(fd);
}

static void one(void)
{
	static void (*const actions[])(void) = {create_map, create_map, use_map, use_map, use_map, load_program, load_program,
						attach,	    attach,	map_memory, anything_else, work};

	actions[below(sizeof(actions) / sizeof(actions[0]))]();
}

int main(int argc, char **argv)
{
	time_t end = time(NULL) + (argc > 1 ? atoi(argv[1]) : 10);

	state = (argc > 2 ? strtoull(argv[2], NULL, 0) : 1) * 0x9e3779b97f4a7c15ULL | 1;
	device = open(ANYPROBE_DEVICE, O_RDWR | O_CLOEXEC);
	if (device < 0) {
		perror("fuzz: failed to open " ANYPROBE_DEVICE);
		return 1;
	}
	memset(fds, -1, sizeof(fds));
	while (time(NULL) < end)
		for (int i = 0; i < 16; i++)
			one();
	printf("%ld calls, %ld done; refused:", calls, done);
	for (int i = 0; i <= 133; i++)
		if (refused[i])
			printf(" %ld %s", refused[i], i ? strerrorname_np(i) : "ENOTSUPP");
	printf("\n");
	return 0;
}
