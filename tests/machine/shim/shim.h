/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * As much of the kernel's headers as vm/port_kernel.h uses, so that the vm can be built with the kernel's
 * flags, and run in a process, where there are no kernel headers.
 */
#ifndef SHIM_H
#define SHIM_H

#include <stdarg.h>
#include <stddef.h>

typedef unsigned char u8;
typedef signed char s8;
typedef unsigned short u16;
typedef short s16;
typedef unsigned int u32;
typedef int s32;
typedef unsigned long long u64;
typedef long long s64;

#define EPERM	   1
#define ENOENT	   2
#define E2BIG	   7
#define EBADF	   9
#define EAGAIN	   11
#define ENOMEM	   12
#define EACCES	   13
#define EFAULT	   14
#define EBUSY	   16
#define EEXIST	   17
#define EINVAL	   22
#define ENOSPC	   28
#define EOPNOTSUPP 95

#define PAGE_SIZE   4096UL
#define __LITTLE_ENDIAN 1234
#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define barrier()   __asm__ __volatile__("" : : : "memory")
#define cpu_relax() barrier()

int snprintf(char *out, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
int vsnprintf(char *out, size_t size, const char *format, va_list args);
void *memcpy(void *to, const void *from, size_t size);
void *memset(void *to, int byte, size_t size);
int memcmp(const void *a, const void *b, size_t size);
size_t strlen(const char *text);

void *vmalloc(unsigned long size);
void *vmalloc_user(unsigned long size);
void vfree(const void *memory);
void get_random_bytes(void *to, int size);
int shim_cpu(void);
extern unsigned int nr_cpu_ids;

#define raw_smp_processor_id()		  shim_cpu()
#define local_irq_save(flags)		  ((flags) = 1)
#define local_irq_restore(flags)	  ((void)(flags))
#define preempt_disable_notrace()	  barrier()
#define preempt_enable_notrace()	  barrier()
#define xchg(pointer, value)		  __atomic_exchange_n(pointer, value, __ATOMIC_SEQ_CST)
#define cmpxchg(pointer, old, new)	  __sync_val_compare_and_swap(pointer, old, new)
#define smp_load_acquire(pointer)	  __atomic_load_n(pointer, __ATOMIC_ACQUIRE)
#define smp_store_release(pointer, value) __atomic_store_n(pointer, value, __ATOMIC_RELEASE)

#endif
