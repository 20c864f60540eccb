// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random calls at /dev/anyprobe, for so many seconds, from a seed, by so many threads on the same descriptors:
 * fuzz SECONDS [SEED [THREADS [OBJECT.o...]]]. It fails only when the module answers what is no errno; that the
 * kernel lives, its log and kmemleak tell. With one thread, the same seed is the same calls.
 *
 * Random numbers alone would be refused at once, so a call is mostly right: values come out of what has been
 * useful before, programs out of BPF objects, and some of them are then changed.
 */
#include "module.h"

#include <poll.h>
#include <pthread.h>
#include <time.h>

/* Descriptors by what they are, so that most calls get one of the kind that they want. */
enum { MAPS = 0, PROGRAMS = 32, OTHERS = 48, FDS = 64 };

static int device, fds[FDS];
static time_t end;
static long calls, done, refused[134];
static __thread unsigned long long state;

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
	static const unsigned numbers[] = {0,	 1,	2,	 3,	  4,	      7,	  8,
					   9,	 16,	64,	 255,	  256,	      4095,	  4096,
					   8192, 65535, 1 << 16, 1 << 20, 0x7fffffff, 0x80000000, 0xffffffff};

	return below(4) ? numbers[below(sizeof(numbers) / sizeof(numbers[0]))] : random_u32();
}

static unsigned slot_of(unsigned kind)
{
	return kind + below(kind == MAPS ? PROGRAMS - MAPS : 16);
}

static int some_fd(unsigned kind)
{
	int fd = -1;

	for (int i = 0; i < 16 && fd < 0; i++)
		fd = fds[below(16) ? slot_of(kind) : below(FDS)];
	return below(16) ? fd : (int)odd_number();
}

static void drop(unsigned slot)
{
	int fd = __atomic_exchange_n(&fds[slot], -1, __ATOMIC_SEQ_CST);

	if (fd >= 0)
		close(fd);
}

static void keep(unsigned kind, int fd)
{
	const unsigned slot = slot_of(kind);

	if (fd < 0)
		return;
	fd = __atomic_exchange_n(&fds[slot], fd, __ATOMIC_SEQ_CST);
	if (fd >= 0)
		close(fd);
}

static void add(long *counter)
{
	__atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

static int count(int result)
{
	add(&calls);
	if (result >= 0)
		add(&done);
	else if (errno > 0 && errno <= 133)
		add(&refused[errno]);
	else if (errno == 524) /* ENOTSUPP, which bpf(2) gives */
		add(&refused[0]);
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
	attr.inner_map_fd = some_fd(MAPS);
	change(&attr, 72);
	if (attr.value_size > 0xffff && attr.value_size <= 64 << 20) /* else a lookup would not fit use_map()'s value */
		attr.value_size &= 0xffff;
	if (attr.max_entries > 1 << 20) /* the guest's memory is small */
		attr.max_entries &= 0xfffff;
	keep(MAPS, bpf(BPF_MAP_CREATE, &attr, sizeof(attr)));
}

static void use_map(void)
{
	static const unsigned commands[] = {BPF_MAP_LOOKUP_ELEM,   BPF_MAP_UPDATE_ELEM, BPF_MAP_DELETE_ELEM,
					    BPF_MAP_GET_NEXT_KEY,  BPF_MAP_FREEZE,	BPF_MAP_LOOKUP_AND_DELETE_ELEM,
					    BPF_OBJ_GET_INFO_BY_FD};
	static __thread char key[1 << 17], value[1 << 20];
	union bpf_attr attr = {0};
	unsigned command = commands[below(20) ? below(4) : below(7)];

	*(unsigned *)key = below(4) ? below(64) : odd_number();
	*(int *)value = below(2) ? some_fd(16 * below(4)) : (int)odd_number();
	attr.map_fd = some_fd(MAPS);
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

static struct bpf_insn random_insn(void)
{
	static const unsigned char codes[] = {0xb7, 0xbf, 0x07, 0x0f, 0x61, 0x79, 0x63, 0x7b, 0x15, 0x55, 0x1d, 0x05,
					      0x85, 0x95, 0xdb, 0x72, 0x7a, 0x69, 0x71, 0x67, 0x77, 0x3f, 0x9f};

	return INSN(below(16) ? codes[below(sizeof(codes))] : random_u32(), below(11), below(11),
		    below(2) ? -8 * (int)below(8) : (int)below(16) - 4, below(4) ? (int)below(128) : (int)odd_number());
}

static unsigned from_sample(struct bpf_insn *insns, unsigned *type)
{
	const struct sample *sample = &samples[below(sample_count)];

	*type = sample->type;
	memcpy(insns, sample->insns, sample->count * sizeof(*insns));
	for (unsigned i = 0; i < sample->count; i++)
		if (insns[i].code == 0x18 && insns[i].src_reg == BPF_PSEUDO_MAP_FD)
			insns[i].imm = some_fd(MAPS);
	for (unsigned changes = below(2) ? 0 : below(4); changes; changes--) {
		struct bpf_insn *insn = &insns[below(sample->count)];

		if (below(4))
			change(insn, sizeof(*insn));
		else
			*insn = random_insn();
	}
	return sample->count;
}

static unsigned from_pieces(struct bpf_insn *insns, unsigned *type)
{
	static const unsigned char types[] = {BPF_PROG_TYPE_KPROBE,	    BPF_PROG_TYPE_TRACEPOINT,
					      BPF_PROG_TYPE_RAW_TRACEPOINT, BPF_PROG_TYPE_PERF_EVENT,
					      BPF_PROG_TYPE_TRACING,	    BPF_PROG_TYPE_SOCKET_FILTER};
	unsigned length = 0, body = below(24);

	*type = below(16) ? types[below(sizeof(types))] : below(40);
	insns[length++] = COPY(6, 1); /* the context */
	insns[length++] = STORE_NUMBER(10, -8, (int)below(64));
	if (below(2)) { /* look something up in a map, write to it */
		insns[length++] = INSN(0x18, 1, 1, 0, some_fd(MAPS));
		insns[length++] = INSN(0, 0, 0, 0, 0);
		insns[length++] = COPY(2, 10);
		insns[length++] = ADD(2, -8);
		insns[length++] = CALL(1 + below(3));
		insns[length++] = JUMP_IF_ZERO(0, 1);
		insns[length++] = STORE(0, 0, 6);
	}
	if (below(4) == 0) { /* read wild memory */
		insns[length++] = SET(2, 8);
		insns[length++] = SET(3, (int)odd_number());
		insns[length++] = COPY(1, 10);
		insns[length++] = ADD(1, -16);
		insns[length++] = CALL(below(2) ? 113 : 112);
	}
	if (below(4) == 0) { /* a record for user space */
		insns[length++] = INSN(0x18, 1, 1, 0, some_fd(MAPS));
		insns[length++] = INSN(0, 0, 0, 0, 0);
		insns[length++] = COPY(2, 10);
		insns[length++] = ADD(2, -16);
		insns[length++] = SET(3, below(32) ? 16 : odd_number());
		insns[length++] = SET(4, below(4));
		insns[length++] = CALL(130);
	}
	while (body--)
		insns[length++] = random_insn();
	if (below(32) == 0)
		insns[length++] = JUMP(-1); /* a loop without end */
	insns[length++] = SET(0, 0);
	insns[length++] = INSN(0x95, 0, 0, 0, 0);
	return length;
}

static void load_program(void)
{
	static __thread struct bpf_insn insns[INSNS_MAX];
	static __thread char log[4096];
	union bpf_attr attr = {0};
	unsigned length, type;

	length = sample_count && below(2) ? from_sample(insns, &type) : from_pieces(insns, &type);
	attr.prog_type = type;
	attr.insns = (unsigned long)insns;
	attr.insn_cnt = below(32) ? length : odd_number();
	attr.license = (unsigned long)"GPL";
	attr.log_level = below(2);
	change(&attr, 64);
	/* Not changed a little: the log would be written over this program's own memory. */
	attr.log_buf = below(32) ? (unsigned long)log : 4096 * below(16);
	attr.log_size = below(16) ? below(256) : odd_number();
	keep(PROGRAMS, bpf(BPF_PROG_LOAD, &attr, sizeof(attr)));
}

/* Runs a program at once, on random bytes; its repetitions are few, for it may loop. */
static void run_program(void)
{
	static __thread char context[1 << 16], packet[1 << 16], answer[1 << 16]; /* as much as may be asked for */
	union bpf_attr attr = {0};

	for (unsigned i = 0; i < 256; i += 4)
		*(unsigned *)(context + i) = odd_number();
	attr.test.prog_fd = some_fd(PROGRAMS);
	attr.test.repeat = below(4) ? 0 : below(4);
	attr.test.ctx_in = below(16) ? (unsigned long)context : 4096 * below(16);
	attr.test.ctx_size_in = below(4) ? 0 : below(256);
	attr.test.data_in = below(16) ? (unsigned long)packet : 4096 * below(16);
	attr.test.data_size_in = below(2) ? 0 : below(256);
	attr.test.ctx_out = attr.test.data_out = below(4) ? (unsigned long)answer : 4096 * below(16);
	attr.test.ctx_size_out = attr.test.data_size_out = below(512);
	if (!below(8)) /* sizes too */
		(&attr.test.data_size_in)[below(2)] = odd_number();
	if (!below(8))
		(below(2) ? &attr.test.ctx_size_in : &attr.test.ctx_size_out)[0] = odd_number();
	bpf(BPF_PROG_TEST_RUN, &attr, below(8) ? sizeof(attr) : 8 * below(10)); /* no half addresses */
}

/* Functions, taken here and there from what the kernel has. */
static char names[512][64];
static unsigned name_count;

static void read_names(void)
{
	FILE *symbols = fopen("/proc/kallsyms", "r");
	char line[512], name[512], type;
	unsigned seen = 0;

	while (symbols && name_count < COUNT(names) && fgets(line, sizeof(line), symbols))
		if (sscanf(line, "%*x %c %511s", &type, name) == 2 && (type == 't' || type == 'T') && ++seen % 61 == 0)
			snprintf(names[name_count++], sizeof(names[0]), "%.63s", name);
	if (symbols)
		fclose(symbols);
}

static void attach(void)
{
	static const char *const known[] = {
		"vfs_read",	"do_sys_openat2",	    "schedule",	      "ksys_write",	"sched_switch",
		"sys_enter",	"copy_from_kernel_nofault", "no_such_one",    "0x1000",		"/bin/busybox",
		"sched_wakeup", "vm_program_run",	    "irq_work_queue", "__rcu_read_lock"};
	const char *name = below(4) || !name_count ? known[below(COUNT(known))] : names[below(name_count)];
	struct anyprobe_attach request = {0};

	request.kind = 1 + below(8);
	request.program_fd = some_fd(PROGRAMS);
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
	request.socket_fd = some_fd(OTHERS);
	change(&request, sizeof(request));
	keep(OTHERS, count(ioctl(device, ANYPROBE_IOC_ATTACH, &request)));
}

/* Mappings are left for a while, and their descriptors may be closed before them. */
#define AREAS 16
static __thread struct {
	unsigned char *start;
	size_t size;
} areas[AREAS];

static void touch(unsigned char *start, size_t size, int protection)
{
	for (size_t at = 0; at < size; at += 4096) {
		unsigned char byte = *(volatile unsigned char *)&start[at];

		if (protection & PROT_WRITE)
			*(volatile unsigned char *)&start[at + below(4096)] = byte + random_u32();
	}
}

static void map_memory(void)
{
	const unsigned slot = below(AREAS);
	size_t size = 4096 * (1 + below(below(2) ? 3 : 64)), part;
	int protection = below(2) ? PROT_READ : PROT_READ | PROT_WRITE, fd = some_fd(below(4) ? MAPS : OTHERS);
	unsigned char *memory;

	if (areas[slot].start)
		munmap(areas[slot].start, areas[slot].size);
	memory = mmap(NULL, size, protection, below(8) ? MAP_SHARED : MAP_PRIVATE, fd, 4096 * (off_t)below(3));
	areas[slot].start = memory == MAP_FAILED ? NULL : memory;
	areas[slot].size = size;
	if (count(memory == MAP_FAILED ? -1 : 0) < 0)
		return;
	touch(memory, size, protection);
	part = 4096 * below(size / 4096);
	switch (below(8)) {
	case 0:
		if (!count(mprotect(memory + part, size - part, below(2) ? PROT_READ : PROT_READ | PROT_WRITE)))
			touch(memory + part, size - part, PROT_READ);
		break;
	case 1: /* splits the area */
		if (!part)
			break;
		munmap(memory + part, size - part);
		areas[slot].size = part;
		break;
	case 2:
		count(madvise(memory, size, below(2) ? MADV_DONTNEED : MADV_DONTFORK));
		break;
	case 3:
		part = below(2) ? size + 4096 : 4096;
		memory = mremap(memory, size, part, MREMAP_MAYMOVE);
		if (count(memory == MAP_FAILED ? -1 : 0) < 0)
			break;
		areas[slot].start = memory;
		areas[slot].size = part;
		break;
	}
}

static void anything_else(void)
{
	struct anyprobe_object object;
	struct pollfd ready = {some_fd(MAPS), POLLIN, 0};
	char noise[256];

	switch (below(5)) {
	case 0:
		keep(OTHERS, count(ioctl(device, ANYPROBE_IOC_PERF_RING)));
		break;
	case 1:
		count(ioctl(some_fd(below(2) ? MAPS : OTHERS), ANYPROBE_IOC_OBJECT, &object));
		break;
	case 2:
		count(poll(&ready, 1, 0));
		break;
	case 3:
		for (unsigned i = 0; i < sizeof(noise); i++)
			noise[i] = random_u32();
		count(ioctl(below(2) ? device : some_fd(MAPS),
			    below(2) ? _IOC(below(4), 0xb9, below(16), below(256)) : random_u32(),
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
	static void (*const actions[])(void) = {create_map, create_map,	  use_map,	 use_map,
						use_map,    load_program, load_program,	 run_program,
						attach,	    attach,	  map_memory,	 anything_else,
						work};

	actions[below(sizeof(actions) / sizeof(actions[0]))]();
}

static void *worker(void *seed)
{
	state = (unsigned long)seed * 0x9e3779b97f4a7c15ULL | 1;
	while (time(NULL) < end)
		for (int i = 0; i < 16; i++)
			one();
	return NULL;
}

int main(int argc, char **argv)
{
	const unsigned long seed = argc > 2 ? strtoul(argv[2], NULL, 0) : 1;
	unsigned threads = argc > 3 ? atoi(argv[3]) : 1;
	pthread_t running[16];

	for (int i = 4; i < argc; i++)
		samples_read(argv[i]);
	read_names();
	device = device_open();
	memset(fds, -1, sizeof(fds));
	end = time(NULL) + (argc > 1 ? atoi(argv[1]) : 10);
	threads = threads < COUNT(running) ? threads : COUNT(running);
	for (unsigned i = 1; i < threads; i++)
		if (pthread_create(&running[i], NULL, worker, (void *)(seed * 64 + i)))
			return 1;
	worker((void *)(seed * 64));
	for (unsigned i = 1; i < threads; i++)
		pthread_join(running[i], NULL);
	printf("seed %lu: ", seed);
	printf("%ld calls, %ld done; refused:", calls, done);
	for (int i = 0; i <= 133; i++)
		if (refused[i])
			printf(" %ld %s", refused[i], i ? strerrorname_np(i) : "ENOTSUPP");
	printf("\n");
	return 0;
}
