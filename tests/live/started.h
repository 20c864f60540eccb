// SPDX-License-Identifier: GPL-2.0-only
// anyprobe started by hand: with an output, a user or a name of the test's choice.
#pragma once

#include "anyprobe.h"

struct Start {
	std::vector<std::string> arguments; // the first is argv[0]
	int out = -1;			    // where stdout goes; -1: kept
	uid_t user = 0;
	double kill_after = 0; // seconds until SIGKILL; 0: it ends by itself
	// System calls from this number on are answered by ENOSYS, as by a kernel that is older; 0: none.
	unsigned first_unknown_call = 0;
};

// Runs it to its end. Unlike Anyprobe it adds nothing to the command line.
Run run_started(const Start &start);

// From here on this process and all its children get `error` from the system call `number` (`and_later`: and from all that
// are numbered behind it), as by a container's rules or an older kernel. False: not to be had here.
bool refuse_calls(unsigned number, bool and_later, int error);

// The path of a BPF object made from tests/objects/NAME.bpf.c.
std::string test_object(const std::string &name);

// Does `anyprobe doctor` say that this kernel has it? If not, `run OBJECT` is checked to say so, and the case is
// skipped.
void need_feature(const std::string &feature, const std::string &object);

// Lines of a text.
long lines_in(const std::string &text);
