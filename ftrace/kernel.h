// SPDX-License-Identifier: GPL-2.0-only
// Kernel: what this kernel's probe events can do. Found by trying once; plain data in tests.
#pragma once

#include <functional>
#include <string>

struct Kernel {
	bool kprobes = false;		// kprobe_events is there
	bool uprobes = false;		// uprobe_events is there
	bool hex_types = false;		// x8 .. x64 (4.8); else u8 .. u64
	bool user_reads = false;	// +uOFFSET(..) and ustring (5.3); before, +OFFSET(..) reads user memory too
	bool arrays = false;		// TYPE[COUNT] (4.20)
	bool return_arguments = false;	// $argN in a return probe (6.9)
	bool return_instances = false;	// rNUMBER: so many tasks can be inside a function whose return is probed (4.12)
	bool syscall_registers = false; // a system call's function has one argument, struct pt_regs * (4.17)
	bool current = false;		// the address of each CPU's "current" is known (kallsyms)
	unsigned max_arguments = 128;	// of one event; what is beyond is dropped silently
	unsigned max_array = 64;	// elements
	unsigned max_depth = 8;		// nested reads in one argument
	unsigned max_line = 4095;	// characters of a definition, from "p:" on
	unsigned max_argument = 63;	// characters of one argument
	unsigned max_event = 2048;	// bytes of a record that perf carries (8192 since 5.17)
	std::string comm_field;		// the current task's name in a filter ("COMM", 4.3); "": there is none

	// Is there a function of this name that a kprobe can be put on? Unset: none.
	std::function<bool(const std::string &)> has_function;
};
