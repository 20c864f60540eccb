// SPDX-License-Identifier: GPL-2.0-only
// The table's layout: Go's src/debug/gosym/pclntab.go and src/cmd/link/internal/ld/pcln.go.
#include "layer/symbols/go_symbols.h"

#include <cstring>

namespace
{

enum class Version { go12, go116, go118 };

struct Magic {
	uint32_t value;
	Version version;
};

constexpr Magic magics[] = {
	{0xfffffffb, Version::go12},
	{0xfffffffa, Version::go116},
	{0xfffffff0, Version::go118},
	{0xfffffff1, Version::go118}, // Go 1.20; what it changed is not what is read here
};

class Table
{
	std::string_view bytes_;
	Version version_ = Version::go12;
	size_t pointer_ = 8;
	uint64_t count_ = 0;
	uint64_t text_start_ = 0;
	uint64_t names_ = 0;	 // offset of the names
	uint64_t functions_ = 0; // offset of the pairs (pc, offset of the function's record)
	bool is_valid_ = false;

	bool holds(uint64_t at, uint64_t size) const { return at <= bytes_.size() && size <= bytes_.size() - at; }
	uint64_t number(uint64_t at, size_t size) const
	{
		uint64_t value = 0;
		if (holds(at, size))
			memcpy(&value, bytes_.data() + at, size);
		return value;
	}
	// header field `index`, counted from behind the eight bytes that all versions share
	uint64_t field(size_t index) const { return number(8 + index * pointer_, pointer_); }
	// since 1.18 the pairs hold 32-bit offsets from the start of the text
	size_t entry_size() const { return version_ == Version::go118 ? 4 : pointer_; }

      public:
	Table(std::string_view bytes, uint64_t text_start) : bytes_(bytes)
	{
		uint32_t magic = number(0, 4);
		for (const Magic &known : magics) {
			if (known.value != magic)
				continue;
			version_ = known.version;
			is_valid_ = true;
		}
		pointer_ = number(7, 1);
		is_valid_ &= pointer_ == 4 || pointer_ == 8;
		if (!is_valid_)
			return;
		count_ = field(0);
		switch (version_) {
		case Version::go12:
			functions_ = 8 + pointer_;
			break;
		case Version::go116:
			names_ = field(2);
			functions_ = field(6);
			break;
		case Version::go118:
			text_start_ = field(2) ? field(2) : text_start;
			names_ = field(3);
			functions_ = field(7);
			break;
		}
		is_valid_ = functions_ <= bytes.size() && names_ <= bytes.size() &&
			    count_ <= (bytes.size() - functions_) / (2 * entry_size());
	}

	size_t count() const { return is_valid_ ? count_ : 0; }

	uint64_t address(size_t index) const
	{
		return text_start_ + number(functions_ + 2 * index * entry_size(), entry_size());
	}

	// Its name; empty where the table is damaged.
	std::string_view name(size_t index) const
	{
		uint64_t record = number(functions_ + (2 * index + 1) * entry_size(), entry_size());
		// 1.2 counts records from the table's start, later versions from that of the pairs
		if (version_ != Version::go12)
			record += functions_;
		// a record starts with the entry's address, of the size of a pair's half, then the name's offset
		if (record > bytes_.size() || !holds(record + entry_size(), 4))
			return {};
		uint64_t at = names_ + static_cast<uint32_t>(number(record + entry_size(), 4));
		if (at >= bytes_.size())
			return {};
		std::string_view rest = bytes_.substr(at, 4096);
		size_t end = rest.find('\0');
		return end == std::string_view::npos ? std::string_view() : rest.substr(0, end);
	}
};

const ElfSection *find_table(const ElfReader &file)
{
	for (const char *name : {".gopclntab", ".data.rel.ro.gopclntab"})
		if (const ElfSection *section = file.section(name))
			return section;
	return nullptr;
}

// In a position-independent program the start of the text is written by the dynamic linker; where to, and what, a
// relocation tells. Without one it is .text, as where only Go's own linker was at work.
uint64_t find_text_start(const ElfReader &file, const ElfSection &table)
{
	uint64_t field = table.header.sh_addr + 8 + 2 * 8;
	for (const ElfSection &section : file.sections()) {
		if (section.header.sh_type != SHT_RELA)
			continue;
		Elf_Data *data = file.data(section);
		GElf_Rela rela;
		for (int i = 0; data && gelf_getrela(data, i, &rela); i++)
			if (rela.r_offset == field)
				return rela.r_addend;
	}
	const ElfSection *text = file.section(".text");
	return text ? text->header.sh_addr : 0;
}

} // namespace

bool is_go_file(const ElfReader &file)
{
	return find_table(file) || file.section(".go.buildinfo") || file.section(".note.go.buildid");
}

size_t add_go_symbols(const ElfReader &file, SymbolTable &symbols)
{
	const ElfSection *section = find_table(file);
	if (!section)
		return 0;
	std::string_view bytes = file.bytes(*section);
	return bytes.empty() ? 0 : add_go_symbols(bytes, find_text_start(file, *section), symbols);
}

size_t add_go_symbols(std::string_view bytes, uint64_t text_start, SymbolTable &symbols)
{
	Table table(bytes, text_start);
	size_t added = 0;
	for (size_t i = 0; i < table.count(); i++) {
		std::string_view name = table.name(i);
		uint64_t address = table.address(i), end = table.address(i + 1); // behind the last stands the end
		if (name.empty())
			continue;
		symbols.add(address, end > address ? end - address : 0, name);
		added++;
	}
	return added;
}
