// SPDX-License-Identifier: GPL-2.0-only
// Bytes shown as the C type that BTF gives them.
#pragma once

#include "layer/output/output.h"

#include <bpf/btf.h>
#include <span>

// `data` as type `id` of `types`: text `pid=12 comm="bash"`, JSON an object with the members' names.
// Chars in an array are a string when they read as one; pointers are hex; bytes that are not there
// (`data` shorter than the type) are left out. Without a type (id 0): hex.
Cell btf_value(const btf *types, __u32 id, std::span<const unsigned char> data);

// "0a 00 ff", in JSON a string of the same digits without spaces.
Cell hex_value(std::span<const unsigned char> data);
