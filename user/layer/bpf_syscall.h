// SPDX-License-Identifier: GPL-2.0-only
// bpf(2) itself, for a sample that does without libbpf. Whichever engine runs answers it.
#pragma once

#include "layer/engine/seam.h"

// As the system call: an fd or 0, or -1 with errno. `attr` has `size` bytes and stays the caller's.
inline long bpf_syscall(int command, union bpf_attr *attr, unsigned size)
{
	return seam_bpf(command, attr, size);
}
