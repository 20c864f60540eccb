/* SPDX-License-Identifier: GPL-2.0-only */
/* What the vm needs from user space. port_kernel.h has the same names. */
#ifndef VM_PORT_USER_H
#define VM_PORT_USER_H

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>
#include "types.h"

#define port_format  snprintf
#define port_vformat vsnprintf
#define port_memcpy  memcpy
#define port_memset  memset
#define port_memcmp  memcmp
#define port_strlen  strlen

#define port_likely(x)	 __builtin_expect(!!(x), 1)
#define port_unlikely(x) __builtin_expect(!!(x), 0)
#define PORT_PAGE_SIZE	 ((u64)sysconf(_SC_PAGESIZE))
/* Values of maps are shared without locks between programs and user space, as the kernel's are. */
#define PORT_RACY __attribute__((no_sanitize("thread"), __noinline__))
#define PORT_UNINITIALIZED
#define PORT_UNFOLLOWED(function) struct vm_machine

#define PORT_IS_LITTLE (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)

/* ---- memory ---- */

static inline void *port_alloc(u64 size)
{
	void *memory = NULL;

	/* A cache line, so that per-CPU parts do not share one. */
	if (size > LONG_MAX || posix_memalign(&memory, size >= 4096 ? 4096 : 64, size))
		return NULL;
	return memset(memory, 0, size);
}

static inline void port_free(void *memory)
{
	free(memory);
}

#define port_alloc_shared port_alloc
#define port_free_shared  port_free

/* Two pages and `data_size` bytes mapped twice in a row, as user space sees the kernel's. */
void *port_ring_alloc(u64 data_size);
void port_ring_free(void *memory, u64 data_size);

/* ---- CPUs ---- */

u32 port_cpu_count(void); /* possible CPUs, as libbpf counts them */

u32 port_cpu(void); /* only a hint for which list to use: the thread may move at any time */

/* ---- atomics ---- */

#define port_load(pointer)			 __atomic_load_n(pointer, __ATOMIC_ACQUIRE)
#define port_load_relaxed(pointer)		 __atomic_load_n(pointer, __ATOMIC_RELAXED)
#define port_store(pointer, value)		 __atomic_store_n(pointer, value, __ATOMIC_RELEASE)
#define port_fetch_add(pointer, by)		 __sync_fetch_and_add(pointer, by)
#define port_fetch_and(pointer, by)		 __sync_fetch_and_and(pointer, by)
#define port_fetch_or(pointer, by)		 __sync_fetch_and_or(pointer, by)
#define port_fetch_xor(pointer, by)		 __sync_fetch_and_xor(pointer, by)
#define port_exchange(pointer, value)		 __atomic_exchange_n(pointer, value, __ATOMIC_SEQ_CST)
#define port_compare_exchange(pointer, old, new) __sync_val_compare_and_swap(pointer, old, new)

/* ---- locks ---- */

struct port_lock {
	u32 held;
};

/* No context interrupts another here, so waiting always ends. */
static inline int port_lock(struct port_lock *lock, unsigned long *flags)
{
	*flags = 0;
	while (__atomic_exchange_n(&lock->held, 1, __ATOMIC_ACQUIRE)) {
		while (port_load_relaxed(&lock->held))
			sched_yield();
	}
	return 0;
}

static inline void port_unlock(struct port_lock *lock, unsigned long flags)
{
	(void)flags;
	__atomic_store_n(&lock->held, 0, __ATOMIC_RELEASE);
}

/* ---- readers that nothing may be freed under ---- */

unsigned port_read_begin(void);
void port_read_end(unsigned cookie);
void port_synchronize(void); /* waits until every reader that runs now has ended */

u32 port_random(void);

#endif
