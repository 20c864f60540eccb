// SPDX-License-Identifier: GPL-2.0-only
#include "layer/engine/engines.h"
#include "ftrace/ftrace_engine.h"
#include "layer/engine/kernel_engine.h"

#include <fmt/format.h>

namespace {
constexpr EngineRow rows[] = {
	{"kernel", open_kernel_engine},
	{"ftrace", open_ftrace_engine},
};
}

std::span<const EngineRow> engines()
{
	return rows;
}

Result<std::unique_ptr<Engine>> choose_engine(const std::string &name)
{
	std::string names, why;
	for (const EngineRow &row : rows) {
		if (name == "auto" || name == row.name) {
			auto engine = row.open();
			if (engine || name == row.name)
				return engine;
			why += (why.empty() ? "" : "; ") + engine.error().message;
		}
		names += fmt::format("{}{}", names.empty() ? "" : ", ", row.name);
	}
	if (name != "auto")
		return Error{fmt::format("no engine \"{}\": there are auto, {}", name, names), EINVAL};
	return Error{why, ENOTSUP};
}
