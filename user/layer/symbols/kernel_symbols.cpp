// SPDX-License-Identifier: GPL-2.0-only
#include "layer/symbols/kernel_symbols.h"

#include <algorithm>
#include <fcntl.h>
#include <fnmatch.h>
#include <numeric>

#include "layer/symbols/text_file.h"

namespace
{

constexpr uint64_t symbol_size_max = 1 << 20;
constexpr size_t record_header = 3; // type letter and module number

bool is_text(char type)
{
	// weak functions count; capital or not says global or local
	return type == 't' || type == 'T' || type == 'w' || type == 'W';
}

bool starts_with(std::string_view text, std::string_view start)
{
	return text.substr(0, start.size()) == start;
}

// What kallsyms calls text but nobody can call: cold halves, patchable and CFI prefixes, ftrace's placeholders.
bool is_piece(std::string_view name)
{
	return name.find(".cold") != std::string_view::npos || starts_with(name, "__pfx_") ||
	       starts_with(name, "__cfi_") || starts_with(name, "__ftrace_invalid_address__");
}

// Lines of "name", or "name [module]", sorted, for look-ups.
class NameList
{
	std::vector<std::string> names_;

      public:
	static Result<NameList> load(const std::string &path)
	{
		NameList list;
		Result<void> read = for_each_line(path, "symbols", [&](std::string_view line) {
			list.names_.emplace_back(line.substr(0, line.find_first_of(" \t")));
		});
		if (!read)
			return read.error();
		std::sort(list.names_.begin(), list.names_.end());
		return list;
	}
	bool has(const std::string &name) const { return std::binary_search(names_.begin(), names_.end(), name); }
};

// kprobes/blacklist: "0xffffffff81001000-0xffffffff81001040\tname"; the addresses are zeros where they are hidden.
class Blacklist
{
	struct Range {
		uint64_t start, end;
		std::string name;
	};
	std::vector<Range> ranges_;

      public:
	static Result<Blacklist> load(const std::string &path)
	{
		Blacklist list;
		Result<void> read = for_each_line(path, "symbols", [&](std::string_view line) {
			Range range{};
			std::string_view rest = line;
			range.start = take_hex(rest);
			if (!rest.empty())
				rest.remove_prefix(1);
			range.end = take_hex(rest);
			rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
			range.name = rest.substr(0, rest.find_first_of(" \t"));
			list.ranges_.push_back(std::move(range));
		});
		if (!read)
			return read.error();
		return list;
	}
	bool has(const KernelSymbol &symbol) const
	{
		for (const Range &range : ranges_) {
			if (range.end ? symbol.address >= range.start && symbol.address < range.end
				      : symbol.name == range.name)
				return true;
		}
		return false;
	}
};

} // namespace

std::string_view KernelSymbols::name(const Entry &entry) const
{
	return &records_[entry.record + record_header];
}

const std::string &KernelSymbols::module(const Entry &entry) const
{
	uint8_t low = records_[entry.record + 1], high = records_[entry.record + 2];
	return modules_[low | high << 8];
}

uint64_t KernelSymbols::address(size_t index) const
{
	auto after = std::upper_bound(pages_.begin(), pages_.end(), index,
				      [](size_t i, const Page &page) { return i < page.first; });
	return static_cast<uint64_t>(std::prev(after)->high) << 32 | entries_[index].low;
}

uint16_t KernelSymbols::module_number(std::string_view name)
{
	// a module's symbols stand together, so the newest is nearly always the right one
	for (size_t i = modules_.size(); i-- > 0;)
		if (modules_[i] == name)
			return i;
	if (modules_.size() > UINT16_MAX)
		return 0;
	modules_.emplace_back(name);
	return modules_.size() - 1;
}

// "ffffffff81000000 T _stext" or "ffffffffc0000000 t name\t[module]". False: no such line.
bool KernelSymbols::add(std::string_view line, std::vector<uint64_t> &addresses)
{
	uint64_t address = take_hex(line);
	if (line.size() < 4 || line[0] != ' ' || line[2] != ' ')
		return false;
	char type = line[1];
	line.remove_prefix(3);
	size_t end = line.find_first_of(" \t");
	std::string_view name = line.substr(0, end), module;
	if (end != std::string_view::npos) {
		size_t open = line.find('[', end), close = line.rfind(']');
		if (open != std::string_view::npos && close != std::string_view::npos && close > open)
			module = line.substr(open + 1, close - open - 1);
	}
	if (name.empty() || records_.size() > UINT32_MAX - line.size() - record_header)
		return false;
	uint16_t number = module_number(module);
	entries_.push_back({static_cast<uint32_t>(address), static_cast<uint32_t>(records_.size())});
	addresses.push_back(address);
	records_.insert(records_.end(), {type, static_cast<char>(number & 0xff), static_cast<char>(number >> 8)});
	records_.insert(records_.end(), name.begin(), name.end());
	records_.push_back('\0');
	return true;
}

void KernelSymbols::sort(std::vector<uint64_t> addresses)
{
	if (!std::is_sorted(addresses.begin(), addresses.end())) {
		std::vector<uint32_t> order(addresses.size());
		std::iota(order.begin(), order.end(), 0);
		std::stable_sort(order.begin(), order.end(),
				 [&](uint32_t a, uint32_t b) { return addresses[a] < addresses[b]; });
		std::vector<Entry> sorted;
		sorted.reserve(order.size());
		for (uint32_t i : order)
			sorted.push_back(entries_[i]);
		entries_ = std::move(sorted);
		std::sort(addresses.begin(), addresses.end());
	}
	for (size_t i = 0; i < addresses.size(); i++)
		if (pages_.empty() || pages_.back().high != addresses[i] >> 32)
			pages_.push_back({static_cast<uint32_t>(addresses[i] >> 32), static_cast<uint32_t>(i)});
	// not shrunk: the spare room was never touched, so it is no memory yet; a copy would be
}

Result<KernelSymbols> KernelSymbols::load(const std::string &path)
{
	KernelSymbols symbols;
	symbols.modules_.emplace_back();
	std::vector<uint64_t> addresses;
	bool any_address = false;
	Result<void> read = for_each_line(path, "symbols", [&](std::string_view line) {
		if (symbols.add(line, addresses))
			any_address |= addresses.back() != 0;
	});
	if (!read)
		return read.error();
	if (addresses.empty())
		return Error{"symbols: " + path + " holds no symbols; a kernel has them with CONFIG_KALLSYMS=y", 0};
	if (!any_address)
		return Error{"symbols: " + path + " shows all addresses as 0; run as root, or allow it with " +
				     "`sysctl kernel.kptr_restrict=0`",
			     EPERM};
	symbols.sort(std::move(addresses));
	return symbols;
}

std::optional<KernelSymbol> KernelSymbols::find(uint64_t wanted) const
{
	size_t low = 0, high = entries_.size(); // the first entry behind `wanted`
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (address(middle) <= wanted)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low)
		return {};
	uint64_t start = address(low - 1);
	// low addresses are offsets into per-CPU areas on x86, and 0 is no address
	if (wanted - start >= symbol_size_max || !(start >> 32))
		return {};
	size_t index = low - 1;
	while (index && address(index - 1) == start)
		index--;
	const Entry &entry = entries_[index];
	return KernelSymbol{std::string(name(entry)), module(entry), start, wanted - start};
}

std::optional<uint64_t> KernelSymbols::address_of(std::string_view wanted) const
{
	for (size_t i = 0; i < entries_.size(); i++)
		if (name(entries_[i]) == wanted)
			return address(i);
	return {};
}

void KernelSymbols::add_matches(size_t index, std::string_view wanted, std::vector<KernelSymbol> &found) const
{
	const Entry &entry = entries_[index];
	std::string_view own = name(entry);
	std::string pattern(wanted);
	if (is_text(type(entry)) && !is_piece(own) && !fnmatch(pattern.c_str(), own.data(), 0))
		found.push_back({std::string(own), module(entry), address(index), 0});
}

Result<std::vector<KernelSymbol>> KernelSymbols::functions(std::string_view pattern, const FunctionFilter &filter) const
{
	std::string_view wanted_module;
	size_t colon = pattern.find(':');
	if (colon != std::string_view::npos) {
		wanted_module = pattern.substr(0, colon);
		pattern.remove_prefix(colon + 1);
	}
	std::vector<KernelSymbol> found;
	for (size_t i = 0; i < entries_.size(); i++) {
		const std::string &own = module(entries_[i]);
		if (wanted_module.empty() || wanted_module == (own.empty() ? "vmlinux" : own))
			add_matches(i, pattern, found);
	}
	if (found.empty())
		return found;

	if (!filter.traceable.empty()) {
		Result<NameList> list = NameList::load(filter.traceable);
		if (!list)
			return list.error();
		std::erase_if(found, [&](const KernelSymbol &symbol) { return !list->has(symbol.name); });
	}
	if (!filter.blacklist.empty()) {
		Result<Blacklist> list = Blacklist::load(filter.blacklist);
		if (!list)
			return list.error();
		std::erase_if(found, [&](const KernelSymbol &symbol) { return list->has(symbol); });
	}
	return found;
}

size_t KernelSymbols::memory() const
{
	return records_.size() + entries_.size() * sizeof(Entry) + pages_.size() * sizeof(Page);
}
