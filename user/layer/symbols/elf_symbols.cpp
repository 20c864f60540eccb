// SPDX-License-Identifier: GPL-2.0-only
#include "layer/symbols/elf_symbols.h"

#include <array>
#include <fcntl.h>
#include <zlib.h>

namespace
{

// The version names of a library's dynamic symbols (.gnu.version, .gnu.version_d).
class Versions
{
	Elf_Data *numbers_ = nullptr;
	std::vector<std::string> names_;

      public:
	explicit Versions(const ElfReader &file)
	{
		const ElfSection *numbers = file.section_of_type(SHT_GNU_versym);
		const ElfSection *definitions = file.section_of_type(SHT_GNU_verdef);
		if (!numbers || !definitions)
			return;
		numbers_ = file.data(*numbers);
		Elf_Data *data = file.data(*definitions);
		GElf_Verdef definition;
		GElf_Verdaux name;
		size_t at = 0;
		for (size_t i = 0; data && i < 4096 && gelf_getverdef(data, at, &definition); i++) {
			size_t index = definition.vd_ndx & 0x7fff;
			if (gelf_getverdaux(data, at + definition.vd_aux, &name)) {
				names_.resize(std::max(names_.size(), index + 1));
				names_[index] = file.string(definitions->header.sh_link, name.vda_name);
			}
			if (!definition.vd_next)
				break;
			at += definition.vd_next;
		}
	}
	// Its version; `hidden` where it is not the default one.
	std::string_view of(size_t symbol, bool &hidden) const
	{
		GElf_Versym number;
		if (!numbers_ || !gelf_getversym(numbers_, symbol, &number))
			return {};
		hidden = number & 0x8000;
		size_t index = number & 0x7fff;
		// 0: local, 1: global without a version
		return index > 1 && index < names_.size() ? std::string_view(names_[index]) : std::string_view();
	}
};

bool is_function(const GElf_Sym &symbol)
{
	int type = GELF_ST_TYPE(symbol.st_info);
	return (type == STT_FUNC || type == STT_GNU_IFUNC) && symbol.st_shndx != SHN_UNDEF && symbol.st_value;
}

bool has_checksum(const std::string &path, uint32_t wanted)
{
	UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
	std::array<unsigned char, 16384> buffer;
	uint32_t sum = 0;
	ssize_t got;
	while ((got = read(fd.get(), buffer.data(), buffer.size())) > 0)
		sum = crc32(sum, buffer.data(), got);
	return fd && !got && sum == wanted;
}

std::string find_by_build_id(const std::string &id, const std::string &root)
{
	if (id.size() < 4)
		return {};
	std::string path = root + "/usr/lib/debug/.build-id/" + id.substr(0, 2) + "/" + id.substr(2) + ".debug";
	return access(path.c_str(), R_OK) ? std::string() : path;
}

std::string find_by_link(const ElfReader &file, const std::string &id, const std::string &root)
{
	const ElfSection *section = file.section(".gnu_debuglink");
	std::string_view link = section ? file.bytes(*section) : "";
	size_t end = link.find('\0');
	if (link.empty() || end == std::string_view::npos || !end)
		return {};
	size_t sum_at = (end + 4) & ~size_t(3);
	uint32_t sum = 0;
	if (sum_at + sizeof(sum) > link.size() || link.substr(0, end).find('/') != std::string_view::npos)
		return {};
	memcpy(&sum, link.data() + sum_at, sizeof(sum));

	std::string name(link.substr(0, end));
	std::string folder = file.path().substr(0, file.path().rfind('/') + 1);
	std::string inside = folder.substr(folder.compare(0, root.size(), root) ? 0 : root.size());
	for (const std::string &path :
	     {folder + name, folder + ".debug/" + name, root + "/usr/lib/debug" + inside + name}) {
		if (path == file.path() || access(path.c_str(), R_OK))
			continue;
		Result<ElfReader> other = ElfReader::open(path);
		if (other && (id.empty() ? has_checksum(path, sum) : other->build_id() == id))
			return path;
	}
	return {};
}

} // namespace

size_t add_elf_symbols(const ElfReader &file, uint32_t table, SymbolTable &symbols)
{
	const ElfSection *section = file.section_of_type(table);
	Elf_Data *data = section ? file.data(*section) : nullptr;
	if (!data)
		return 0;
	Versions versions(file);
	size_t added = 0;
	GElf_Sym symbol;
	for (int i = 0; gelf_getsym(data, i, &symbol); i++) {
		if (!is_function(symbol))
			continue;
		std::string_view name = file.string(section->header.sh_link, symbol.st_name), version;
		bool hidden = false;
		size_t sign = name.find('@');
		if (table == SHT_DYNSYM) {
			version = versions.of(i, hidden);
		} else if (sign != std::string_view::npos) { // .symtab spells it out
			hidden = name.substr(sign, 2) != "@@";
			version = name.substr(sign + (hidden ? 1 : 2));
			name = name.substr(0, sign);
		}
		if (name.empty() || name[0] == '$') // "$x", "$d": where ARM's code and data start
			continue;
		uint8_t flags = (GELF_ST_BIND(symbol.st_info) == STB_LOCAL ? SymbolTable::local : 0) |
				(GELF_ST_TYPE(symbol.st_info) == STT_GNU_IFUNC ? SymbolTable::ifunc : 0) |
				(hidden ? SymbolTable::hidden_version : 0);
		// 32-bit ARM marks Thumb code in the lowest bit
		uint64_t address = file.machine() == EM_ARM ? symbol.st_value & ~uint64_t(1) : symbol.st_value;
		symbols.add(address, symbol.st_size, name, version, flags);
		added++;
	}
	return added;
}

std::string find_debug_file(const ElfReader &file, const std::string &root)
{
	std::string id = file.build_id();
	for (const std::string &place : {root, std::string()}) {
		std::string path = find_by_build_id(id, place);
		if (path.empty())
			path = find_by_link(file, id, place);
		if (!path.empty() || root.empty())
			return path;
	}
	return {};
}

std::optional<uint64_t> find_symbol_value(const ElfReader &file, std::string_view name)
{
	for (uint32_t type : {SHT_SYMTAB, SHT_DYNSYM}) {
		const ElfSection *section = file.section_of_type(type);
		Elf_Data *data = section ? file.data(*section) : nullptr;
		GElf_Sym symbol;
		for (int i = 0; data && gelf_getsym(data, i, &symbol); i++)
			if (symbol.st_shndx != SHN_UNDEF &&
			    name == file.string(section->header.sh_link, symbol.st_name))
				return symbol.st_value;
	}
	return {};
}
