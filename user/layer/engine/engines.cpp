// SPDX-License-Identifier: GPL-2.0-only
#include "layer/engine/engines.h"
#include "ftrace/ftrace_engine.h"
#include "layer/engine/kernel_engine.h"
#include "layer/engine/module_engine.h"

#include <fmt/format.h>

namespace {
constexpr EngineRow rows[] = {
	{"kernel", open_kernel_engine},
	{"module", open_module_engine},
	{"ftrace", open_ftrace_engine},
};
}

std::span<const EngineRow> engines()
{
	return rows;
}

Result<std::span<const EngineRow>> engines_named(const std::string &name)
{
	std::string names;
	if (name == "auto")
		return std::span<const EngineRow>(rows);
	for (const EngineRow &row : rows) {
		if (name == row.name)
			return std::span<const EngineRow>(&row, 1);
		names += fmt::format(", {}", row.name);
	}
	return Error{fmt::format("no engine \"{}\": there are auto{}", name, names), EINVAL};
}
