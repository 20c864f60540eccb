// SPDX-License-Identifier: GPL-2.0-only
/*
 * Raw tracepoints. One function serves tracepoints of every shape: their arguments come in registers and on
 * the stack as any function's do, and how many of them there are, the program knows. An argument narrower
 * than a register has undefined bits above it, as a C function would see it.
 */
#include <linux/tracepoint.h>
#include "anyprobe.h"

#define ARGS_MAX 12 /* as in the kernel */

struct raw {
	struct ap_tracepoint tracepoint;
	int registered;
};

static void hit_with(void *data, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f, u64 g, u64 h, u64 i, u64 j, u64 k, u64 l)
{
	u64 args[ARGS_MAX + 1] = {a, b, c, d, e, f, g, h, i, j, k, l};
	struct ap_hit hit PORT_UNINITIALIZED;

	ap_hit_init(&hit, data, NULL, 0);
	hit.args = args;
	hit.count = ARGS_MAX;
	ap_run(&hit, args, ARGS_MAX * sizeof(*args));
}

static int attach(struct ap_link *link, struct anyprobe_attach *attach, char *names)
{
	struct raw *raw = link->own;
	int err = -EINVAL;

	if (attach->count == 1)
		err = ap_tracepoint_register(&raw->tracepoint, names, (void *)hit_with, link);
	raw->registered = !err;
	return err;
}

static void detach(struct ap_link *link)
{
	struct raw *raw = link->own;

	if (raw->registered)
		ap_tracepoint_unregister(&raw->tracepoint, (void *)hit_with, link);
}

const struct ap_link_ops ap_raw_tracepoint_ops = {sizeof(struct raw), 0, attach, detach};
