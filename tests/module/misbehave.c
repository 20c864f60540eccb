// SPDX-License-Identifier: GPL-2.0-only
/* Programs that do what they must not: each is refused, or ended and counted, and the kernel lives on. */
#include "module.h"

#include <stdint.h>
#include <sys/syscall.h>

static int device;

static int load(const struct bpf_insn *insns, unsigned count)
{
	return program_load(device, BPF_PROG_TYPE_KPROBE, insns, count, NULL);
}

/* What nobody but us calls meanwhile. */
#define PROBED "__x64_sys_getppid"

static void hit_times(unsigned times)
{
	while (times--)
		syscall(SYS_getppid);
}

/* Attaches, hits, and gives the link's counters. */
static struct anyprobe_object run(const struct bpf_insn *insns, unsigned count, const char *what, unsigned times)
{
	struct anyprobe_object counters = {0};
	int program = load(insns, count), link;

	if (!check(program >= 0, "%s: is loaded", what))
		return counters;
	link = attach_name(device, program, ANYPROBE_ON_KPROBE, PROBED);
	close(program);
	if (!check(link >= 0, "%s: is attached", what))
		return counters;
	hit_times(times);
	counters = link_counters(link);
	check(counters.hits == times, "%s: runs each time", what);
	close(link);
	return counters;
}

static void is_ended(const struct bpf_insn *insns, unsigned count, const char *what, int exhausted)
{
	struct anyprobe_object counters = run(insns, count, what, 3);

	check(counters.errors == counters.hits, "%s: each of its runs is ended: %llu of %llu", what, counters.errors,
	      counters.hits);
	check(counters.exhausted == (exhausted ? counters.hits : 0), "%s: %llu for too many instructions", what,
	      counters.exhausted);
}

static void is_refused(const struct bpf_insn *insns, unsigned count, const char *what, int error)
{
	char log[LOG_SIZE];
	int program = program_load(device, BPF_PROG_TYPE_KPROBE, insns, count, log);

	check(program < 0 && errno == error && log[0], "%s: is refused: %s", what, log);
	if (program >= 0)
		close(program);
}

static void loops(void)
{
	const struct bpf_insn tight[] = {JUMP(-1), RETURN};
	/* r9 counts, so that no part of it is the same twice */
	const struct bpf_insn busy[] = {SET(9, 0), ADD(9, 1), STORE(10, -8, 9), CALL(8), JUMP(-4), RETURN};
	/* bpf_loop whose callback calls bpf_loop */
	const struct bpf_insn nested[] = {
		SET(1, 1 << 22), WIDE(2, BPF_PSEUDO_FUNC, 6), SET(3, 0), SET(4, 0), CALL(181), RETURN,
		SET(1, 1 << 22), WIDE(2, BPF_PSEUDO_FUNC, 6), SET(3, 0), SET(4, 0), CALL(181), RETURN,
		RETURN,
	};

	is_ended(tight, COUNT(tight), "an endless loop", 1);
	is_ended(busy, COUNT(busy), "an endless loop that calls helpers", 1);
	is_ended(nested, COUNT(nested), "loops in a loop", 1);
}

/* A function that is called at each turn of a loop: what is ended each time gets less and less to do. */
static void loops_often(void)
{
	const unsigned times = 400;
	int map = map_create(device, BPF_MAP_TYPE_ARRAY, 4, 8, 1, 0);
	const struct bpf_insn counting[] = {VALUE_OF(map), SET(1, 1), INCREASE(0, 0, 1), JUMP(-2), RETURN};
	struct anyprobe_object counters = run(counting, COUNT(counting), "an endless loop, often", times);
	unsigned long long turns = 0;
	unsigned key = 0;

	map_lookup(device, map, &key, &turns);
	check(counters.exhausted == times, "an endless loop, often: each of %u runs is ended", times);
	check(turns > 1000000 && turns < 32000000, "an endless loop, often: %llu turns in all", turns);
	close(map);
}

/* A call is one instruction, however much it copies: that is paid for, too. */
static void copies(void)
{
	const unsigned size = 1 << 20;
	int map = map_create(device, BPF_MAP_TYPE_ARRAY, 4, size, 1, 0);
	const struct bpf_insn copying[] = {VALUE_OF(map), COPY(6, 0),	SET(1, 1),   INCREASE(6, 0, 1), COPY(1, 6),
					   ADD(1, 8),	  SET(2, size - 8), COPY(3, 1), CALL(113),	JUMP(-8), RETURN};
	unsigned long long *value = calloc(1, size);
	unsigned key = 0;

	is_ended(copying, COUNT(copying), "an endless loop that copies a megabyte", 1);
	map_lookup(device, map, &key, value);
	check(*value && *value < 1000, "an endless loop that copies a megabyte: %llu copies", *value);
	free(value);
	close(map);
}

/* What reading 8 bytes at `address` by `helper` (0: by a load) leaves in the map, out of which the address comes. */
static int64_t read_at(uint64_t address, int helper, int map)
{
	const struct bpf_insn by_helper[] = {VALUE_OF(map), LOAD(3, 0, 0), COPY(1, 10),	  ADD(1, -16),	  SET(2, 8),
					     CALL(helper),  COPY(6, 0),	   VALUE_OF(map), STORE(0, 0, 6), RETURN};
	const struct bpf_insn by_load[] = {VALUE_OF(map), LOAD(1, 0, 0),  LOAD(6, 1, 0),
					   VALUE_OF(map), STORE(0, 0, 6), RETURN};
	struct anyprobe_object counters;
	int64_t value = address;
	unsigned key = 0;

	map_update(device, map, &key, &value);
	counters = helper ? run(by_helper, COUNT(by_helper), "reading", 1) : run(by_load, COUNT(by_load), "loading", 1);
	check(counters.hits && !counters.errors, "reading 0x%llx by %d: the program runs to its end",
	      (unsigned long long)address, helper);
	map_lookup(device, map, &key, &value);
	return value;
}

static void wild_reads(void)
{
	static const uint64_t wild[] = {0,
					1,
					4095,
					0x7ffffffff000,
					0x800000000000,
					0x8000000000000000,
					0xfffeffffffffffff,
					0xffff7ffffffffff9,
					0xfffffffffffffff8,
					0xffffffffffffffff,
					0xdead000000000100};
	int map = map_create(device, BPF_MAP_TYPE_ARRAY, 4, 8, 1, 0);
	volatile uint64_t mine = 77;
	const uint64_t kernel = 0xffff888000001000; /* the first megabyte, where the kernel maps all memory */

	for (unsigned i = 0; i < COUNT(wild); i++) {
		check(read_at(wild[i], 113, map) == -EFAULT, "0x%llx as kernel memory: EFAULT",
		      (unsigned long long)wild[i]);
		check(read_at(wild[i], 112, map) == -EFAULT, "0x%llx as user memory: EFAULT",
		      (unsigned long long)wild[i]);
		check(read_at(wild[i], 0, map) == 0, "0x%llx by a load: 0", (unsigned long long)wild[i]);
	}
	check(read_at((uintptr_t)&mine, 112, map) == 0, "a variable of this process as user memory: read");
	check(read_at((uintptr_t)&mine, 113, map) == -EFAULT, "a variable of this process as kernel memory: EFAULT");
	check(read_at(kernel, 112, map) == -EFAULT, "kernel memory as user memory: EFAULT");
	close(map);
}

static void wild_writes(void)
{
	const struct bpf_insn task[] = {CALL(35), STORE_NUMBER(0, 64, 1), RETURN};
	const struct bpf_insn argument[] = {LOAD(2, 1, 112 /* di */), STORE_NUMBER(2, 0, 1), RETURN};
	int map = map_create(device, BPF_MAP_TYPE_ARRAY, 4, 8, 1, 0);
	const struct bpf_insn atomic[] = {CALL(35), SET(2, 1), INCREASE(0, 0, 2), RETURN};
	const struct bpf_insn helper[] = {CALL(35), COPY(1, 0), SET(2, 8), COPY(3, 10), CALL(113), RETURN};
	const struct bpf_insn user[] = {VALUE_OF(map), LOAD(2, 0, 0), STORE_NUMBER(2, 0, 1), RETURN};
	volatile uint64_t mine = 77;
	uint64_t place = (uintptr_t)&mine;
	unsigned key = 0;
	const struct bpf_insn constant[] = {WIDE(1, 0, 0xffff888000001000), STORE_NUMBER(1, 0, 1), RETURN};
	const struct bpf_insn context[] = {STORE_NUMBER(1, 112, 1), RETURN};

	is_ended(task, COUNT(task), "a write to the current task", 0);
	is_ended(argument, COUNT(argument), "a write through an argument of the function", 0);
	is_ended(atomic, COUNT(atomic), "an atomic write to the current task", 0);
	is_ended(helper, COUNT(helper), "a helper that is to write to the current task", 0);
	map_update(device, map, &key, &place);
	is_ended(user, COUNT(user), "a write to user memory", 0);
	check(mine == 77, "nothing is written there");
	close(map);
	is_refused(constant, COUNT(constant), "a write to a number", EACCES);
	is_refused(context, COUNT(context), "a write to the registers", EACCES);
}

static void stacks(void)
{
	const struct bpf_insn below[] = {STORE_NUMBER(10, -520, 1), RETURN};
	const struct bpf_insn above[] = {STORE_NUMBER(10, 0, 1), RETURN};
	/* what the checker cannot know: 8192 + (pid & 7) bytes below */
	const struct bpf_insn computed[] = {
		CALL(14), AND(0, 7), OR(0, 8192), COPY(1, 10), SUBTRACT(1, 0), STORE_NUMBER(1, 0, 1), RETURN};
	const struct bpf_insn itself[] = {CALL_FUNCTION(-1), RETURN};
	struct bpf_insn deep[64];
	unsigned count = 0;

	is_refused(below, COUNT(below), "a store below the stack", EACCES);
	is_refused(above, COUNT(above), "a store above the stack", EACCES);
	is_ended(computed, COUNT(computed), "a store below the stack at a computed place", 0);
	is_refused(itself, COUNT(itself), "a function that calls itself", EINVAL);
	for (int i = 0; i < 12; i++) { /* each calls the next, three instructions on */
		deep[count++] = i < 11 ? CALL_FUNCTION(2) : SET(1, 0);
		deep[count++] = SET(0, 0);
		deep[count++] = INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	}
	is_refused(deep, count, "twelve functions deep", EINVAL);
}

/* 33 tail calls, then on with the next instruction; nothing is left of the circle of array and program. */
static void tail_calls(void)
{
	int array = map_create(device, BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 1, 0);
	int map = map_create(device, BPF_MAP_TYPE_ARRAY, 4, 8, 1, 0), program, link;
	const struct bpf_insn insns[] = {COPY(6, 1),	    VALUE_OF(map), SET(1, 1),
					 INCREASE(0, 0, 1), COPY(1, 6),	   MAP(2, array),
					 SET(3, 0),	    CALL(12),	   RETURN};
	struct anyprobe_object counters;
	unsigned long long runs = 0;
	unsigned key = 0;

	program = load(insns, COUNT(insns));
	check(program >= 0 && !map_update(device, array, &key, &program),
	      "a program that calls itself by a program array");
	link = attach_name(device, program, ANYPROBE_ON_KPROBE, PROBED);
	hit_times(1);
	counters = link_counters(link);
	map_lookup(device, map, &key, &runs);
	check(counters.hits && runs == counters.hits * 34, "runs 34 times a hit: %llu in %llu hits", runs,
	      counters.hits);
	close(link);
	close(program);
	close(array);
	close(map);
}

static unsigned long address_of(const char *wanted)
{
	FILE *symbols = fopen("/proc/kallsyms", "r");
	unsigned long address, found = 0;
	char type, name[256], rest[256];

	while (!found && fgets(rest, sizeof(rest), symbols))
		if (sscanf(rest, "%lx %c %255s", &address, &type, name) == 3 && !strcmp(name, wanted))
			found = address;
	fclose(symbols);
	return found;
}

static void may_not_probe(int program, const char *name, const char *why)
{
	char address[32];
	int link = attach_name(device, program, ANYPROBE_ON_KPROBE, name);

	check(link < 0 && (errno == EINVAL || errno == ENOENT), "no probe on %s, %s: %s", name, why, strerror(errno));
	link = attach_name(device, program, ANYPROBE_ON_KRETPROBE, name);
	check(link < 0 && (errno == EINVAL || errno == ENOENT), "no probe on the return of %s", name);
	if (!address_of(name))
		return;
	snprintf(address, sizeof(address), "0x%lx", address_of(name));
	link = attach_name(device, program, ANYPROBE_ON_KPROBE, address);
	check(link < 0 && errno == EINVAL, "no probe on it by its address");
	if (link >= 0)
		close(link);
}

static void probe_path(void)
{
	const struct bpf_insn nothing[] = {RETURN};
	/* reads, stores and sends, so that it comes through as much of the way as there is */
	const struct bpf_insn reads[] = {COPY(1, 10), ADD(1, -16), SET(2, 8), COPY(3, 10), CALL(113), CALL(5), RETURN};
	static const char *const on_the_way[] = {
		"copy_from_kernel_nofault", "ktime_get_mono_fast_ns", "__rcu_read_lock", "__rcu_read_unlock", "kfree",
		"aggr_pre_handler",	    "kprobe_dispatcher"};
	int program = load(nothing, COUNT(nothing)), link, map = map_create(device, BPF_MAP_TYPE_ARRAY, 4, 8, 1, 0);
	struct anyprobe_object counters;

	may_not_probe(program, "ap_run", "our own");
	may_not_probe(program, "vm_program_run", "our own");
	may_not_probe(program, "entry_hit", "our own");
	may_not_probe(program, "rcu_is_watching", "on our way");
	may_not_probe(program, "preempt_count_add", "on our way");
	may_not_probe(program, "get_kprobe", "the kernel says");
	may_not_probe(program, "kprobe_ftrace_handler", "the kernel says");
	may_not_probe(program, "no_such_function_anywhere", "not there");
	close(program);
	program = load(reads, COUNT(reads));
	for (unsigned i = 0; i < COUNT(on_the_way); i++) {
		int other = attach_name(device, program, ANYPROBE_ON_KPROBE, "vfs_read");

		link = attach_name(device, program, ANYPROBE_ON_KPROBE, on_the_way[i]);
		read_times(10);
		if (link >= 0) {
			counters = link_counters(link);
			check(1, "a probe on %s, which programs call: %llu hits, %llu missed, %llu errors",
			      on_the_way[i], counters.hits, counters.misses, counters.errors);
			close(link);
		}
		counters = link_counters(other);
		check(counters.hits >= 10 && !counters.errors, "the other program ran: %llu hits, %llu missed",
		      counters.hits, counters.misses);
		close(other);
	}
	link = attach_name(device, program, ANYPROBE_ON_KPROBE, "copy_from_kernel_nofault");
	check(link >= 0, "a probe on copy_from_kernel_nofault, which its program calls");
	for (int i = 0; i < 10; i++) /* something that calls it: another program */
		read_at(0, 113, map);
	close(link);
	close(map);
	close(program);
}

/* A mapping made read-only is not counted twice when it is copied: a frozen map has no writer. */
static void frozen_and_mapped(void)
{
	int map = map_create(device, BPF_MAP_TYPE_ARRAY, 4, 8, 1, BPF_F_MMAPABLE);
	union bpf_attr attr = {.map_fd = map};
	struct anyprobe_bpf freeze = {BPF_MAP_FREEZE, sizeof(attr), (unsigned long)&attr};
	char *first = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, map, 0);
	char *second = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, map, 0);

	check(first != MAP_FAILED && second != MAP_FAILED, "a map is mapped twice, for writing");
	check(ioctl(device, ANYPROBE_IOC_BPF, &freeze) < 0 && errno == EBUSY, "it cannot be frozen");
	mprotect(first, 4096, PROT_READ);
	munmap(second, 4096);
	check(ioctl(device, ANYPROBE_IOC_BPF, &freeze) < 0 && errno == EBUSY, "nor while one is read-only for now");
	munmap(first, 4096);
	check(!ioctl(device, ANYPROBE_IOC_BPF, &freeze), "it can when nothing is mapped");
	check(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, map, 0) == MAP_FAILED && errno == EPERM,
	      "then it is not mapped for writing");
	first = mmap(NULL, 4096, PROT_READ, MAP_SHARED, map, 0);
	check(first != MAP_FAILED && mprotect(first, 4096, PROT_READ | PROT_WRITE) < 0 && errno == EACCES,
	      "nor made so later");
	munmap(first, 4096);
	close(map);
}

int main(void)
{
	device = device_open();
	loops();
	loops_often();
	copies();
	wild_reads();
	wild_writes();
	stacks();
	tail_calls();
	frozen_and_mapped();
	probe_path();
	close(device);
	check(module_users(0) == 0, "nothing is left of it");
	return checks_end();
}
