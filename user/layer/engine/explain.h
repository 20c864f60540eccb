// SPDX-License-Identifier: GPL-2.0-only
// --explain: print what is really done, on stderr, one line each with the prefix "explain: ".
#pragma once

#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <string>
#include <sys/types.h>

void set_explaining(bool on);
bool explaining();

// One line, if --explain was given.
void explain(const std::string &line);

// What one call was and what it gave; `result` is the return value, errno as the call left it.
void explain_bpf(int command, const union bpf_attr *attr, long result);
void explain_perf_event_open(const perf_event_attr &attr, pid_t pid, int cpu, long result);
void explain_ioctl(int fd, unsigned long request, unsigned long argument, int result);
