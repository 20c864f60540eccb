// SPDX-License-Identifier: GPL-2.0-only
// bpf(2) of kernels before 5.2 (vendors' 3.10 among them), for programs with constants: asked only when such a kernel has
// refused a call, so newer ones pay nothing for it.
//
// libbpf is told that there is global data. The map that it then makes for .rodata is made without the flag that such a
// kernel does not know, its freezing is noted here, and programs are loaded with the constants in their instructions.
// Variables (.data, .bss) stay refused.
#pragma once

#include "layer/result.h"

#include <cstdint>
#include <linux/bpf.h>
#include <map>
#include <set>
#include <vector>

class OldKernel {
	std::map<int, std::vector<unsigned char>> frozen_; // by descriptor
	std::set<int> plain_;				   // maps for constants, made without what this kernel lacks
	uint32_t constants_size_ = 0;			   // of the one that was made last

	long create_map(const bpf_attr &attr, unsigned size);
	long freeze_map(const bpf_attr &attr);
	long load_program(const bpf_attr &attr, unsigned size);

public:
	// The kernel has refused this call with errno. A result as bpf(2)'s, or -1 with errno.
	long answer(int command, const bpf_attr &attr, unsigned size);
	// A map is new behind this descriptor: what was known of an older one is no longer true.
	void forget(int map_fd)
	{
		frozen_.erase(map_fd);
		plain_.erase(map_fd);
	}
	// A map of constants cannot be mapped here; but libbpf has the same bytes at the address already.
	bool is_plain(int map_fd) const { return plain_.contains(map_fd); }
};

// The version that BPF_PROG_TYPE_KPROBE programs had to name before 5.0, as the kernel's own code has it (uname(2) may tell
// another: vendors' and personalities'). From a note in the vDSO; 0 if there is none.
uint32_t version_of_vdso();
