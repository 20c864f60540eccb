// SPDX-License-Identifier: GPL-2.0-only
#include "suite.h"

#include "layer/symbols/go_symbols.h"

namespace
{

void add(std::string &to, uint64_t number, size_t size)
{
	to.append(reinterpret_cast<char *>(&number), size);
}

// What Go's linker would write for main.main at 0x1000 and main.(*T).Do at 0x1040, ending at 0x1100.
std::string make_table(uint32_t magic, size_t pointer)
{
	bool is_118 = magic == 0xfffffff0 || magic == 0xfffffff1, is_12 = magic == 0xfffffffb;
	size_t fields = is_118 ? 8 : is_12 ? 1 : 7, half = is_118 ? 4 : pointer;
	uint64_t text = is_118 ? 0x1000 : 0;
	std::string names("main.main\0main.(*T).Do\0", 23);
	size_t names_at = is_12 ? 0 : 8 + fields * pointer,
	       pairs_at = 8 + fields * pointer + (is_12 ? 0 : names.size());
	size_t records_at = 5 * half + (is_12 ? pairs_at : 0); // 1.2 counts from the table's start
	size_t record_size = half + 4, first_name = is_12 ? records_at + 2 * record_size : 0;

	std::string table;
	add(table, magic, 4);
	add(table, 0, 2);
	add(table, 1, 1);
	add(table, pointer, 1);
	add(table, 2, pointer);
	if (!is_12) {
		add(table, 1, pointer);
		if (is_118)
			add(table, text, pointer);
		for (size_t at : {names_at, size_t(0), size_t(0), size_t(0), pairs_at})
			add(table, at, pointer);
		table += names;
	}
	uint64_t starts[] = {0x1000, 0x1040};
	for (size_t i = 0; i < 2; i++) {
		add(table, starts[i] - text, half);
		add(table, records_at + i * record_size, half);
	}
	add(table, 0x1100 - text, half);
	for (size_t i = 0; i < 2; i++) {
		add(table, starts[i] - text, half);
		add(table, first_name + i * 10, 4);
	}
	return is_12 ? table + names : table;
}

constexpr uint32_t magics[] = {0xfffffffb, 0xfffffffa, 0xfffffff0, 0xfffffff1};

void reads_all_versions()
{
	for (uint32_t magic : magics) {
		for (size_t pointer : {4, 8}) {
			SymbolTable symbols;
			CHECK_EQUAL(add_go_symbols(make_table(magic, pointer), 0, symbols), 2);
			symbols.sort();
			CHECK_EQUAL(symbols.symbols().size(), 2);
			const SymbolTable::Symbol *symbol = symbols.find(0x10ff);
			CHECK(symbol && symbol->address == 0x1040 && symbol->size == 0xc0);
			CHECK_EQUAL(symbols.name(*symbol), "main.(*T).Do");
			CHECK_EQUAL(symbols.name(*symbols.find(0x1000)), "main.main");
			CHECK(!symbols.find(0x1100) && !symbols.find(0xfff));
		}
	}
}

void takes_a_text_start()
{
	std::string table = make_table(0xfffffff1, 8);
	table.replace(8 + 2 * 8, 8, std::string(8, '\0')); // as a position-independent program has it
	SymbolTable symbols;
	CHECK_EQUAL(add_go_symbols(table, 0x500000, symbols), 2);
	symbols.sort();
	CHECK_EQUAL(symbols.name(*symbols.find(0x500041)), "main.(*T).Do");
}

void survives_damage()
{
	for (uint32_t magic : magics) {
		std::string table = make_table(magic, 8);
		for (size_t size = 0; size < table.size(); size++) {
			SymbolTable symbols;
			add_go_symbols(table.substr(0, size), 0, symbols);
			for (char byte : {'\xff', '\x7f', '\0', '\x80'}) {
				std::string damaged = table;
				damaged[size] = byte;
				add_go_symbols(damaged, 0, symbols);
			}
			symbols.sort();
			symbols.find(0x1041);
		}
	}
	SymbolTable symbols;
	CHECK_EQUAL(add_go_symbols(std::string(100, 'x'), 0, symbols), 0);
}

const Suite suite{"go symbols",
		  {{"tables of Go 1.2, 1.16, 1.18 and 1.20 are read", reads_all_versions},
		   {"the start of the text can come from outside", takes_a_text_start},
		   {"damaged tables do no harm", survives_damage}}};

} // namespace
