// SPDX-License-Identifier: GPL-2.0-only
// A BTF cut down to the types that the samples read, kept per kernel.
//
// Reading the kernel's whole BTF (5 MiB, 10,000 types) is most of what starting a sample costs. The first
// run as root leaves the few types that matter in /var/cache/anyprobe/, in a file whose name holds the
// kernel's identity (release, build id, size of its BTF) and this program's own build id.
#pragma once

#include "layer/btf_view.h"
#include "layer/result.h"

#include <bpf/btf.h>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct BtfFree {
	void operator()(btf *types) const { btf__free(types); }
};
using BtfPtr = std::unique_ptr<btf, BtfFree>;

// Where types for kernels that carry none are looked for, as RELEASE.btf; `anyprobe btf make` makes them.
inline constexpr const char *types_directories[] = {"/var/lib/anyprobe/btf", "/usr/lib/anyprobe/btf"};

// The types to read programs' fields by: the cut BTF where the kernel carries types, else the file for its release
// in types_directories; "" where libbpf is to look by itself.
std::string kernel_types_file();

// The path of the cut BTF, made now if need be; "" where there is none to be had: then libbpf reads
// the kernel's own.
std::string cached_btf();

// The structs, unions and enums of `kernel` that any of `objects` knows by name (flavours count as their
// plain name), with the members that these name. Pointers point to void, for CO-RE never follows them.
Result<BtfPtr> cut_btf(const BtfView &kernel, const std::vector<const btf *> &objects);

// The same for all samples of this program.
Result<BtfPtr> cut_for_all_samples(const BtfView &kernel);

// The GNU build id in a block of ELF notes, in hex; "" if there is none. Source: elf(5).
std::string build_id_of_notes(std::string_view notes);

// Of the files in `folder` whose name begins with `prefix`, only the `kept` newest stay.
void drop_old_files(const std::string &folder, const std::string &prefix, size_t kept);
