// SPDX-License-Identifier: GPL-2.0-only
// Functions by address, held compactly: one buffer with all names, one sorted array.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

class SymbolTable
{
      public:
	enum Flag : uint8_t {
		local = 1,	    // not visible to other files: loses against an alias that is
		ifunc = 2,	    // the address is that of the resolver that chooses the function
		hidden_version = 4, // an old version kept for old programs: foo@VERSION, not foo@@VERSION
	};
	struct Symbol {
		uint64_t address;
		uint32_t size;	  // 0: unknown, it reaches to the next symbol
		uint32_t name;	  // offset in the buffer
		uint16_t version; // index into the versions; 0: none
		uint8_t flags;
	};

	// A size above 4 GiB is cut; symbols beyond 4 GiB of names are dropped.
	void add(uint64_t address, uint64_t size, std::string_view name, std::string_view version = {},
		 uint8_t flags = 0);
	// To be called once after the last add(). Of several symbols at one address the one that people know by name
	// comes first: fewer leading underscores, then global, then the default version. Exact doubles are dropped.
	void sort();

	// The symbol whose range holds `address`; null where none does.
	const Symbol *find(uint64_t address) const;

	const std::vector<Symbol> &symbols() const { return symbols_; }
	const char *name(const Symbol &symbol) const { return &names_[symbol.name]; }
	// "GLIBC_2.2.5"; empty where it has none
	const std::string &version(const Symbol &symbol) const { return versions_[symbol.version]; }
	bool empty() const { return symbols_.empty(); }
	size_t memory() const { return names_.capacity() + symbols_.capacity() * sizeof(Symbol); }

      private:
	std::vector<Symbol> symbols_;
	std::vector<char> names_;
	std::vector<std::string> versions_{std::string()};

	uint16_t version_number(std::string_view version);
	bool is_better(const Symbol &a, const Symbol &b) const;
};
