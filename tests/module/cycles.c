// SPDX-License-Identifier: GPL-2.0-only
/*
 * cycles COUNT [KILLS [SEED]]: how long it takes to load and attach; then load, attach, read, detach, while every CPU
 * hits what is attached; then processes that do the same and are killed at any point of it. Afterwards nothing of it
 * is left.
 */
#include "module.h"

#include <arpa/inet.h>
#include <link.h>
#include <net/ethernet.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

/* None that a compiler makes a part of its caller: what is attached is to be hit. */
static const char *const functions[] = {"vfs_read", "udp_sendmsg", "do_sys_openat2", "schedule"};

static unsigned event; /* sched:sched_switch */

static void read_event(void)
{
	FILE *file = fopen("/sys/kernel/tracing/events/sched/sched_switch/id", "r");

	check(file && fscanf(file, "%u", &event) == 1, "sched_switch has a number");
	if (file)
		fclose(file);
}

/* ---- what is hit in this process ---- */

static __attribute__((noinline)) void called(void)
{
	__asm__ volatile("" ::: "memory");
}

static int to_loopback, from_loopback;

static void loopback_open(void)
{
	to_loopback = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	from_loopback = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
}

static void hit_times(unsigned times)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(9)};

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	read_times(times);
	for (unsigned i = 0; i < times; i++)
		called();
	sendto(to_loopback, "", 1, MSG_DONTWAIT, (struct sockaddr *)&address, sizeof(address));
}

/* ---- each kind of link ---- */

static int on_function(int device, int program, unsigned kind)
{
	return attach_name(device, program, kind, functions[rand() % COUNT(functions)]);
}

static int on_kprobe(int device, int program)
{
	return on_function(device, program, ANYPROBE_ON_KPROBE);
}

static int on_kretprobe(int device, int program)
{
	return on_function(device, program, ANYPROBE_ON_KRETPROBE);
}

static int attach_functions(int device, int program, unsigned kind, unsigned flags)
{
	struct anyprobe_attach attach = {.kind = kind, .program_fd = program, .flags = flags, .pid = -1};
	char names[256];

	for (; attach.count < (flags ? 1 : COUNT(functions)); attach.count++) {
		strcpy(names + attach.names_size, functions[attach.count]);
		attach.names_size += strlen(functions[attach.count]) + 1;
	}
	attach.names = (unsigned long)names;
	attach.arguments = flags ? 4 : 0;
	return ioctl(device, ANYPROBE_IOC_ATTACH, &attach);
}

static int on_many(int device, int program)
{
	return attach_functions(device, program, rand() % 2 ? ANYPROBE_ON_KPROBE : ANYPROBE_ON_KRETPROBE, 0);
}

static int on_entry(int device, int program)
{
	return attach_functions(device, program, ANYPROBE_ON_KPROBE, ANYPROBE_AS_ARGUMENTS);
}

static int on_exit_of(int device, int program)
{
	return attach_functions(device, program, ANYPROBE_ON_KRETPROBE, ANYPROBE_AS_ARGUMENTS);
}

static int on_sys_enter(int device, int program)
{
	return attach_name(device, program, ANYPROBE_ON_RAW_TRACEPOINT, "sys_enter");
}

static int on_sched_switch(int device, int program)
{
	return attach_name(device, program, ANYPROBE_ON_RAW_TRACEPOINT, "sched_switch");
}

static int on_record(int device, int program)
{
	struct anyprobe_attach record = {.kind = ANYPROBE_ON_TRACEPOINT, .program_fd = program, .event = event};

	return ioctl(device, ANYPROBE_IOC_ATTACH, &record);
}

static int on_clock(int device, int program)
{
	struct anyprobe_attach clock = {.kind = ANYPROBE_ON_CLOCK, .program_fd = program, .frequency = 1000};

	clock.cpu = rand() % 2;
	return ioctl(device, ANYPROBE_IOC_ATTACH, &clock);
}

/* Where called() is in the file that is this program. */
static int find_called(struct dl_phdr_info *info, size_t size, void *offset)
{
	const unsigned long address = (unsigned long)called;

	(void)size;
	for (unsigned i = 0; i < info->dlpi_phnum; i++) {
		const unsigned long start = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;

		if (info->dlpi_phdr[i].p_type == PT_LOAD && address - start < info->dlpi_phdr[i].p_filesz)
			*(unsigned long long *)offset = address - start + info->dlpi_phdr[i].p_offset;
	}
	return 0;
}

static int on_user(int device, int program)
{
	struct anyprobe_attach attach = {.program_fd = program, .count = 1, .pid = -1};
	unsigned long long offset = 0;

	dl_iterate_phdr(find_called, &offset);
	attach.kind = rand() % 2 ? ANYPROBE_ON_UPROBE : ANYPROBE_ON_URETPROBE;
	attach.offset = offset;
	attach.names = (unsigned long)"/proc/self/exe";
	attach.names_size = sizeof("/proc/self/exe");
	return ioctl(device, ANYPROBE_IOC_ATTACH, &attach);
}

static int on_socket(int device, int program)
{
	struct anyprobe_attach attach = {.kind = ANYPROBE_ON_SOCKET, .program_fd = program};

	attach.socket_fd = from_loopback;
	return ioctl(device, ANYPROBE_IOC_ATTACH, &attach);
}

static struct kind {
	const char *name;
	unsigned type;
	int (*attach)(int device, int program);
	unsigned cycles;
	unsigned long long hits;
	double took; /* ms, to load and attach the last time */
} kinds[] = {
	{.name = "kprobe", .type = BPF_PROG_TYPE_KPROBE, .attach = on_kprobe},
	{.name = "kretprobe", .type = BPF_PROG_TYPE_KPROBE, .attach = on_kretprobe},
	{.name = "sys_enter", .type = BPF_PROG_TYPE_RAW_TRACEPOINT, .attach = on_sys_enter},
	{.name = "sched_switch", .type = BPF_PROG_TYPE_RAW_TRACEPOINT, .attach = on_sched_switch},
	{.name = "tracepoint's record", .type = BPF_PROG_TYPE_TRACEPOINT, .attach = on_record},
	{.name = "clock", .type = BPF_PROG_TYPE_PERF_EVENT, .attach = on_clock},
	{.name = "several functions", .type = BPF_PROG_TYPE_KPROBE, .attach = on_many},
	{.name = "fentry", .type = BPF_PROG_TYPE_TRACING, .attach = on_entry},
	{.name = "fexit", .type = BPF_PROG_TYPE_TRACING, .attach = on_exit_of},
	{.name = "user function", .type = BPF_PROG_TYPE_KPROBE, .attach = on_user},
	{.name = "socket", .type = BPF_PROG_TYPE_SOCKET_FILTER, .attach = on_socket},
};

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1e3 + time.tv_nsec / 1e6;
}

/* A map that counts by process, a ring that gets a record each time; read while it runs. 0 if all went well. */
static int cycle(int device, struct kind *kind)
{
	int hash = map_create(device, BPF_MAP_TYPE_HASH, 8, 8, 64, 0);
	int ring = map_create(device, BPF_MAP_TYPE_RINGBUF, 0, 0, 4096, 0);
	const struct bpf_insn insns[] = {CALL(14),
					 STORE(10, -8, 0),
					 STORE_NUMBER(10, -16, 1),
					 MAP(1, hash),
					 COPY(2, 10),
					 ADD(2, -8),
					 COPY(3, 10),
					 ADD(3, -16),
					 SET(4, 0),
					 CALL(2),
					 MAP(1, ring),
					 COPY(2, 10),
					 ADD(2, -16),
					 SET(3, 16),
					 SET(4, 0),
					 CALL(130),
					 RETURN};
	const double begun = now();
	int program = program_load(device, kind->type, insns, COUNT(insns), NULL);
	int link = program < 0 ? -1 : kind->attach(device, program), err = -1;
	char *memory = MAP_FAILED;
	const volatile unsigned long long *position;
	unsigned long long key, hits = 0;

	if (hash < 0 || ring < 0 || program < 0)
		goto out;
	kind->took = now() - begun;
	memory = mmap(NULL, 3 * 4096, PROT_READ, MAP_SHARED, ring, 0);
	if (memory == MAP_FAILED || link < 0)
		goto out;
	position = (volatile unsigned long long *)(memory + 4096);
	/* A hit is counted when it begins, so its record may come later. */
	for (unsigned tries = 0; tries < 200 && (!hits || !*position); tries++) {
		hit_times(1 + rand() % 50);
		hits = link_counters(link).hits;
	}
	map_lookup(device, hash, &key, &key);
	err = !hits || !*position || *position % 8;
	if (rand() % 2) {			      /* in any order */
		close(program);
		program = -1;
	}
	if (err)
		printf("%s: %llu hits, the ring's producer is at %llu\n", kind->name, hits, *position);
	kind->hits += hits;
	close(link);
out:
	if (memory != MAP_FAILED)
		munmap(memory, 3 * 4096);
	if (program >= 0)
		close(program);
	close(ring);
	close(hash);
	kind->cycles++;
	if (err < 0)
		printf("%s: map %d, ring %d, program %d, mapping %p\n", kind->name, hash, ring, program, memory);
	return err;
}

static void work_until_killed(unsigned seed)
{
	int device = device_open();

	srand(seed);
	for (;;)
		cycle(device, &kinds[rand() % COUNT(kinds)]);
}

/* After up to two cycles of this length, in microseconds. */
static void killed(unsigned count, unsigned length)
{
	const time_t begun = time(NULL);
	unsigned done = 0;

	for (unsigned i = 0; i < count; i++) {
		const unsigned seed = rand();
		pid_t child = fork();
		int status;

		if (!child)
			work_until_killed(seed);
		usleep(rand() % (2 * length + 20000));
		kill(child, SIGKILL);
		waitpid(child, &status, 0);
		done += WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
	}
	check(done == count, "%u processes killed at random points in %ld s", done, (long)(time(NULL) - begun));
}

/* Where nothing else runs. The kernel may be emulated, and wait for another thing at any time: the best of a few. */
static void time_attaching(void)
{
	const double limit = access("/sys/kernel/debug/kmemleak", F_OK) ? 50 : 200; /* ms; a debug kernel's */
	int device = device_open();

	for (unsigned i = 0; i < COUNT(kinds); i++) {
		const unsigned places = kinds[i].attach == on_many ? COUNT(functions) : 1;
		unsigned failed = 0;
		double best = 1e9;

		for (unsigned turn = 0; turn < 5; turn++) {
			failed += !!cycle(device, &kinds[i]);
			best = kinds[i].took < best ? kinds[i].took : best;
		}
		check(!failed && best < limit * places, "%s: loaded and attached in %.1f ms", kinds[i].name, best);
	}
	close(device);
}

static unsigned take_turns(unsigned count)
{
	const time_t begun = time(NULL);
	int device = device_open();
	unsigned failed = 0;

	for (unsigned i = 0; i < count; i++)
		failed += !!cycle(device, &kinds[i % COUNT(kinds)]);
	check(!failed, "%u cycles of load, attach, read, detach under load in %ld s, %u failed", count,
	      (long)(time(NULL) - begun), failed);
	for (unsigned i = 0; i < COUNT(kinds) && i < count; i++)
		check(kinds[i].hits > 0, "of these, %s: %u, %llu hits", kinds[i].name, kinds[i].cycles,
		      kinds[i].hits);
	close(device);
	return count ? 1000000 * (time(NULL) - begun) / count : 0;
}

int main(int argc, char **argv)
{
	const unsigned count = argc > 1 ? atoi(argv[1]) : 100, kills = argc > 2 ? (unsigned)atoi(argv[2]) : count / 10;
	unsigned length;

	read_event();
	loopback_open();
	srand(argc > 3 ? atoi(argv[3]) : 1);
	time_attaching();
	load_start();
	length = take_turns(count);
	killed(kills, length);
	load_stop();
	check(module_users(0) == 0, "no descriptor, map, program or link is left");
	return checks_end();
}
