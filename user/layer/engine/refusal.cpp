// SPDX-License-Identifier: GPL-2.0-only
#include "layer/engine/refusal.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fmt/format.h>

std::string refusal_log(const std::string &why)
{
	bool no_helper = why.find("there is no helper ") != why.npos || why.find(": the helper bpf_") != why.npos;
	std::string log = (no_helper ? "0: invalid func \n" : "") + why + "\n";
	unsigned insn;
	if (why.find("`call unresolved CO-RE relocation`") != why.npos && sscanf(why.c_str(), "vm: insn %u", &insn) == 1)
		log += fmt::format("{}: (85) call unknown#195896080\ninvalid func unknown#195896080\n", insn);
	return log;
}

void explain_refusal(const union bpf_attr &load)
{
	char *log = reinterpret_cast<char *>(load.log_buf);
	if (!load.log_level || !load.log_size || !log)
		return;
	int error = errno;
	snprintf(log, load.log_size, "%s", refusal_log(std::string(log, strnlen(log, load.log_size))).c_str());
	errno = error;
}
