/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the module's own tests share: calls on /dev/anyprobe, instructions by name, and counting what holds.
 * They run as root inside a guest of scripts/vm, and nowhere else.
 */
#ifndef TESTS_MODULE_H
#define TESTS_MODULE_H

#include "kmod/protocol.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

/* ---- counting ---- */

extern int checks_passed, checks_failed;
/* Returns `holds`; what does not hold is printed with errno. */
int check(int holds, const char *sentence, ...) __attribute__((format(printf, 2, 3)));
/* The line that scripts/test counts; what main() returns. */
int checks_end(void);

/* ---- the device; all give what the ioctl gives, with errno ---- */

int device_open(void); /* ends the process if it cannot be had */
int map_create(int device, unsigned type, unsigned key_size, unsigned value_size, unsigned entries, unsigned flags);
/* `log`: of LOG_SIZE, or NULL. */
#define LOG_SIZE 512
int program_load(int device, unsigned type, const struct bpf_insn *insns, unsigned count, char *log);
int map_update(int device, int map, const void *key, const void *value);
int map_lookup(int device, int map, const void *key, void *value);
/* On the function (or address, 0x…) `name`, kind ANYPROBE_ON_KPROBE or _KRETPROBE; or a raw tracepoint. */
int attach_name(int device, int program, unsigned kind, const char *name);
/* Counters of a link; ends the process if it is none. */
struct anyprobe_object link_counters(int link);
/* How often the module is in use, by sysfs; waits up to two seconds for it to become `wanted`. */
long module_users(long wanted);

/* ---- load: something that calls read(2) without end on each CPU ---- */

void load_start(void);
void load_stop(void);
/* So many calls of vfs_read by this process. */
void read_times(unsigned times);

/* ---- programs as clang made them; loads that name a map want a descriptor in `imm` ---- */

#define INSNS_MAX 4096
extern struct sample {
	unsigned type, count;
	struct bpf_insn *insns;
} samples[256];
extern unsigned sample_count;
/* Adds those of a BPF object; ends the process if it cannot be read. */
void samples_read(const char *path);

/* ---- instructions ---- */

#define INSN(c, d, s, o, i)	   ((struct bpf_insn){.code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i)})
#define SET(to, number)		   INSN(BPF_ALU64 | BPF_MOV | BPF_K, to, 0, 0, number)
#define COPY(to, from)		   INSN(BPF_ALU64 | BPF_MOV | BPF_X, to, from, 0, 0)
#define ADD(to, number)		   INSN(BPF_ALU64 | BPF_ADD | BPF_K, to, 0, 0, number)
#define SUBTRACT(to, from)	   INSN(BPF_ALU64 | BPF_SUB | BPF_X, to, from, 0, 0)
#define AND(to, number)		   INSN(BPF_ALU64 | BPF_AND | BPF_K, to, 0, 0, number)
#define OR(to, number)		   INSN(BPF_ALU64 | BPF_OR | BPF_K, to, 0, 0, number)
#define LOAD(to, from, off)	   INSN(BPF_LDX | BPF_MEM | BPF_DW, to, from, off, 0)
#define STORE(to, off, from)	   INSN(BPF_STX | BPF_MEM | BPF_DW, to, from, off, 0)
#define STORE_NUMBER(to, off, num) INSN(BPF_ST | BPF_MEM | BPF_DW, to, 0, off, num)
#define INCREASE(to, off, by)	   INSN(BPF_STX | BPF_ATOMIC | BPF_DW, to, by, off, BPF_ADD)
#define WIDE(to, kind, number)                                                                                         \
	INSN(BPF_LD | BPF_IMM | BPF_DW, to, kind, 0, (int)(unsigned long)(number)),                                    \
		INSN(0, 0, 0, 0, (int)((unsigned long)(number) >> 32))
#define MAP(to, fd)		WIDE(to, BPF_PSEUDO_MAP_FD, (unsigned)(fd))
#define CALL(helper)		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, helper)
#define CALL_FUNCTION(distance) INSN(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, distance)
#define JUMP(distance)		INSN(BPF_JMP | BPF_JA, 0, 0, distance, 0)
#define JUMP_IF_ZERO(reg, dist) INSN(BPF_JMP | BPF_JEQ | BPF_K, reg, 0, dist, 0)
#define RETURN			SET(0, 0), INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)
/* r0 = address of the value at [0] of an array, or the program ends; uses r1, r2 and 8 bytes at r10-8. */
#define VALUE_OF(map)                                                                                                  \
	STORE_NUMBER(10, -8, 0), MAP(1, map), COPY(2, 10), ADD(2, -8), CALL(1),                                        \
		INSN(BPF_JMP | BPF_JNE | BPF_K, 0, 0, 2, 0), RETURN

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
