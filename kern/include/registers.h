/* SPDX-License-Identifier: GPL-2.0-only */
/* The registers that a kprobe or uprobe hands over: struct pt_regs with libbpf's PT_REGS_ macros. */
#pragma once

#include "kernel.h"
#include <linux/ptrace.h>
#include <bpf/bpf_tracing.h>
