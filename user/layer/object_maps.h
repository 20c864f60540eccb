// SPDX-License-Identifier: GPL-2.0-only
// The contents of a loaded object's maps, for `anyprobe run`.
#pragma once

#include "layer/output/output.h"
#include "layer/result.h"

#include <bpf/libbpf.h>

// Every map that has keys and values: a row per entry, decoded by the object's BTF, per CPU where it is
// so. Buffers, and maps of programs, sockets and the like are left out.
Result<void> dump_maps(bpf_object *object, Output &output);
