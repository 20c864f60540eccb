// SPDX-License-Identifier: GPL-2.0-only
/*
 * cycles COUNT [SEED]: load, attach, read, detach, while every CPU hits what is attached; then processes
 * that do the same and are killed at any point of it. Afterwards nothing of it is left.
 */
#include "module.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>

static const char *const functions[] = {"vfs_read", "ksys_read", "rw_verify_area", "do_sys_openat2", "schedule"};

static unsigned event; /* sched:sched_switch */

static void read_event(void)
{
	FILE *file = fopen("/sys/kernel/tracing/events/sched/sched_switch/id", "r");

	check(file && fscanf(file, "%u", &event) == 1, "sched_switch has a number");
	if (file)
		fclose(file);
}

static int attach_some(int device, int program, int which)
{
	struct anyprobe_attach clock = {.kind = ANYPROBE_ON_CLOCK, .program_fd = program, .frequency = 1000};
	struct anyprobe_attach record = {.kind = ANYPROBE_ON_TRACEPOINT, .program_fd = program, .event = event};

	switch (which) {
	case 0:
		return attach_name(device, program, ANYPROBE_ON_RAW_TRACEPOINT, "sys_enter");
	case 1:
		return attach_name(device, program, ANYPROBE_ON_RAW_TRACEPOINT, "sched_switch");
	case 2:
		clock.cpu = rand() % 2;
		return ioctl(device, ANYPROBE_IOC_ATTACH, &clock);
	case 3:
		return ioctl(device, ANYPROBE_IOC_ATTACH, &record);
	case 4:
		return attach_name(device, program, ANYPROBE_ON_KRETPROBE, functions[rand() % COUNT(functions)]);
	default:
		return attach_name(device, program, ANYPROBE_ON_KPROBE, functions[rand() % COUNT(functions)]);
	}
}

static const unsigned types[] = {BPF_PROG_TYPE_RAW_TRACEPOINT, BPF_PROG_TYPE_RAW_TRACEPOINT, BPF_PROG_TYPE_PERF_EVENT,
				 BPF_PROG_TYPE_TRACEPOINT,     BPF_PROG_TYPE_KPROBE,	     BPF_PROG_TYPE_KPROBE,
				 BPF_PROG_TYPE_KPROBE};

/* A map that counts by process, a ring that gets a record each time; read while it runs. 0 if all went well. */
static int cycle(int device, unsigned long long *hits)
{
	const int which = rand() % COUNT(types);
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
	int program = program_load(device, types[which], insns, COUNT(insns), NULL), link, err = -1;
	char *memory = MAP_FAILED;
	unsigned long long key;

	if (hash < 0 || ring < 0 || program < 0)
		goto out;
	memory = mmap(NULL, 3 * 4096, PROT_READ, MAP_SHARED, ring, 0);
	link = attach_some(device, program, which);
	if (memory == MAP_FAILED || link < 0)
		goto out;
	read_times(rand() % 50);
	map_lookup(device, hash, &key, &key);
	err = *(volatile char *)(memory + 4096) == 1; /* the producer's position is a multiple of 8 */
	if (rand() % 2) {			      /* in any order */
		close(program);
		program = -1;
	}
	*hits += link_counters(link).hits;
	close(link);
out:
	if (memory != MAP_FAILED)
		munmap(memory, 3 * 4096);
	if (program >= 0)
		close(program);
	close(ring);
	close(hash);
	return err;
}

static void work_until_killed(unsigned seed)
{
	unsigned long long hits = 0;
	int device = device_open();

	srand(seed);
	for (;;)
		cycle(device, &hits);
}

static void killed(unsigned count)
{
	unsigned done = 0;

	for (unsigned i = 0; i < count; i++) {
		const unsigned seed = rand();
		pid_t child = fork();
		int status;

		if (!child)
			work_until_killed(seed);
		usleep(rand() % 60000);
		kill(child, SIGKILL);
		waitpid(child, &status, 0);
		done += WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
	}
	check(done == count, "%u processes killed at random points", done);
}

int main(int argc, char **argv)
{
	const unsigned count = argc > 1 ? atoi(argv[1]) : 100;
	unsigned long long hits = 0;
	unsigned failed = 0;
	time_t begun = time(NULL);
	int device = device_open();

	read_event();
	srand(argc > 2 ? atoi(argv[2]) : 1);
	load_start();
	for (unsigned i = 0; i < count; i++)
		failed += !!cycle(device, &hits);
	check(!failed && hits, "%u cycles of load, attach, read, detach under load in %ld s: %llu hits, %u failed",
	      count, (long)(time(NULL) - begun), hits, failed);
	close(device);
	killed(count / 10);
	load_stop();
	check(module_users(0) == 0, "no descriptor, map, program or link is left");
	return checks_end();
}
