// SPDX-License-Identifier: GPL-2.0-only
#include "layer/symbols/elf_reader.h"

#include <bit>
#include <fcntl.h>
#include <sys/stat.h>

namespace
{

constexpr size_t sections_max = 65536;
constexpr size_t segments_max = 4096;

Error elf_error(const std::string &what)
{
	const char *reason = elf_errmsg(-1);
	return {what + ": " + (reason ? reason : "unknown error"), 0};
}

bool is_inside(uint64_t offset, uint64_t size, uint64_t whole)
{
	return offset <= whole && size <= whole - offset;
}

} // namespace

Result<ElfReader> ElfReader::open(const std::string &path)
{
	// not blocking: a FIFO in the place of a program must not stop us
	UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
	if (!fd)
		return errno_error("elf: failed to open " + path);
	return open(std::move(fd), path);
}

Result<ElfReader> ElfReader::open(UniqueFd fd, const std::string &path)
{
	struct stat status;
	if (fstat(fd.get(), &status))
		return errno_error("elf: failed to look at " + path);
	if (!S_ISREG(status.st_mode))
		return Error{"elf: " + path + " is no regular file", EINVAL};
	char magic[SELFMAG] = {};
	if (pread(fd.get(), magic, sizeof(magic), 0) != sizeof(magic) || memcmp(magic, ELFMAG, SELFMAG))
		return Error{"elf: " + path + " is no ELF file (a script? name the interpreter's binary instead)",
			     ENOEXEC};
	elf_version(EV_CURRENT);
	ElfReader reader;
	reader.path_ = path;
	reader.fd_ = std::move(fd);
	// read, not mapped: a file that shrinks while we look at it must not end in SIGBUS
	reader.elf_.reset(elf_begin(reader.fd_.get(), ELF_C_READ, nullptr));
	if (!reader.elf_)
		return elf_error("elf: failed to read " + path);
	Result<void> headers = reader.read_headers(status.st_size);
	if (!headers)
		return headers.error();
	return reader;
}

Result<ElfReader> ElfReader::from_memory(char *data, size_t size, const std::string &name)
{
	elf_version(EV_CURRENT);
	ElfReader reader;
	reader.path_ = name;
	reader.elf_.reset(elf_memory(data, size));
	if (!reader.elf_)
		return elf_error("elf: failed to read " + name);
	Result<void> headers = reader.read_headers(size);
	if (!headers)
		return headers.error();
	return reader;
}

Result<void> ElfReader::read_headers(uint64_t file_size)
{
	if (elf_kind(elf_.get()) != ELF_K_ELF)
		return Error{"elf: " + path_ + " is truncated or damaged: its ELF header cannot be read", ENOEXEC};
	if (!gelf_getehdr(elf_.get(), &header_))
		return elf_error("elf: failed to read the header of " + path_);
	int native = std::endian::native == std::endian::little ? ELFDATA2LSB : ELFDATA2MSB;
	if (header_.e_ident[EI_DATA] != native)
		return Error{"elf: " + path_ + " is for a machine of the other byte order", ENOEXEC};

	size_t program_headers = 0, section_headers = 0, names = 0;
	elf_getphdrnum(elf_.get(), &program_headers);
	elf_getshdrnum(elf_.get(), &section_headers);
	elf_getshdrstrndx(elf_.get(), &names);
	if (!is_inside(header_.e_phoff, uint64_t(header_.e_phnum) * header_.e_phentsize, file_size) ||
	    !is_inside(header_.e_shoff, uint64_t(header_.e_shnum) * header_.e_shentsize, file_size))
		return Error{"elf: " + path_ + " is truncated: its headers lie beyond its " +
				     std::to_string(file_size) + " bytes",
			     ENOEXEC};
	for (size_t i = 0; i < std::min(program_headers, segments_max); i++) {
		GElf_Phdr phdr;
		if (gelf_getphdr(elf_.get(), i, &phdr) && phdr.p_type == PT_LOAD)
			segments_.push_back(
				{phdr.p_vaddr, phdr.p_memsz, phdr.p_offset, phdr.p_filesz, (phdr.p_flags & PF_X) != 0});
	}
	Elf_Scn *section = nullptr;
	while ((section = elf_nextscn(elf_.get(), section)) && sections_.size() < sections_max) {
		ElfSection entry;
		entry.section = section;
		if (!gelf_getshdr(section, &entry.header))
			continue;
		entry.name = string(names, entry.header.sh_name);
		sections_.push_back(entry);
	}
	return {};
}

const ElfSection *ElfReader::section(std::string_view name) const
{
	for (const ElfSection &section : sections_)
		if (section.name == name)
			return &section;
	return nullptr;
}

const ElfSection *ElfReader::section_of_type(uint32_t type) const
{
	for (const ElfSection &section : sections_)
		if (section.header.sh_type == type)
			return &section;
	return nullptr;
}

std::string_view ElfReader::bytes(const ElfSection &section) const
{
	Elf_Data *data = section.header.sh_type == SHT_NOBITS ? nullptr : elf_rawdata(section.section, nullptr);
	if (!data || !data->d_buf)
		return {};
	return {static_cast<const char *>(data->d_buf), data->d_size};
}

Elf_Data *ElfReader::data(const ElfSection &section) const
{
	Elf_Data *data = section.header.sh_type == SHT_NOBITS ? nullptr : elf_getdata(section.section, nullptr);
	return data && data->d_buf ? data : nullptr;
}

const char *ElfReader::string(size_t index, size_t offset) const
{
	const char *text = elf_strptr(elf_.get(), index, offset);
	return text ? text : "";
}

std::string ElfReader::build_id() const
{
	for (const ElfSection &section : sections_) {
		if (section.header.sh_type != SHT_NOTE)
			continue;
		Elf_Data *notes = data(section);
		GElf_Nhdr note;
		size_t at = 0, name = 0, desc = 0, next;
		for (; notes && (next = gelf_getnote(notes, at, &note, &name, &desc)) > 0; at = next) {
			const char *start = static_cast<const char *>(notes->d_buf);
			if (note.n_type != NT_GNU_BUILD_ID || note.n_namesz != 4 || memcmp(start + name, "GNU", 4))
				continue;
			std::string id;
			for (size_t i = 0; i < std::min<size_t>(note.n_descsz, 64); i++) {
				uint8_t byte = start[desc + i];
				id += "0123456789abcdef"[byte >> 4];
				id += "0123456789abcdef"[byte & 15];
			}
			return id;
		}
	}
	return {};
}

std::optional<uint64_t> file_offset_of(const std::vector<ElfSegment> &segments, uint64_t address)
{
	for (const ElfSegment &segment : segments)
		if (address - segment.address < segment.file_size && address >= segment.address)
			return address - segment.address + segment.offset;
	return {};
}

std::optional<uint64_t> address_of(const std::vector<ElfSegment> &segments, uint64_t file_offset)
{
	// segments may overlap by the page that two of them share: the executable one knows better
	const ElfSegment *best = nullptr;
	for (const ElfSegment &segment : segments)
		if (file_offset >= segment.offset && file_offset - segment.offset < segment.file_size &&
		    (!best || (segment.executable && !best->executable)))
			best = &segment;
	if (!best)
		return {};
	return file_offset - best->offset + best->address;
}
