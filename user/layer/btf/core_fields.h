// SPDX-License-Identifier: GPL-2.0-only
// What an object reads of kernel structs: its CO-RE relocations by name.
#pragma once

#include "layer/btf_view.h"

#include <string>
#include <vector>

struct CoreField {
	std::string type;	       // "task_struct", without its flavour
	std::vector<std::string> path; // the members from there on: {"fs", "umask"}; empty: the type itself
	bool optional;		       // the object asks somewhere whether there is such a thing
	// What the same program asks for first, with other types to go on with if there is none.
	std::vector<CoreField> asked_first;
};

// Source of the layout: the kernel's Documentation/bpf/btf.rst, .BTF.ext. `object`: the ELF file's bytes.
Result<std::vector<CoreField>> core_fields(std::span<const char> types, std::span<const char> extension);

// Has `types` the field, or can the program do without: it is optional, or of a type that stands in for one that is there?
bool finds(const BtfView &types, const CoreField &field);

// The bit at which `path` lies in struct or union `type`, anonymous members looked through; -1: no such thing.
long bit_offset(const BtfView &types, const std::string &type, const std::vector<std::string> &path);
