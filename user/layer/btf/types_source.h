// SPDX-License-Identifier: GPL-2.0-only
// BTF out of whatever file holds it.
#pragma once

#include "layer/result.h"

#include <string>

// The BTF in `path`: a BTF file; an ELF file with a .BTF section (vmlinux, a debug file); a bzImage, whose vmlinux
// is unpacked (by gzip, xz, zstd, lz4, bzip2, lzop or lzma of this machine); a Debian or RPM package that holds one of
// these (by dpkg-deb and tar, by rpm2cpio and cpio). Errors: it cannot be read, is none of these, or holds no BTF.
Result<std::string> read_types(const std::string &path);
