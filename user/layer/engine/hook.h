// SPDX-License-Identifier: GPL-2.0-only
// Hook: the place in the kernel or in a program that a BPF program is attached to.
#pragma once

#include "layer/result.h"

#include <cstdint>
#include <string>
#include <vector>

enum class HookKind {
	tracepoint,	// target "category/event"
	raw_tracepoint, // target "event"
	kprobe,		// target function, offset in bytes from its start
	kretprobe,	// target function
	kprobe_multi,	// functions, all with one call
	kretprobe_multi,
	uprobe,	   // target ELF file, offset in bytes from the file's start
	uretprobe, // likewise
	fentry,	   // the program itself says where (its attach_btf_id)
	typed_tracepoint, // likewise
	perf_event,    // a software clock on one CPU, `frequency` times a second
	socket_filter, // the socket `fd`
	none	       // a section that names no place of its own
};

struct Hook {
	HookKind kind = HookKind::none;
	std::string target;
	std::vector<std::string> functions; // kprobe_multi only
	uint64_t offset = 0;
	uint64_t semaphore = 0; // uprobe: file offset of a USDT reference counter, 0 for none
	uint64_t cookie = 0;	// what bpf_get_attach_cookie answers (5.15)
	uint64_t frequency = 0;
	int pid = -1; // uprobe, perf_event: only this process; -1 for every one
	int cpu = -1; // perf_event
	int fd = -1;  // socket_filter; the caller keeps it
};

// The hook that a section name asks for, in libbpf's spelling ("kprobe/do_exit+4",
// "tracepoint/sched/sched_switch", "uprobe//bin/bash:readline+4": here the target is still "FILE:FUNCTION", and the
// offset counts from the function's start). Where a kernel renames a function,
// the alternatives stand after one another: "kprobe/kernel_clone|_do_fork|do_fork" gives three hooks,
// the first that can be attached is the one to use. A section with no place gives one hook without a
// target. Error: a section that this project cannot attach.
Result<std::vector<Hook>> hooks_of_section(const std::string &section);

// "tracepoint syscalls/sys_enter_openat", "kprobe do_exit+4": for messages.
std::string describe(const Hook &hook);
const char *name_of(HookKind kind);
