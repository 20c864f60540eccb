/* SPDX-License-Identifier: GPL-2.0-only */
/* What user/usdt_user.cpp tells kern/usdt_kern.c of each place to probe, and what comes back. */
#pragma once

#include <linux/types.h>

#define USDT_PLACES 1024
#define USDT_ARGUMENTS 12 /* sys/sdt.h has no more */
#define USDT_STRINGS 4
#define USDT_TEXT 80

enum usdt_kind { USDT_CONSTANT, USDT_REGISTER, USDT_MEMORY };

struct usdt_operand {
	__s64 value; /* the constant, or the distance from the address that the registers give */
	__s16 base;  /* byte offsets into struct pt_regs; negative: none */
	__s16 index;
	__u8 scale; /* what the index is multiplied by */
	__u8 kind;
	__u8 size;    /* bytes to read from memory */
	__u8 skipped; /* bits above the value, in 64 */
	__u8 is_signed;
	__u8 shift; /* bits below the value in its register (%ah) */
	__u8 reserved[6];
};

struct usdt_place {
	__u32 count;
	__u32 strings; /* a bit for each argument that is the address of a string */
	struct usdt_operand operands[USDT_ARGUMENTS];
};

struct usdt_event {
	__u64 time; /* ns of CLOCK_MONOTONIC */
	__u32 pid;
	__u32 tid;
	__u32 place;
	__u32 unread; /* a bit for each argument whose memory could not be read */
	char comm[16];
	__u64 arguments[USDT_ARGUMENTS];
	char text[USDT_STRINGS][USDT_TEXT]; /* of the arguments in `strings`, in their order */
};
