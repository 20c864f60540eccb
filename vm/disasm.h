/* SPDX-License-Identifier: GPL-2.0-only */
/* One instruction as text, close to how the kernel's verifier writes it. */
#ifndef VM_DISASM_H
#define VM_DISASM_H

#include "insn.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Writes `insn` into `out` (cut off at `size`, always terminated) and returns how many struct
 * vm_insn it takes: 2 for a 64-bit immediate load, whose second half must be readable, else 1.
 * With pc >= 0, the index of `insn`, jump targets are absolute (`goto 12`), else `goto pc+3`.
 * Bytes that are no instruction become `unknown instruction ..`; every input is allowed.
 */
int vm_disasm(const struct vm_insn *insn, int pc, char *out, unsigned size);

/* The kernel's name of helper `id` without `bpf_`, or NULL: known here whether or not the vm has it. */
const char *vm_helper_name(u32 id);

#ifdef __cplusplus
}
#endif

#endif
