// SPDX-License-Identifier: GPL-2.0-only
/* What module.h promises; linked into each of the programs beside it. */
#include "module.h"

#include <elf.h>
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

/* ---- programs out of objects ---- */

struct sample samples[256];
unsigned sample_count;

static unsigned type_of(const char *section)
{
	static const struct {
		const char *start;
		unsigned type;
	} known[] = {{"raw_tp", BPF_PROG_TYPE_RAW_TRACEPOINT},
		     {"tp_btf", BPF_PROG_TYPE_TRACING},
		     {"fe", BPF_PROG_TYPE_TRACING},
		     {"tracepoint", BPF_PROG_TYPE_TRACEPOINT},
		     {"tp", BPF_PROG_TYPE_TRACEPOINT},
		     {"perf_event", BPF_PROG_TYPE_PERF_EVENT},
		     {"socket", BPF_PROG_TYPE_SOCKET_FILTER}};

	for (unsigned i = 0; i < COUNT(known); i++)
		if (!strncmp(section, known[i].start, strlen(known[i].start)))
			return known[i].type;
	return BPF_PROG_TYPE_KPROBE;
}

static void name_maps(const Elf64_Rel *rels, unsigned count, struct bpf_insn *insns, unsigned length)
{
	for (; count--; rels++)
		if (rels->r_offset / 8 < length && insns[rels->r_offset / 8].code == 0x18)
			insns[rels->r_offset / 8].src_reg = BPF_PSEUDO_MAP_FD;
}

void samples_read(const char *path)
{
	static char file[1 << 20];
	const Elf64_Ehdr *header = (const Elf64_Ehdr *)file;
	const Elf64_Shdr *sections;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	const char *names;

	if (fd < 0 || read(fd, file, sizeof(file)) < (ssize_t)sizeof(*header)) {
		printf("module: failed to read %s: %s\n", path, strerror(errno));
		exit(1);
	}
	close(fd);
	sections = (const Elf64_Shdr *)(file + header->e_shoff);
	names = file + sections[header->e_shstrndx].sh_offset;
	for (unsigned i = 0; i < header->e_shnum && sample_count < COUNT(samples); i++) {
		struct sample *sample = &samples[sample_count];

		if (sections[i].sh_type != SHT_PROGBITS || !(sections[i].sh_flags & SHF_EXECINSTR) ||
		    !sections[i].sh_size || sections[i].sh_size / 8 > INSNS_MAX)
			continue;
		sample->type = type_of(names + sections[i].sh_name);
		sample->count = sections[i].sh_size / 8;
		sample->insns = malloc(sections[i].sh_size);
		memcpy(sample->insns, file + sections[i].sh_offset, sections[i].sh_size);
		for (unsigned r = 0; r < header->e_shnum; r++)
			if (sections[r].sh_type == SHT_REL && sections[r].sh_info == i)
				name_maps((const Elf64_Rel *)(file + sections[r].sh_offset),
					  sections[r].sh_size / sizeof(Elf64_Rel), sample->insns, sample->count);
		sample_count++;
	}
}
