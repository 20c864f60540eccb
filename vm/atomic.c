// SPDX-License-Identifier: GPL-2.0-only
/* Atomic operations: rare in programs, so one function for all of them. */
#include "internal.h"

static u64 atomic_word(u32 *word, const struct vm_op *op, u64 *r, u32 value)
{
	switch (op->imm & ~VM_FETCH) {
	case VM_ADD:
		return port_fetch_add(word, value);
	case VM_OR:
		return port_fetch_or(word, value);
	case VM_AND:
		return port_fetch_and(word, value);
	case VM_XOR:
		return port_fetch_xor(word, value);
	case VM_XCHG & ~VM_FETCH:
		return port_exchange(word, value);
	default:
		return port_compare_exchange(word, (u32)r[0], value);
	}
}

static u64 atomic_wide(u64 *wide, const struct vm_op *op, u64 *r, u64 value)
{
	switch (op->imm & ~VM_FETCH) {
	case VM_ADD:
		return port_fetch_add(wide, value);
	case VM_OR:
		return port_fetch_or(wide, value);
	case VM_AND:
		return port_fetch_and(wide, value);
	case VM_XOR:
		return port_fetch_xor(wide, value);
	case VM_XCHG & ~VM_FETCH:
		return port_exchange(wide, value);
	default:
		return port_compare_exchange(wide, r[0], value);
	}
}

/* A load-acquire reads through src, all others through dst. */
static int load_acquire(struct vm_machine *machine, const struct vm_op *op, u32 size, u64 *r)
{
	u64 address = r[op->src] + (s64)op->off;
	const void *memory = vm_reach(machine, address, size, 0);

	if (op->dst >= VM_REG_FP) {
		vm_error(machine, VM_ERROR_INSTRUCTION, 0);
		return -EFAULT;
	}
	if (!memory || address % size) {
		vm_error(machine, VM_ERROR_WRITE, address);
		return -EFAULT;
	}
	switch (size) {
	case 1:
		r[op->dst] = port_load((const u8 *)memory);
		break;
	case 2:
		r[op->dst] = port_load((const u16 *)memory);
		break;
	case 4:
		r[op->dst] = port_load((const u32 *)memory);
		break;
	default:
		r[op->dst] = port_load((const u64 *)memory);
	}
	return 0;
}

static void store_release(void *memory, u32 size, u64 value)
{
	switch (size) {
	case 1:
		port_store((u8 *)memory, (u8)value);
		break;
	case 2:
		port_store((u16 *)memory, (u16)value);
		break;
	case 4:
		port_store((u32 *)memory, (u32)value);
		break;
	default:
		port_store((u64 *)memory, value);
	}
}

static int is_known(const struct vm_op *op, u32 size)
{
	switch (op->imm) {
	case VM_ADD:
	case VM_OR:
	case VM_AND:
	case VM_XOR:
	case VM_ADD | VM_FETCH:
	case VM_OR | VM_FETCH:
	case VM_AND | VM_FETCH:
	case VM_XOR | VM_FETCH:
	case VM_XCHG:
	case VM_CMPXCHG:
		return (size == 4 || size == 8) && (op->src != VM_REG_FP || !(op->imm & VM_FETCH));
	case VM_STORE_REL:
		return 1;
	default:
		return 0;
	}
}

int vm_atomic(struct vm_machine *machine, const struct vm_op *op, u32 size, u64 *r)
{
	u64 address = r[op->dst] + (s64)op->off, old;
	void *memory;

	if (op->imm == VM_LOAD_ACQ)
		return load_acquire(machine, op, size, r);
	if (!is_known(op, size)) {
		vm_error(machine, VM_ERROR_INSTRUCTION, 0);
		return -EFAULT;
	}
	memory = vm_reach(machine, address, size, 1);
	if (!memory || address % size) {
		vm_error(machine, VM_ERROR_WRITE, address);
		return -EFAULT;
	}
	if (op->imm == VM_STORE_REL) {
		store_release(memory, size, r[op->src]);
		return 0;
	}
	old = size == 4 ? atomic_word(memory, op, r, (u32)r[op->src]) : atomic_wide(memory, op, r, r[op->src]);
	if (op->imm == VM_CMPXCHG)
		r[0] = old;
	else if (op->imm & VM_FETCH)
		r[op->src] = old;
	return 0;
}
