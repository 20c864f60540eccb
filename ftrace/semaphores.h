// SPDX-License-Identifier: GPL-2.0-only
// The counters that switch USDT probes on, raised by writing into the memory of the processes that run now: for kernels
// whose uprobes do not take a reference counter (before 4.20).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

class Semaphores {
	struct Raised {
		int pid;
		uint64_t address;
	};
	std::vector<Raised> raised_;

public:
	Semaphores() = default;
	Semaphores(Semaphores &&) = default;
	Semaphores &operator=(Semaphores &&) = delete;
	~Semaphores();

	// The counter `offset` bytes into `file`, in one process or (-1) in all that have mapped it.
	static Semaphores raise(const std::string &file, uint64_t offset, int pid);
};
