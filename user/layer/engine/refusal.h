// SPDX-License-Identifier: GPL-2.0-only
// Why the vm refused a program, in a log that libbpf understands.
#pragma once

#include <linux/bpf.h>
#include <string>

// `why` is the vm's one line. Where libbpf knows more (the name of a field that a relocation did not find) or draws
// conclusions (a helper that is not there), it looks for the kernel's words: these are put beside it.
std::string refusal_log(const std::string &why);

// Does so with what the vm has left in the log of a refused BPF_PROG_LOAD, if there is one. Keeps errno.
void explain_refusal(const union bpf_attr &load);
