// SPDX-License-Identifier: GPL-2.0-only
// Which of an object's programs to load here.
//
// - `name___flavour`: programs of one name are alternatives, in the order of the file; the first whose
//   hook this engine has is loaded, the others are not.
// - SEC("?..."): optional; loaded if its hook is here.
// - any other: needed.
#pragma once

#include "layer/engine/engine.h"

#include <bpf/libbpf.h>
#include <map>

// Sets autoload on every program. `missing` gets, for each program (or the last of its flavours) whose
// hook is not here, why.
void choose_programs(Engine &engine, bpf_object *object, std::map<const bpf_program *, Error> &missing);

// After the load, for an engine that checks programs: unloads those that it cannot attach (their descriptor is then
// negative), and of alternatives all but the first that it can. Error: one that is needed cannot be attached.
Result<void> choose_loaded(Engine &engine, bpf_object *object);

// Is the program's section marked optional?
bool is_optional(const bpf_program *program);
