/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the vm needs from the kernel; port_user.h has the same names. Only what every kernel since 2.6.32
 * has, and exports, under the same name: what differs between kernels is in kmod/compat.h.
 */
#ifndef VM_PORT_KERNEL_H
#define VM_PORT_KERNEL_H

#include <asm/byteorder.h>
#include <linux/cpumask.h>
#include <linux/errno.h>
#include <linux/irqflags.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/preempt.h>
#include <linux/random.h>
#include <linux/smp.h>
#include <linux/string.h>
#include <linux/types.h>
#include <linux/vmalloc.h>

#define port_format  snprintf
#define port_vformat vsnprintf
#define port_memcpy  memcpy
#define port_memset  memset
#define port_memcmp  memcmp
#define port_strlen  strlen

#define port_likely(x)	 likely(x)
#define port_unlikely(x) unlikely(x)
#define PORT_PAGE_SIZE	 ((u64)PAGE_SIZE)
#define PORT_RACY	 __attribute__((__noinline__))
/* For variables that are set before they are read, in kernels that are built to clear all of them. */
#define PORT_UNINITIALIZED
#ifdef __has_attribute
#if __has_attribute(__uninitialized__)
#undef PORT_UNINITIALIZED
#define PORT_UNINITIALIZED __attribute__((__uninitialized__))
#endif
#endif
/*
 * objtool (since 4.6) cannot follow jumps to computed labels. This is how a function is excepted from that
 * alone; excepting its file would leave its indirect jumps going through retpolines where none are needed.
 */
#define PORT_UNFOLLOWED(function)                                                                                      \
	static void *unfollowed_##function                                                                             \
		__attribute__((__used__, __section__(".discard.func_stack_frame_non_standard"))) = function

#ifdef __LITTLE_ENDIAN /* the kernel defines one of the two */
#define PORT_IS_LITTLE 1
#else
#define PORT_IS_LITTLE 0
#endif

/* ---- memory ---- */

static inline void *port_alloc(u64 size)
{
	void *memory = vmalloc(size ? size : 1);

	if (memory)
		memset(memory, 0, size);
	return memory;
}

static inline void port_free(void *memory)
{
	vfree(memory);
}

static inline void *port_alloc_shared(u64 size)
{
	return vmalloc_user(size);
}

static inline void port_free_shared(void *memory)
{
	vfree(memory);
}

/* Two pages and `data_size` bytes mapped twice in a row; remap_vmalloc_range can map all of it. */
void *port_ring_alloc(u64 data_size);
void port_ring_free(void *memory, u64 data_size);

/* ---- CPUs ---- */

#define port_cpu_count() ((u32)nr_cpu_ids)
#define port_cpu()	 ((u32)raw_smp_processor_id())

/* ---- atomics ---- */

#define port_load_relaxed(pointer) (*(volatile __typeof__(*(pointer)) *)(pointer))
#ifdef smp_store_release /* since 3.14 */
#define port_load(pointer)	   smp_load_acquire((pointer))
#define port_store(pointer, value) smp_store_release((pointer), value)
#else /* on x86, where such old kernels run, the processor keeps this order by itself */
#define port_load(pointer)                                                                                             \
	({                                                                                                             \
		__typeof__(*(pointer)) loaded = port_load_relaxed(pointer);                                            \
		barrier();                                                                                             \
		loaded;                                                                                                \
	})
#define port_store(pointer, value)                                                                                     \
	do {                                                                                                           \
		barrier();                                                                                             \
		*(volatile __typeof__(*(pointer)) *)(pointer) = (value);                                               \
	} while (0)
#endif
#define port_fetch_add(pointer, by)		 __sync_fetch_and_add(pointer, by)
#define port_fetch_and(pointer, by)		 __sync_fetch_and_and(pointer, by)
#define port_fetch_or(pointer, by)		 __sync_fetch_and_or(pointer, by)
#define port_fetch_xor(pointer, by)		 __sync_fetch_and_xor(pointer, by)
#define port_exchange(pointer, value)		 xchg((pointer), value)
#define port_compare_exchange(pointer, old, new) cmpxchg((pointer), old, new)

/* ---- locks ---- */

/*
 * Not a spinlock_t: a probe may hit inside of an NMI while this CPU holds the lock, and spinlock debugging
 * may itself be probed. So the holder is known by CPU, and nobody waits for itself, nor for long.
 */
struct port_lock {
	u32 holder; /* CPU + 1 */
};

#define PORT_LOCK_SPINS 100000

static inline int port_lock(struct port_lock *lock, unsigned long *flags)
{
	u32 self, holder, spins;

	local_irq_save(*flags);
	self = raw_smp_processor_id() + 1;
	for (spins = 0; spins < PORT_LOCK_SPINS; spins++) {
		holder = cmpxchg(&lock->holder, 0, self);
		if (!holder)
			return 0;
		if (holder == self)
			break;
		cpu_relax();
	}
	local_irq_restore(*flags);
	return -EBUSY;
}

static inline void port_unlock(struct port_lock *lock, unsigned long flags)
{
	port_store(&lock->holder, 0);
	local_irq_restore(flags);
}

/* ---- readers that nothing may be freed under ---- */

/* A handler has preemption off anyway: where RCU's own lock is a call, this is none. */
static inline unsigned port_read_begin(void)
{
	preempt_disable_notrace();
	return 0;
}

static inline void port_read_end(unsigned cookie)
{
	(void)cookie;
	preempt_enable_notrace();
}

void port_synchronize(void); /* kmod/compat.c: kernels differ in what waits for those */

static inline u32 port_random(void)
{
	u32 value;

	get_random_bytes(&value, sizeof(value));
	return value;
}

#endif
