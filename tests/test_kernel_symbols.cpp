// SPDX-License-Identifier: GPL-2.0-only
#include "suite.h"

#include <unistd.h>

#include "layer/symbols/kernel_symbols.h"
#include "memory_file.h"

namespace
{

constexpr const char *recorded = "0000000000000000 A fixed_percpu_data\n"
				 "0000000000001000 A cpu_debug_store\n"
				 "ffffffff81000000 T startup_64\n"
				 "ffffffff81000000 T _stext\n"
				 "ffffffff81000100 T vfs_read\n"
				 "ffffffff81000200 t vfs_read.cold\n"
				 "ffffffff81000300 W vfs_write\n"
				 "ffffffff81000400 T __pfx_vfs_open\n"
				 "ffffffff81000410 T vfs_open\n"
				 "ffffffff81000500 t helper\n"
				 "ffffffff82000000 D vfs_data\n"
				 "ffffffffc0001000 t helper\t[ext4]\n"
				 "ffffffffc0000000 t ext4_read\t[ext4]\n"
				 "ffffffffc0100000 t xfs_read\t[xfs]\n"
				 "fffffffec0100000 t low_read\t[low]\n";

KernelSymbols load_recorded()
{
	Result<KernelSymbols> symbols = KernelSymbols::load(MemoryFile(recorded).path());
	CHECK(symbols);
	return symbols ? std::move(*symbols) : KernelSymbols();
}

void finds_holder()
{
	KernelSymbols symbols = load_recorded();
	auto symbol = symbols.find(0xffffffff81000123);
	CHECK(symbol && symbol->name == "vfs_read" && symbol->offset == 0x23 && symbol->address == 0xffffffff81000100);
	symbol = symbols.find(0xffffffffc0001004);
	CHECK(symbol && symbol->name == "helper" && symbol->module == "ext4" && symbol->offset == 4);
	symbol = symbols.find(0xfffffffec0100001);
	CHECK(symbol && symbol->name == "low_read" && symbol->module == "low");
}

void takes_first_alias()
{
	auto symbol = load_recorded().find(0xffffffff81000001);
	CHECK(symbol && symbol->name == "startup_64");
}

void finds_nothing_outside()
{
	KernelSymbols symbols = load_recorded();
	CHECK(!symbols.find(0));
	CHECK(!symbols.find(0x1004)); // a per-CPU offset is no address
	CHECK(!symbols.find(0xffffffff00000000));
	CHECK(!symbols.find(0xffffffffc0300000));
	CHECK(!symbols.find(UINT64_MAX));
}

void knows_addresses()
{
	KernelSymbols symbols = load_recorded();
	CHECK(symbols.address_of("vfs_data") == 0xffffffff82000000);
	CHECK(symbols.address_of("xfs_read") == 0xffffffffc0100000);
	CHECK(!symbols.address_of("vfs_rea"));
	CHECK(symbols.size() == 15);
}

void matches_patterns()
{
	KernelSymbols symbols = load_recorded();
	auto functions = symbols.functions("vfs_*");
	CHECK(functions && functions->size() == 3);
	CHECK((*functions)[0].name == "vfs_read" && (*functions)[2].name == "vfs_open");
	CHECK(symbols.functions("helper")->size() == 2);
	CHECK(symbols.functions("ext4:*")->size() == 2);
	functions = symbols.functions("vmlinux:helper");
	CHECK(functions->size() == 1 && (*functions)[0].module.empty());
	CHECK(symbols.functions("nothing*")->empty());
}

void filters_functions()
{
	KernelSymbols symbols = load_recorded();
	MemoryFile traceable("vfs_read\nhelper [ext4]\nvfs_write\nxfs_read [xfs]\n");
	MemoryFile blacklist("0xffffffff81000300-0xffffffff81000310\tvfs_write\n"
			     "0x0000000000000000-0x0000000000000000\txfs_read\n");
	auto functions = symbols.functions("*", {traceable.path(), blacklist.path()});
	CHECK(functions && functions->size() == 3);
	CHECK(symbols.functions("vfs_write", {traceable.path(), ""})->size() == 1);
	CHECK(symbols.functions("vfs_write", {"", blacklist.path()})->empty());
	CHECK(!symbols.functions("vfs_write", {"/nonexistent", ""}));
}

void explains_hidden_addresses()
{
	auto symbols = KernelSymbols::load(MemoryFile("0000000000000000 T _text\n0000000000000000 t x\n").path());
	CHECK(!symbols && symbols.error().message.find("kptr_restrict") != std::string::npos);
	symbols = KernelSymbols::load(MemoryFile("").path());
	CHECK(!symbols && symbols.error().message.find("CONFIG_KALLSYMS") != std::string::npos);
	symbols = KernelSymbols::load("/nonexistent");
	CHECK(!symbols && symbols.error().code == ENOENT);
}

void survives_odd_lines()
{
	std::string text = "\n \nffff\nffffffff81000000\nffffffff81000000 T\nffffffff81000000 T \n"
			   "zzz T x\nffffffff81000010 t odd [\nffffffff81000020 t last";
	text += "\nffffffff81000030 t " + std::string(200000, 'a') + "\nffffffff81000040 t end\n";
	auto symbols = KernelSymbols::load(MemoryFile(text).path());
	CHECK(symbols);
	CHECK(symbols->address_of("odd") == 0xffffffff81000010 && symbols->address_of("last") == 0xffffffff81000020);
	CHECK(symbols->address_of("end") == 0xffffffff81000040);
}

void stays_small()
{
	Result<KernelSymbols> symbols = KernelSymbols::load();
	if (!symbols) { // hidden from those who are not root
		CHECK(symbols.error().message.find("symbols: ") == 0);
		return;
	}
	CHECK(symbols->size() > 10000);
	CHECK(symbols->memory() < symbols->size() * 48);
	auto address = symbols->address_of("vfs_read");
	CHECK(address && symbols->find(*address + 1)->name == "vfs_read");
}

const Suite suite{"kernel symbols",
		  {{"the symbol that holds an address is found", finds_holder},
		   {"of several names the kernel's own choice is taken", takes_first_alias},
		   {"addresses outside of every symbol have none", finds_nothing_outside},
		   {"names have addresses", knows_addresses},
		   {"patterns select functions, by module too", matches_patterns},
		   {"functions that cannot be probed are left out", filters_functions},
		   {"hidden addresses are explained", explains_hidden_addresses},
		   {"odd lines are skipped", survives_odd_lines},
		   {"the running kernel's symbols take 48 bytes each at most", stays_small}}};

} // namespace
