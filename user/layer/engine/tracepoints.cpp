// SPDX-License-Identifier: GPL-2.0-only
#include "layer/engine/tracepoints.h"
#include "layer/engine/features.h"

#include <fmt/format.h>

Result<Tracefs *> Tracepoints::files()
{
	if (!files_) {
		auto opened = Tracefs::open();
		if (!opened)
			return opened.error();
		files_ = std::move(*opened);
	}
	return &*files_;
}

Result<int> Tracepoints::id(const std::string &name)
{
	auto opened = files();
	if (!opened)
		return opened.error();
	return (*opened)->event_id(name);
}

Result<void> Tracepoints::need(const std::string &name)
{
	auto opened = files();
	if (!opened)
		return opened.error();
	if ((*opened)->exists("events/" + name))
		return {};
	if (name.starts_with("syscalls/"))
		if (auto has = features().need(Feature::syscall_tracepoints); !has)
			return has;
	return Error{fmt::format("this kernel has no tracepoint {}", name), ENOENT};
}
