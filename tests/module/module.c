// SPDX-License-Identifier: GPL-2.0-only
/* What module.h promises; linked into each of the programs beside it. */
#include "module.h"

#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

int checks_passed, checks_failed;

int check(int holds, const char *sentence, ...)
{
	const int error = errno;
	va_list rest;

	checks_passed += !!holds;
	checks_failed += !holds;
	if (!holds)
		printf("failed: ");
	va_start(rest, sentence);
	vprintf(sentence, rest);
	va_end(rest);
	printf(holds ? "\n" : " (errno %d, %s)\n", error, strerror(error));
	fflush(stdout);
	return holds;
}

int checks_end(void)
{
	printf("%d passed, %d failed, 0 skipped\n", checks_passed, checks_failed);
	return !!checks_failed;
}

int device_open(void)
{
	int device = open(ANYPROBE_DEVICE, O_RDWR | O_CLOEXEC);

	if (device >= 0)
		return device;
	printf("failed: to open " ANYPROBE_DEVICE ": %s\n", strerror(errno));
	exit(1);
}

static int bpf(int device, unsigned command, union bpf_attr *attr)
{
	struct anyprobe_bpf call = {command, sizeof(*attr), (unsigned long)attr};

	return ioctl(device, ANYPROBE_IOC_BPF, &call);
}

int map_create(int device, unsigned type, unsigned key_size, unsigned value_size, unsigned entries, unsigned flags)
{
	union bpf_attr attr = {
		.map_type = type, .key_size = key_size, .value_size = value_size, .max_entries = entries};

	attr.map_flags = flags;
	return bpf(device, BPF_MAP_CREATE, &attr);
}

int program_load(int device, unsigned type, const struct bpf_insn *insns, unsigned count, char *log)
{
	union bpf_attr attr = {.prog_type = type, .insn_cnt = count};

	attr.insns = (unsigned long)insns;
	attr.license = (unsigned long)"GPL";
	if (log) {
		log[0] = '\0';
		attr.log_level = 1;
		attr.log_buf = (unsigned long)log;
		attr.log_size = LOG_SIZE;
	}
	return bpf(device, BPF_PROG_LOAD, &attr);
}

int map_update(int device, int map, const void *key, const void *value)
{
	union bpf_attr attr = {.map_fd = map, .key = (unsigned long)key};

	attr.value = (unsigned long)value;
	return bpf(device, BPF_MAP_UPDATE_ELEM, &attr);
}

int map_lookup(int device, int map, const void *key, void *value)
{
	union bpf_attr attr = {.map_fd = map, .key = (unsigned long)key};

	attr.value = (unsigned long)value;
	return bpf(device, BPF_MAP_LOOKUP_ELEM, &attr);
}

int attach_name(int device, int program, unsigned kind, const char *name)
{
	struct anyprobe_attach attach = {.kind = kind, .program_fd = program, .count = 1, .pid = -1};

	attach.names = (unsigned long)name;
	attach.names_size = strlen(name) + 1;
	return ioctl(device, ANYPROBE_IOC_ATTACH, &attach);
}

struct anyprobe_object link_counters(int link)
{
	struct anyprobe_object object;

	if (!ioctl(link, ANYPROBE_IOC_OBJECT, &object) && object.kind == ANYPROBE_LINK)
		return object;
	printf("failed: to read the counters of link %d: %s\n", link, strerror(errno));
	exit(1);
}

long module_users(long wanted)
{
	long users = -1;
	FILE *file;

	for (int i = 0; i < 200; i++) {
		file = fopen("/sys/module/anyprobe/refcnt", "r");
		if (!file || fscanf(file, "%ld", &users) != 1)
			users = -1;
		if (file)
			fclose(file);
		if (users == wanted)
			break;
		usleep(10000);
	}
	return users;
}

static pid_t workers[64];
static unsigned worker_count;

static void work(unsigned cpu)
{
	cpu_set_t set;
	char byte;
	int zero;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
	zero = open("/dev/zero", O_RDONLY);
	while (read(zero, &byte, 1) == 1)
		getppid();
	_exit(1);
}

void load_start(void)
{
	unsigned cpus = sysconf(_SC_NPROCESSORS_ONLN);

	for (worker_count = 0; worker_count < cpus && worker_count < COUNT(workers); worker_count++) {
		workers[worker_count] = fork();
		if (!workers[worker_count])
			work(worker_count);
	}
}

void load_stop(void)
{
	while (worker_count) {
		kill(workers[--worker_count], SIGKILL);
		waitpid(workers[worker_count], NULL, 0);
	}
}

void read_times(unsigned times)
{
	int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	char byte;

	while (times-- && read(zero, &byte, 1) == 1)
		;
	close(zero);
}
