// SPDX-License-Identifier: GPL-2.0-only
// The note's layout: https://sourceware.org/systemtap/wiki/UserSpaceProbeImplementation
#include "layer/symbols/usdt_probes.h"

#include <set>

#include "layer/symbols/elf_reader.h"
#include "layer/symbols/elf_symbols.h"
#include "layer/symbols/process_maps.h"

namespace
{

constexpr uint32_t note_type = 3;

// Reads a note's description: three addresses, three strings.
class Description
{
	std::string_view rest_;
	bool is_whole_ = true;

      public:
	explicit Description(std::string_view bytes) : rest_(bytes) {}
	uint64_t address(size_t size)
	{
		uint64_t value = 0;
		is_whole_ &= rest_.size() >= size;
		if (is_whole_) {
			memcpy(&value, rest_.data(), size);
			rest_.remove_prefix(size);
		}
		return value;
	}
	std::string text()
	{
		size_t end = rest_.find('\0');
		is_whole_ &= end != std::string_view::npos;
		if (!is_whole_)
			return {};
		std::string text(rest_.substr(0, end));
		rest_.remove_prefix(end + 1);
		return text;
	}
	bool is_whole() const { return is_whole_; }
};

Result<UsdtProbe> read_probe(const ElfReader &file, std::string_view bytes, size_t number)
{
	Description description(bytes);
	UsdtProbe probe;
	size_t size = file.is_64bit() ? 8 : 4;
	probe.path = file.path();
	probe.address = description.address(size);
	probe.base = description.address(size);
	probe.semaphore_address = description.address(size);
	probe.provider = description.text();
	probe.name = description.text();
	probe.arguments = description.text();
	if (!description.is_whole())
		return Error{"usdt: note " + std::to_string(number) + " of " + file.path() + " is damaged", EINVAL};

	// prelink moves code and corrects symbols, but not notes: the section's address tells by how much
	const ElfSection *base = file.section(".stapsdt.base");
	uint64_t moved = base && probe.base ? base->header.sh_addr - probe.base : 0;
	probe.address += moved;
	if (probe.semaphore_address)
		probe.semaphore_address += moved;
	auto offset = file_offset_of(file.segments(), probe.address);
	auto semaphore = file_offset_of(file.segments(), probe.semaphore_address);
	if (!offset || (probe.semaphore_address && !semaphore))
		return Error{"usdt: note " + std::to_string(number) + " of " + file.path() + " (" + probe.provider +
				     ":" + probe.name + ") is damaged: its address lies outside of the file",
			     EINVAL};
	probe.file_offset = *offset;
	if (probe.semaphore_address)
		probe.semaphore_offset = *semaphore;
	return probe;
}

Result<std::vector<UsdtProbe>> list_probes(const ElfReader &file)
{
	std::vector<UsdtProbe> probes;
	const ElfSection *section = file.section(".note.stapsdt");
	Elf_Data *notes = section ? file.data(*section) : nullptr;
	GElf_Nhdr note;
	size_t at = 0, name = 0, desc = 0, next, number = 0;
	for (; notes && (next = gelf_getnote(notes, at, &note, &name, &desc)) > 0; at = next) {
		const char *start = static_cast<const char *>(notes->d_buf);
		if (note.n_type != note_type || note.n_namesz != 8 || memcmp(start + name, "stapsdt", 8))
			continue;
		Result<UsdtProbe> probe = read_probe(file, {start + desc, note.n_descsz}, ++number);
		if (!probe)
			return probe.error();
		probes.push_back(std::move(*probe));
	}
	return probes;
}

} // namespace

Result<std::vector<UsdtProbe>> list_usdt_probes(const std::string &path)
{
	Result<ElfReader> file = ElfReader::open(path);
	if (!file)
		return file.error();
	return list_probes(*file);
}

Result<std::vector<UsdtProbe>> list_usdt_probes(int pid)
{
	Result<std::vector<ProcessMap>> maps = read_process_maps(pid);
	if (!maps)
		return maps.error();
	std::vector<UsdtProbe> all;
	std::set<std::string> seen;
	for (const ProcessMap &map : *maps) {
		if (!map.is_executable || map.path.empty() || map.path[0] != '/' || !seen.insert(map.path).second)
			continue;
		Result<std::vector<UsdtProbe>> probes = list_usdt_probes(process_path(pid, map.path));
		if (probes)
			all.insert(all.end(), probes->begin(), probes->end());
	}
	return all;
}

Result<std::vector<UsdtArgument>> parse_usdt_arguments(const UsdtProbe &probe)
{
	Result<ElfReader> file = ElfReader::open(probe.path);
	if (!file)
		return file.error();
	auto distance = [&](std::string_view name) -> std::optional<int64_t> {
		std::optional<uint64_t> value = find_symbol_value(*file, name);
		if (!value)
			return {};
		return static_cast<int64_t>(*value - probe.address);
	};
	auto arguments = parse_usdt_arguments(probe.arguments, file->machine(), distance);
	if (!arguments)
		return Error{"usdt: " + probe.provider + ":" + probe.name + arguments.error().message.substr(4),
			     arguments.error().code};
	return arguments;
}
