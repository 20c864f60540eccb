// SPDX-License-Identifier: GPL-2.0-only
#include "bpf_ids.h"

#include <fstream>
#include <iterator>
#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace
{

long bpf(int command, union bpf_attr &attr)
{
	return syscall(__NR_bpf, command, &attr, sizeof(attr));
}

std::string name_of_program(uint32_t id)
{
	union bpf_attr attr {
	};
	attr.prog_id = id;
	int fd = static_cast<int>(bpf(BPF_PROG_GET_FD_BY_ID, attr));
	if (fd < 0) // gone meanwhile
		return "";
	bpf_prog_info info{};
	attr = {};
	attr.info.bpf_fd = static_cast<uint32_t>(fd);
	attr.info.info = reinterpret_cast<uint64_t>(&info);
	attr.info.info_len = sizeof(info);
	bpf(BPF_OBJ_GET_INFO_BY_FD, attr);
	close(fd);
	return info.name;
}

} // namespace

int programs_named(const std::string &name)
{
	int count = 0;
	union bpf_attr attr {
	};
	while (bpf(BPF_PROG_GET_NEXT_ID, attr) == 0) {
		uint32_t id = attr.next_id;
		count += name_of_program(id) == name;
		attr = {};
		attr.start_id = id;
	}
	return count;
}

std::string traced_probes()
{
	std::string text;
	for (const char *file : {"kprobe_events", "uprobe_events"}) {
		for (const char *folder : {"/sys/kernel/tracing/", "/sys/kernel/debug/tracing/"}) {
			std::ifstream events(std::string(folder) + file);
			if (!events)
				continue;
			text.append(std::istreambuf_iterator<char>(events), {});
			break;
		}
	}
	return text;
}
