// SPDX-License-Identifier: GPL-2.0-only
/* The few kernel functions that the vm calls, on top of libc: for the build with the kernel's flags. */
#define _GNU_SOURCE
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "vm/types.h"

u32 port_cpu_count(void);
unsigned int nr_cpu_ids;

__attribute__((constructor)) static void count_cpus(void)
{
	nr_cpu_ids = port_cpu_count();
}

int shim_cpu(void)
{
	return sched_getcpu();
}

void *vmalloc(unsigned long size)
{
	return malloc(size);
}

void *vmalloc_user(unsigned long size)
{
	void *memory = aligned_alloc(4096, (size + 4095) & ~4095UL);

	return memory ? memset(memory, 0, size) : NULL;
}

void vfree(const void *memory)
{
	free((void *)memory);
}

void get_random_bytes(void *to, int size)
{
	memset(to, 0x5a, size);
}
