// SPDX-License-Identifier: GPL-2.0-only
// The USDT probes that a user's words select, with what is needed to attach to them.
#pragma once

#include "layer/engine/hook.h"
#include "layer/result.h"
#include "layer/symbols/usdt_probes.h"

#include <string>
#include <vector>

struct UsdtPlace {
	UsdtProbe probe;
	std::vector<UsdtArgument> arguments;
};

// The probes of `binary` (find_binary() says what that can be; empty: of all that process `pid` has mapped) that
// `pattern` matches: "PROVIDER:NAME" or "NAME", with shell patterns; empty: all. Error: none matches, no such file or
// process.
Result<std::vector<UsdtProbe>> select_usdt_probes(const std::string &binary, const std::string &pattern, int pid);

// The same with the arguments understood. Error also: an argument that is not.
Result<std::vector<UsdtPlace>> select_usdt_places(const std::string &binary, const std::string &pattern, int pid);

// Where to attach: `cookie` is the place's number + 1, `pid` 0 means every process.
Hook hook_of(const UsdtPlace &place, uint64_t cookie, int pid);
