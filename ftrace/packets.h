// SPDX-License-Identifier: GPL-2.0-only
// Packets of a packet socket, and the socket filter that looks at them: here after they came out of the socket. Whatever
// the filter says, nobody else gets them.
#pragma once

#include "ftrace/objects.h"
#include "layer/result.h"

#include <cstdint>
#include <vector>

class Packets {
	int socket_; // the caller's
	const ProgramObject &program_;
	std::vector<char> bytes_;
	uint64_t lost_ = 0;

	Packets(int socket, const ProgramObject &program) : socket_(socket), program_(program), bytes_(65536) {}

public:
	// Error: no packet socket.
	static Result<Packets> open(int socket, const ProgramObject &program);

	int fd() const { return socket_; }
	// Runs the program over all that has come.
	void run(vm_machine &machine);
	// Packets that found no room in the socket.
	uint64_t take_lost();
};
