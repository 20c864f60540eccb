// SPDX-License-Identifier: GPL-2.0-only
// An ELF file held open: its segments, and its sections' bytes. What they mean is others' business.
//
// Every number in the file is taken for hostile: what is handed out lies inside of the file.
#pragma once

#include <cstdint>
#include <gelf.h>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "layer/result.h"
#include "layer/unique_fd.h"

// A PT_LOAD segment, or any other range that the file and its image in memory share.
struct ElfSegment {
	uint64_t address = 0; // vaddr, as linked
	uint64_t memory_size = 0;
	uint64_t offset = 0; // in the file
	uint64_t file_size = 0;
	bool executable = false;
};

struct ElfSection {
	std::string_view name;
	GElf_Shdr header{};
	Elf_Scn *section = nullptr;
};

class ElfReader
{
	struct End {
		void operator()(Elf *elf) const { elf_end(elf); }
	};
	UniqueFd fd_;
	std::unique_ptr<Elf, End> elf_;
	std::string path_;
	GElf_Ehdr header_{};
	std::vector<ElfSegment> segments_;
	std::vector<ElfSection> sections_;

	Result<void> read_headers(uint64_t file_size);

      public:
	// Errors: cannot be opened, no regular file, no ELF, truncated (headers beyond the end), other byte order.
	static Result<ElfReader> open(const std::string &path);
	// `path` is read from `fd` (which the reader then owns); the name is for messages.
	static Result<ElfReader> open(UniqueFd fd, const std::string &path);
	// An image in memory, such as the vDSO; `data` must outlive the reader.
	static Result<ElfReader> from_memory(char *data, size_t size, const std::string &name);

	const std::string &path() const { return path_; }
	uint16_t machine() const { return header_.e_machine; } // EM_X86_64, ...
	bool is_64bit() const { return header_.e_ident[EI_CLASS] == ELFCLASS64; }
	const std::vector<ElfSegment> &segments() const { return segments_; }
	const std::vector<ElfSection> &sections() const { return sections_; }

	// The first section with this name; null where there is none.
	const ElfSection *section(std::string_view name) const;
	const ElfSection *section_of_type(uint32_t type) const;
	// A section's bytes as they are in the file; empty for .bss and its like, and where the file cannot be read.
	// They live as long as the reader.
	std::string_view bytes(const ElfSection &section) const;
	// The same as libelf's data, for gelf_getsym() and its like; null where there is none.
	Elf_Data *data(const ElfSection &section) const;
	// The NUL-terminated string at `offset` of string table section number `index`; "" where it has none.
	const char *string(size_t index, size_t offset) const;

	std::string build_id() const; // lower-case hex; empty where the file has none
};

// file offset of `address`, or the reverse, by the segments; none where no segment's file part holds it
std::optional<uint64_t> file_offset_of(const std::vector<ElfSegment> &segments, uint64_t address);
std::optional<uint64_t> address_of(const std::vector<ElfSegment> &segments, uint64_t file_offset);
