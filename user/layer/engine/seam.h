// SPDX-License-Identifier: GPL-2.0-only
// The seam: the four libc functions that the private copy of libbpf calls under another name. The
// user side uses the same door for its own bpf(2) and perf_event_open(2), so --explain sees them all.
#pragma once

#include <linux/perf_event.h>
#include <sys/types.h>

union bpf_attr;

long seam_bpf(int command, union bpf_attr *attr, unsigned size);
int seam_perf_event_open(perf_event_attr *attr, pid_t pid, int cpu, unsigned long flags);
int seam_ioctl(int fd, unsigned long request, void *argument);
