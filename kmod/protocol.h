/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the module and the user side say to each other, through ioctl on /dev/anyprobe and on the file
 * descriptors that it gives. Fixed widths and no holes: a 32-bit program may talk to a 64-bit kernel.
 */
#ifndef KMOD_PROTOCOL_H
#define KMOD_PROTOCOL_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define ANYPROBE_DEVICE	  "/dev/anyprobe"
#define ANYPROBE_PROTOCOL 1 /* any change of this file makes it another one */

/* What this kernel lets a module do: bits of `abilities`. */
#define ANYPROBE_KPROBES	(1U << 0)
#define ANYPROBE_KRETPROBES	(1U << 1)
#define ANYPROBE_RAW_TRACEPOINT (1U << 2)
#define ANYPROBE_TRACEPOINT	(1U << 3) /* with the classic record, by perf */
#define ANYPROBE_UPROBES	(1U << 4)
#define ANYPROBE_CLOCK		(1U << 5)
#define ANYPROBE_PACKETS	(1U << 6)
#define ANYPROBE_PRINTK		(1U << 7) /* bpf_trace_printk reaches trace_pipe */

struct anyprobe_hello {
	__u32 protocol;
	__u32 abilities;
};

/* bpf(2), argument by argument. */
struct anyprobe_bpf {
	__u32 command;
	__u32 size;
	__u64 attr;
};

enum anyprobe_kind {
	ANYPROBE_ON_KPROBE = 1,	     /* `names`: functions, or addresses as 0x… */
	ANYPROBE_ON_KRETPROBE,	     /* likewise */
	ANYPROBE_ON_RAW_TRACEPOINT,  /* `names`: one tracepoint */
	ANYPROBE_ON_TRACEPOINT,	     /* `event`: its number in tracefs */
	ANYPROBE_ON_UPROBE,	     /* `names`: one file */
	ANYPROBE_ON_URETPROBE,	     /* likewise */
	ANYPROBE_ON_CLOCK,	     /* `frequency`, `cpu` */
	ANYPROBE_ON_SOCKET,	     /* `socket_fd`: a packet socket */
};

/* The program gets its function's arguments as an array of u64 (fentry, fexit), not the registers. */
#define ANYPROBE_AS_ARGUMENTS (1U << 0)
/* The record is a system call's: { header, number, arguments or result }, each 8 bytes. */
#define ANYPROBE_AS_SYSCALL (1U << 1)

struct anyprobe_attach {
	__u32 kind; /* enum anyprobe_kind */
	__u32 flags;
	__s32 program_fd;
	__u32 count;	  /* of names */
	__u64 names;	  /* NUL-terminated, one behind the other */
	__u32 names_size; /* all their bytes */
	__u32 arguments;  /* how many the function has, with ANYPROBE_AS_ARGUMENTS */
	__u64 offset;	  /* from the function's or the file's start */
	__u64 semaphore;  /* file offset of a counter of users, or 0 */
	__u64 cookie;
	__u64 event;
	__u64 frequency;
	__s32 pid; /* -1: every process */
	__s32 cpu;
	__s32 socket_fd;
	__u32 refused; /* answer: so many of several functions cannot be probed */
};

enum anyprobe_object_kind { ANYPROBE_MAP = 1, ANYPROBE_PROGRAM, ANYPROBE_LINK, ANYPROBE_PERF_RING };

/* What a file descriptor of ours is: they all share one inode. Counters are a link's. */
struct anyprobe_object {
	__u32 kind; /* enum anyprobe_object_kind */
	__u32 id;
	__u64 hits;	/* the program ran */
	__u64 misses;	/* it did not, for one was running already on this CPU */
	__u64 errors;	/* it was ended for what it did */
	__u64 exhausted; /* of these: because its budget of instructions was used up */
};

/* On the device: */
#define ANYPROBE_IOC_HELLO     _IOR(0xb9, 0, struct anyprobe_hello)
#define ANYPROBE_IOC_BPF       _IOW(0xb9, 1, struct anyprobe_bpf)
#define ANYPROBE_IOC_ATTACH    _IOWR(0xb9, 2, struct anyprobe_attach)
#define ANYPROBE_IOC_PERF_RING _IO(0xb9, 3) /* an empty one, to be mapped and put into a perf event array */
/* On what it gave: */
#define ANYPROBE_IOC_OBJECT _IOR(0xb9, 8, struct anyprobe_object)

#endif
