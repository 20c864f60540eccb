// SPDX-License-Identifier: GPL-2.0-only
/*
 * everywhere SECONDS [SEED]: a program on functions of the kernel's taken at random, dozens at a time, entries and
 * returns in turn, then load on every CPU. It does what programs do, so sooner or later its own way is probed.
 */
#include "module.h"

#include <time.h>

#define NAME_MAX_LENGTH 64
#define AT_A_TIME	32

static char (*names)[NAME_MAX_LENGTH];
static unsigned name_count;

static void read_names(void)
{
	FILE *symbols = fopen("/proc/kallsyms", "r");
	char line[512], name[256], type, module[256];

	names = calloc(400000, NAME_MAX_LENGTH);
	while (names && name_count < 400000 && fgets(line, sizeof(line), symbols))
		if (sscanf(line, "%*x %c %255s %255s", &type, name, module) == 2 && (type == 't' || type == 'T') &&
		    strlen(name) < NAME_MAX_LENGTH)
			strcpy(names[name_count++], name);
	fclose(symbols);
}

static unsigned pack(char *to, unsigned *count)
{
	unsigned size = 0;

	for (*count = 0; *count < AT_A_TIME; ++*count) {
		const char *name = names[rand() % name_count];

		strcpy(to + size, name);
		size += strlen(name) + 1;
	}
	return size;
}

static void work(void)
{
	char text[256];
	FILE *file;

	for (int i = 0; i < 20; i++) {
		file = fopen("/proc/self/stat", "r");
		if (file && !fgets(text, sizeof(text), file))
			text[0] = 0;
		if (file)
			fclose(file);
	}
	free(malloc(1 << 20));
	usleep(2000);
}

int main(int argc, char **argv)
{
	const time_t end = time(NULL) + (argc > 1 ? atoi(argv[1]) : 10);
	unsigned rounds = 0, failed = 0, tried = 0, refused = 0, seed = argc > 2 ? atoi(argv[2]) : 1;
	unsigned long long hits = 0, misses = 0, errors = 0;
	static char packed[AT_A_TIME * NAME_MAX_LENGTH];
	int device = device_open();
	int ring = map_create(device, BPF_MAP_TYPE_RINGBUF, 0, 0, 4096, 0);
	int hash = map_create(device, BPF_MAP_TYPE_LRU_HASH, 8, 8, 128, 0);
	const struct bpf_insn insns[] = {
		CALL(5),     STORE(10, -8, 0), CALL(14),    STORE(10, -16, 0), COPY(1, 10), ADD(1, -32), SET(2, 16),
		CALL(16),    COPY(1, 10),      ADD(1, -32), SET(2, 8),	       COPY(3, 10), CALL(113),	 MAP(1, hash),
		COPY(2, 10), ADD(2, -8),       COPY(3, 10), ADD(3, -16),       SET(4, 0),   CALL(2),	 MAP(1, ring),
		COPY(2, 10), ADD(2, -16),      SET(3, 16),  SET(4, 2),	       CALL(130),   RETURN};
	int program = program_load(device, BPF_PROG_TYPE_KPROBE, insns, COUNT(insns), NULL);

	check(program >= 0, "the program");
	read_names();
	srand(seed);
	do {
		struct anyprobe_attach attach = {.kind = rounds % 2 ? ANYPROBE_ON_KRETPROBE : ANYPROBE_ON_KPROBE,
						 .program_fd = program,
						 .names = (unsigned long)packed,
						 .pid = -1};
		struct anyprobe_object counters;
		int link;

		attach.names_size = pack(packed, &attach.count);
		link = ioctl(device, ANYPROBE_IOC_ATTACH, &attach);
		rounds++;
		failed += link < 0 && errno != EINVAL; /* EINVAL: none of them may be probed */
		if (link < 0)
			continue;
		tried += attach.count;
		refused += attach.refused;
		load_start(); /* now, for attaching waits for every CPU */
		work();
		load_stop();
		counters = link_counters(link);
		hits += counters.hits;
		misses += counters.misses;
		errors += counters.errors;
		close(link);
	} while (time(NULL) < end);
	check(tried && !errors && !failed,
	      "%u functions probed in %u rounds, %u of them refused: %llu hits, %llu missed, %llu errors", tried,
	      rounds, refused, hits, misses, errors);
	close(program);
	close(ring);
	close(hash);
	close(device);
	check(module_users(0) == 0, "nothing is left of it");
	return checks_end();
}
