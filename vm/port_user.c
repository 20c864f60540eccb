// SPDX-License-Identifier: GPL-2.0-only
/* The parts of the user-space port that are too big, or too shared, for its header. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include "port_user.h"

/*
 * Two generations of readers: synchronize flips to the other one and waits for the old to drain. Each is
 * counted in several places, so that threads do not fight for one cache line; a reader remembers its own.
 */
#define SLOTS 16

static u32 generation;
static struct {
	u32 count[2];
} __attribute__((aligned(64))) readers[SLOTS];

unsigned port_read_begin(void)
{
	unsigned cookie = port_cpu() % SLOTS * 2 + (port_load(&generation) & 1);

	port_fetch_add(&readers[cookie / 2].count[cookie & 1], 1);
	return cookie;
}

void port_read_end(unsigned cookie)
{
	port_fetch_add(&readers[cookie / 2].count[cookie & 1], -1);
}

/*
 * Twice, because a reader may have read the old generation just before the flip and counted itself
 * just after the wait: the second round waits for that one too.
 */
void port_synchronize(void)
{
	static struct port_lock lock;
	unsigned long flags;
	u32 slot;
	int round;

	port_lock(&lock, &flags);
	for (round = 0; round < 2; round++) {
		unsigned old = port_fetch_add(&generation, 1) & 1;

		for (slot = 0; slot < SLOTS; slot++)
			while (port_fetch_add(&readers[slot].count[old], 0))
				sched_yield();
	}
	port_unlock(&lock, flags);
}

u32 port_cpu(void)
{
	int cpu = sched_getcpu();

	return cpu < 0 ? 0 : cpu;
}

/* The highest in /sys/devices/system/cpu/possible ("0-3" or "0,2-5"), plus one. */
u32 port_cpu_count(void)
{
	static u32 count;
	char line[256], *end;
	FILE *file;

	if (port_load(&count))
		return count;
	file = fopen("/sys/devices/system/cpu/possible", "re");
	if (file && fgets(line, sizeof(line), file)) {
		end = line + strcspn(line, "\n");
		while (end > line && end[-1] >= '0' && end[-1] <= '9')
			end--;
		port_store(&count, (u32)atoi(end) + 1);
	} else {
		port_store(&count, (u32)sysconf(_SC_NPROCESSORS_CONF));
	}
	if (file)
		fclose(file);
	return count;
}

u32 port_random(void)
{
	u32 value = 0;

	if (getrandom(&value, sizeof(value), GRND_NONBLOCK) != sizeof(value))
		value = (u32)getpid() * 2654435761U;
	return value;
}

void *port_ring_alloc(u64 data_size)
{
	u64 head = 2 * PORT_PAGE_SIZE;
	char *memory = MAP_FAILED;
	char name[] = "/dev/shm/vm_ringXXXXXX";
	int fd = memfd_create("vm_ring", MFD_CLOEXEC);

	/* memfd_create came with 3.17. */
	if (fd < 0 && (fd = mkostemp(name, O_CLOEXEC)) >= 0)
		unlink(name);
	if (fd < 0 || ftruncate(fd, head + data_size))
		goto out;
	memory = mmap(NULL, head + 2 * data_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		goto out;
	if (mmap(memory + head + data_size, data_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, head) ==
	    MAP_FAILED) {
		munmap(memory, head + 2 * data_size);
		memory = MAP_FAILED;
	}
out:
	if (fd >= 0)
		close(fd);
	return memory == MAP_FAILED ? NULL : memory;
}

void port_ring_free(void *memory, u64 data_size)
{
	if (memory)
		munmap(memory, 2 * PORT_PAGE_SIZE + 2 * data_size);
}
