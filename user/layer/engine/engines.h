// SPDX-License-Identifier: GPL-2.0-only
// Which engine: the one place that names them all.
#pragma once

#include "layer/engine/engine.h"

#include <span>

struct EngineRow {
	const char *name;
	Result<std::unique_ptr<Engine>> (*open)();
};

// In the order of preference.
std::span<const EngineRow> engines();

// `name` is an engine's, or "auto" for all, the first that can run a sample being the one to use. An error says which names
// there are.
Result<std::span<const EngineRow>> engines_named(const std::string &name);
