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

// `name` is an engine's, or "auto" for the first that works here. An error says why none does, or which
// names there are.
Result<std::unique_ptr<Engine>> choose_engine(const std::string &name);
