// SPDX-License-Identifier: GPL-2.0-only
#include "suite.h"

#include <elf.h>

#include "layer/symbols/usdt_probes.h"
#include "memory_file.h"

RECORDED(probes_program, "tests/data/symbols/probes")

namespace
{

using Kind = UsdtArgument::Kind;

// struct pt_regs, x86-64
constexpr int rbp = 32, rax = 80, rdx = 96, rsi = 104, rdi = 112, rip = 128;

UsdtArgument parse_one(std::string_view text, uint16_t machine = EM_X86_64)
{
	auto arguments = parse_usdt_arguments(text, machine, [](std::string_view name) -> std::optional<int64_t> {
		if (name == "counter")
			return 0x1000;
		return {};
	});
	CHECK(arguments && arguments->size() == 1);
	return arguments && arguments->size() == 1 ? (*arguments)[0] : UsdtArgument();
}

void lists_probes()
{
	MemoryFile memory(probes_program());
	auto probes = list_usdt_probes(memory.path());
	CHECK(probes && probes->size() == 3);
	if (!probes || probes->size() != 3)
		return;
	const UsdtProbe &sold = (*probes)[0], &opened = (*probes)[2];
	CHECK(sold.provider == "shop" && sold.name == "sold" && sold.address == 0x40015e && sold.file_offset == 0x15e);
	CHECK(sold.semaphore_address == 0x401196 && sold.semaphore_offset == 0x196 && sold.base == 0x400193);
	CHECK_EQUAL(sold.arguments, "-8@(%rdi) -4@%esi 1@%dl -1@%cl -4@(%rax,%r8,4)");
	CHECK((*probes)[1].name == "sold" && opened.name == "opened" && opened.arguments.empty());
	auto arguments = parse_usdt_arguments(sold);
	CHECK(arguments && arguments->size() == 5);
	CHECK(parse_usdt_arguments(opened)->empty());
}

void corrects_prelink()
{
	std::string moved(probes_program());
	uint64_t base = 0x400193, linked = 0x400100; // the notes say 0x400100, the section stands at 0x400193
	for (size_t at = moved.find(std::string(reinterpret_cast<char *>(&base), 8)); at != std::string::npos;
	     at = moved.find(std::string(reinterpret_cast<char *>(&base), 8), at + 1))
		if (moved.compare(at + 8, 1, "\x96") == 0) // in the first two notes the semaphore follows
			moved.replace(at, 8, std::string(reinterpret_cast<char *>(&linked), 8));
	uint64_t address = 0x40015e, unmoved = address - 0x93;
	moved.replace(moved.find(std::string(reinterpret_cast<char *>(&address), 8)), 8,
		      std::string(reinterpret_cast<char *>(&unmoved), 8));
	uint64_t semaphore = 0x401196;
	size_t at = moved.find(std::string(reinterpret_cast<char *>(&semaphore), 8));
	semaphore -= 0x93;
	moved.replace(at, 8, std::string(reinterpret_cast<char *>(&semaphore), 8));
	auto probes = list_usdt_probes(MemoryFile(moved).path());
	CHECK(!probes); // the second note is wrong by the same distance, and is named
	CHECK(probes.error().message.find("note 2") != std::string::npos);
	CHECK(probes.error().message.find("shop:sold") != std::string::npos);
}

void finds_none_without_notes()
{
	auto probes = list_usdt_probes("/nonexistent");
	CHECK(!probes);
	probes = list_usdt_probes(getpid());
	CHECK(probes);
	CHECK(list_usdt_probes(0x3ffffff).error().code == ESRCH);
}

void parses_x86_operands()
{
	UsdtArgument argument = parse_one("-4@$-12");
	CHECK(argument.kind == Kind::constant && argument.value == -12 && argument.size == 4 && argument.is_signed);
	argument = parse_one("8@%rax");
	CHECK(argument.kind == Kind::reg && argument.base == rax && argument.size == 8 && !argument.is_signed);
	argument = parse_one("1@%dh");
	CHECK(argument.kind == Kind::reg && argument.base == rdx && argument.shift == 8);
	argument = parse_one("-4@-8(%rbp)");
	CHECK(argument.kind == Kind::memory && argument.base == rbp && argument.value == -8 && argument.index == -1);
	argument = parse_one("8@(%rdi,%rsi,8)");
	CHECK(argument.base == rdi && argument.index == rsi && argument.scale == 8 && argument.value == 0);
	argument = parse_one("8@0x10(,%rsi,4)");
	CHECK(argument.base == -1 && argument.index == rsi && argument.scale == 4 && argument.value == 16);
	argument = parse_one("4@16-4(%rax,%rdx)");
	CHECK(argument.value == 12 && argument.index == rdx && argument.scale == 1);
	CHECK(parse_one("1@%r10b").base == 56 && parse_one("2@%r15w").base == 0 && parse_one("4@%r8d").base == 72);
	CHECK(parse_one("%rdi").base == rdi); // notes of the oldest kind
	CHECK(parse_one("8@$18446744073709551615").value == -1);
}

void parses_symbols()
{
	UsdtArgument argument = parse_one("4@counter(%rip)");
	CHECK(argument.kind == Kind::memory && argument.base == rip && argument.value == 0x1000);
	CHECK(parse_one("4@counter+8(%rip)").value == 0x1008 && parse_one("4@-16+counter(%rip)").value == 0xff0);
	argument = parse_one("4@counter(,%rax,4)");
	CHECK(argument.base == rip && argument.index == rax && argument.scale == 4);
	argument = parse_one("4@counter(%rax)");
	CHECK(argument.base == rax && argument.index == rip && argument.scale == 1);
	CHECK(!parse_usdt_arguments("4@nowhere(%rip)", EM_X86_64));
}

void parses_arm64_operands()
{
	UsdtArgument argument = parse_one("-4@x0", EM_AARCH64);
	CHECK(argument.kind == Kind::reg && argument.base == 0 && argument.is_signed);
	CHECK(parse_one("8@x30", EM_AARCH64).base == 240 && parse_one("4@w2", EM_AARCH64).base == 16);
	argument = parse_one("8@[sp, 16]", EM_AARCH64);
	CHECK(argument.kind == Kind::memory && argument.base == 248 && argument.value == 16);
	argument = parse_one("8@[x1, x2, lsl 3]", EM_AARCH64);
	CHECK(argument.base == 8 && argument.index == 16 && argument.scale == 8);
	CHECK(parse_one("8@[x1, #-8]", EM_AARCH64).value == -8 && parse_one("-4@5", EM_AARCH64).value == 5);
	CHECK(parse_one("8@xzr", EM_AARCH64).kind == Kind::constant);
	CHECK(parse_usdt_arguments("8@[sp, 16] -4@x0 4@[x1] 1@7", EM_AARCH64)->size() == 4);
}

void names_what_it_does_not_know()
{
	auto error = [](const char *text) {
		auto arguments = parse_usdt_arguments(text, EM_X86_64);
		return arguments ? std::string("none") : arguments.error().message;
	};
	CHECK_EQUAL(error("8@%rax 8f@%xmm0"),
		    "usdt: failed to parse argument 2 (8f@%xmm0): floating point is not supported");
	for (const char *bad :
	     {"3@%rax", "@%rax", "8@", "8@$", "8@%", "8@%rxx", "8@(%rax", "8@(%rax,%rbx,3)", "8@()", "8@)", "8@%rax)",
	      "8@$1$2", "8@8", "8@%fs:16", "8@--(%rax)", "9999999999999999999999@%rax", "-@$1", "8@(%rax,", "8@(,)"})
		CHECK(error(bad).find("argument 1") != std::string::npos);
	CHECK(!parse_usdt_arguments("8@x31", EM_AARCH64) && !parse_usdt_arguments("8@[x1, x2, sxtw 3]", EM_AARCH64));
	CHECK(!parse_usdt_arguments("8@[x1", EM_AARCH64) && !parse_usdt_arguments("8@r3", EM_PPC64));
}

const Suite suite{"usdt probes",
		  {{"probes are listed with location, semaphore and arguments", lists_probes},
		   {"prelink is corrected, a damaged note is named", corrects_prelink},
		   {"files without notes have no probes", finds_none_without_notes},
		   {"operands of x86-64 are understood", parses_x86_operands},
		   {"symbols in operands are understood", parses_symbols},
		   {"operands of aarch64 are understood", parses_arm64_operands},
		   {"what is not understood is named", names_what_it_does_not_know}}};

} // namespace
