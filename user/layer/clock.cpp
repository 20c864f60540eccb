// SPDX-License-Identifier: GPL-2.0-only
#include "layer/clock.h"

#include <ctime>
#include <fmt/format.h>

namespace {
uint64_t read_ns(clockid_t clock)
{
	timespec now;
	clock_gettime(clock, &now);
	return static_cast<uint64_t>(now.tv_sec) * 1000000000 + static_cast<uint64_t>(now.tv_nsec);
}
}

uint64_t monotonic_ns()
{
	return read_ns(CLOCK_MONOTONIC);
}

Cell time_cell(uint64_t time)
{
	uint64_t since_epoch = read_ns(CLOCK_REALTIME) - monotonic_ns() + time;
	time_t seconds = static_cast<time_t>(since_epoch / 1000000000);
	uint64_t ns = since_epoch % 1000000000;
	tm local, utc;
	localtime_r(&seconds, &local);
	gmtime_r(&seconds, &utc);
	return {fmt::format("{:02}:{:02}:{:02}.{:03}", local.tm_hour, local.tm_min, local.tm_sec, ns / 1000000),
		fmt::format("\"{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z\"", utc.tm_year + 1900, utc.tm_mon + 1,
			    utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, ns / 1000)};
}
