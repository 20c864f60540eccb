// SPDX-License-Identifier: GPL-2.0-only
#include "layer/symbols/symbol_table.h"

#include <algorithm>
#include <cstring>

namespace
{
// how many symbols to look back at for one that holds an address: bounds what nested symbols can cost
constexpr size_t look_back_max = 64;
} // namespace

uint16_t SymbolTable::version_number(std::string_view version)
{
	for (size_t i = 0; i < versions_.size(); i++)
		if (versions_[i] == version)
			return i;
	if (versions_.size() >= 1024) // more than any library has; a damaged file must not cost time
		return 0;
	versions_.emplace_back(version);
	return versions_.size() - 1;
}

void SymbolTable::add(uint64_t address, uint64_t size, std::string_view name, std::string_view version, uint8_t flags)
{
	if (names_.size() + name.size() >= UINT32_MAX)
		return;
	symbols_.push_back({address, static_cast<uint32_t>(std::min<uint64_t>(size, UINT32_MAX)),
			    static_cast<uint32_t>(names_.size()), version_number(version), flags});
	names_.insert(names_.end(), name.begin(), name.end());
	names_.push_back('\0');
}

bool SymbolTable::is_better(const Symbol &a, const Symbol &b) const
{
	if (!a.size != !b.size)
		return a.size != 0;
	size_t a_underscores = strspn(name(a), "_"), b_underscores = strspn(name(b), "_");
	if (a_underscores != b_underscores)
		return a_underscores < b_underscores;
	if (a.flags != b.flags)
		return a.flags < b.flags;
	return a.name < b.name;
}

void SymbolTable::sort()
{
	std::sort(symbols_.begin(), symbols_.end(), [this](const Symbol &a, const Symbol &b) {
		return a.address != b.address ? a.address < b.address : is_better(a, b);
	});
	auto is_double = [this](const Symbol &a, const Symbol &b) {
		return a.address == b.address && (a.version == b.version || !b.version) && !strcmp(name(a), name(b));
	};
	symbols_.erase(std::unique(symbols_.begin(), symbols_.end(), is_double), symbols_.end());
	symbols_.shrink_to_fit();
	names_.shrink_to_fit();
}

const SymbolTable::Symbol *SymbolTable::find(uint64_t address) const
{
	auto after = std::upper_bound(symbols_.begin(), symbols_.end(), address,
				      [](uint64_t wanted, const Symbol &symbol) { return wanted < symbol.address; });
	size_t next = after - symbols_.begin();
	const Symbol *found = nullptr;
	for (size_t i = next, looked = 0; i-- > 0 && looked < look_back_max; looked++) {
		const Symbol &symbol = symbols_[i];
		if (found && symbol.address != found->address)
			break;
		// one without a size ends where the next begins, so only the nearest address can hold
		bool holds = symbol.size ? address - symbol.address < symbol.size
					 : symbol.address == symbols_[next - 1].address;
		if (holds && (!found || !found->size == !symbol.size || symbol.size))
			found = &symbol; // the first of its aliases is the best one
	}
	return found;
}
