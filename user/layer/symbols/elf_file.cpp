// SPDX-License-Identifier: GPL-2.0-only
#include "layer/symbols/elf_file.h"

#include <algorithm>
#include <fnmatch.h>

#include "layer/symbols/demangle.h"
#include "layer/symbols/elf_symbols.h"
#include "layer/symbols/go_symbols.h"

namespace
{

using Symbol = SymbolTable::Symbol;

bool is_pattern(std::string_view text)
{
	return text.find_first_of("*?[") != std::string_view::npos;
}

// What the user typed, taken apart once for many comparisons.
class Wanted
{
	std::string pattern_, version_;
	std::string word_; // an identifier that a mangled name must contain to be worth demangling
	bool has_version_ = false, hidden_ = false;

	bool has_wanted_version(const SymbolTable &table, const Symbol &symbol) const
	{
		bool is_hidden = symbol.flags & SymbolTable::hidden_version;
		return !has_version_ || (table.version(symbol) == version_ && (hidden_ || !is_hidden));
	}

      public:
	explicit Wanted(std::string_view text) : pattern_(text)
	{
		size_t sign = text.find('@');
		if (sign != std::string_view::npos && sign) {
			has_version_ = true;
			hidden_ = text.substr(sign, 2) != "@@"; // one @ takes either
			version_ = text.substr(sign + (hidden_ ? 1 : 2));
			pattern_ = text.substr(0, sign);
		}
		std::string_view name = without_parameters(pattern_);
		auto is_word = [](char c) { return isalnum(static_cast<unsigned char>(c)) || c == '_'; };
		while (!name.empty() && !is_word(name.back()))
			name.remove_suffix(1);
		size_t start = name.size();
		while (start && is_word(name[start - 1]))
			start--;
		// cut pieces of words ("get*Name") are fine: they too are contained; operators are spelt otherwise
		word_ = name.substr(start);
		if (pattern_.find("operator") != std::string::npos || pattern_.find('[') != std::string::npos)
			word_.clear();
	}

	bool is_name(const SymbolTable &table, const Symbol &symbol) const
	{
		return pattern_ == table.name(symbol) && has_wanted_version(table, symbol);
	}
	bool is_readable_name(const SymbolTable &table, const Symbol &symbol) const
	{
		return is_readable(table, symbol, [this](const std::string &text) { return text == pattern_; });
	}
	bool is_match(const SymbolTable &table, const Symbol &symbol) const
	{
		auto is_like = [this](const std::string &text) { return !fnmatch(pattern_.c_str(), text.c_str(), 0); };
		return (is_like(table.name(symbol)) && has_wanted_version(table, symbol)) ||
		       is_readable(table, symbol, is_like);
	}

      private:
	template <class Test> bool is_readable(const SymbolTable &table, const Symbol &symbol, Test test) const
	{
		std::string_view name = table.name(symbol);
		if (name.size() < 3 || name[0] != '_' || (name[1] != 'Z' && name[1] != 'R') ||
		    name.find(word_) == std::string_view::npos)
			return false;
		std::string readable = demangle(name);
		return test(readable) || test(std::string(without_parameters(readable)));
	}
};

} // namespace

Result<ElfFile> ElfFile::open(const std::string &path, const std::string &root)
{
	Result<ElfReader> reader = ElfReader::open(path);
	if (!reader)
		return reader.error();
	return open(std::move(*reader), root);
}

Result<ElfFile> ElfFile::open(ElfReader reader, const std::string &root)
{
	ElfFile file;
	file.path_ = reader.path();
	file.root_ = root;
	file.segments_ = reader.segments();
	file.machine_ = reader.machine();
	file.is_64bit_ = reader.is_64bit();
	file.build_id_ = reader.build_id();
	file.is_go_ = is_go_file(reader);
	file.reader_ = std::make_unique<ElfReader>(std::move(reader));
	return file;
}

void ElfFile::load_symbols(const ElfReader &reader)
{
	size_t own = add_elf_symbols(reader, SHT_SYMTAB, symbols_);
	if (!own) {
		debug_path_ = find_debug_file(reader, root_);
		Result<ElfReader> debug = debug_path_.empty() ? Error{} : ElfReader::open(debug_path_);
		if (debug)
			own = add_elf_symbols(*debug, SHT_SYMTAB, symbols_);
	}
	add_elf_symbols(reader, SHT_DYNSYM, symbols_);
	if (!own && is_go_)
		add_go_symbols(reader, symbols_);
	symbols_.sort();
}

const SymbolTable &ElfFile::symbols()
{
	if (reader_) {
		load_symbols(*reader_);
		reader_.reset();
	}
	return symbols_;
}

ElfFunction ElfFile::describe(const Symbol &symbol) const
{
	ElfFunction function;
	function.name = symbols_.name(symbol);
	function.version = symbols_.version(symbol);
	function.address = symbol.address;
	function.file_offset = file_offset(symbol.address).value_or(0);
	function.size = symbol.size;
	function.is_go = is_go_;
	function.is_ifunc = symbol.flags & SymbolTable::ifunc;
	return function;
}

std::optional<ElfSymbol> ElfFile::find(uint64_t address)
{
	const Symbol *symbol = symbols().find(address);
	if (!symbol)
		return {};
	return ElfSymbol{symbols_.name(*symbol), address - symbol->address};
}

// The strictest way in which anything matches decides; symbols outside of the file's segments cannot be probed.
std::vector<const Symbol *> ElfFile::matches(std::string_view pattern)
{
	Wanted wanted(pattern);
	const SymbolTable &table = symbols();
	std::vector<const Symbol *> found;
	auto collect = [&](bool (Wanted::*is)(const SymbolTable &, const Symbol &) const) {
		for (const Symbol &symbol : table.symbols())
			if ((wanted.*is)(table, symbol) && file_offset(symbol.address))
				found.push_back(&symbol);
		return !found.empty();
	};
	if (!collect(&Wanted::is_name) && !collect(&Wanted::is_readable_name) && is_pattern(pattern))
		collect(&Wanted::is_match);
	return found;
}

std::vector<ElfFunction> ElfFile::functions(std::string_view pattern)
{
	std::vector<ElfFunction> functions;
	for (const Symbol *symbol : matches(pattern))
		if (functions.empty() || functions.back().address != symbol->address)
			functions.push_back(describe(*symbol));
	return functions;
}

Result<ElfFunction> ElfFile::function(std::string_view name)
{
	std::vector<const Symbol *> found = matches(name);
	// a name alone means what a program linked today would get
	auto is_default = [](const Symbol *symbol) { return !(symbol->flags & SymbolTable::hidden_version); };
	if (std::any_of(found.begin(), found.end(), is_default))
		std::erase_if(found, [&](const Symbol *symbol) { return !is_default(symbol); });
	auto is_global = [](const Symbol *symbol) { return !(symbol->flags & SymbolTable::local); };
	if (!is_pattern(name) && std::any_of(found.begin(), found.end(), is_global))
		std::erase_if(found, [&](const Symbol *symbol) { return !is_global(symbol); });
	auto is_alias = [](const Symbol *a, const Symbol *b) { return a->address == b->address; };
	found.erase(std::unique(found.begin(), found.end(), is_alias), found.end());

	if (found.size() == 1)
		return describe(*found[0]);
	if (found.empty())
		return Error{"elf: " + path_ + " has no function " + std::string(name) +
				     (symbols_.empty() ? ": it is stripped; install its debug symbols" : ""),
			     ENOENT};
	std::string names;
	for (size_t i = 0; i < std::min<size_t>(found.size(), 4); i++)
		names += (i ? ", " : "") + demangle(symbols_.name(*found[i]));
	return Error{"elf: " + std::string(name) + " is " + std::to_string(found.size()) + " functions of " + path_ +
			     " (" + names + (found.size() > 4 ? ", ..." : "") + "): name one of them",
		     EEXIST};
}
