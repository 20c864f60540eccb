// SPDX-License-Identifier: GPL-2.0-only
#include "ftrace/printed.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

int Printed::fd()
{
	int ends[2];
	if (!reader_ && pipe2(ends, O_NONBLOCK | O_CLOEXEC) == 0) {
		reader_.reset(ends[0]);
		writer_.reset(ends[1]);
		fcntl(ends[1], F_SETPIPE_SZ, 1 << 20);
	}
	return reader_.get();
}

void Printed::print(const Record &record, const char *comm, std::string_view text)
{
	if (!writer_)
		return;
	std::string line;
	if (dropped_)
		line = fmt::format("CPU:{} [LOST {} EVENTS]\n", record.cpu, dropped_);
	line += fmt::format("{:>16}-{:<7} [{:03}] .....  {}.{:06}: bpf_trace_printk: {}", comm, record.tid, record.cpu,
			    record.time / 1'000'000'000, record.time / 1000 % 1'000'000, text);
	if (line.back() != '\n')
		line += '\n';
	if (write(writer_.get(), line.data(), line.size()) == static_cast<ssize_t>(line.size()))
		dropped_ = 0;
	else
		dropped_++;
}
