// SPDX-License-Identifier: GPL-2.0-only
// Constants in the instructions, for kernels without global data.
#include "layer/engine/constants.h"
#include "layer/engine/old_kernel.h"
#include "suite.h"

#include <cstring>
#include <sys/utsname.h>

namespace {

using Insns = std::vector<bpf_insn>;

constexpr int map_fd = 7;

// At 0: u32 0x11223344; at 4: u8 1; at 5: u8 0; at 8: u64 0x1122334455667788; at 16: s32 -5.
const std::vector<unsigned char> bytes = {0x44, 0x33, 0x22, 0x11, 1, 0, 0, 0, 0x88, 0x77, 0x66, 0x55,
					  0x44, 0x33, 0x22, 0x11, 0xfb, 0xff, 0xff, 0xff};

bpf_insn insn(int code, int to, int from, int off, int imm)
{
	return {.code = static_cast<__u8>(code), .dst_reg = static_cast<__u8>(to & 15), .src_reg = static_cast<__u8>(from & 15),
		.off = static_cast<__s16>(off), .imm = imm};
}

bpf_insn mov(int to, int imm) { return insn(BPF_ALU64 | BPF_MOV | BPF_K, to, 0, 0, imm); }
bpf_insn copy(int to, int from) { return insn(BPF_ALU64 | BPF_MOV | BPF_X, to, from, 0, 0); }
bpf_insn add(int to, int imm) { return insn(BPF_ALU64 | BPF_ADD | BPF_K, to, 0, 0, imm); }
bpf_insn load(int size, int to, int from, int off) { return insn(BPF_LDX | BPF_MEM | size, to, from, off, 0); }
bpf_insn store(int to, int off, int from) { return insn(BPF_STX | BPF_MEM | BPF_DW, to, from, off, 0); }
bpf_insn jump(int operation, int left, int imm, int off) { return insn(BPF_JMP | operation | BPF_K, left, 0, off, imm); }
bpf_insn call(int helper) { return insn(BPF_JMP | BPF_CALL, 0, 0, 0, helper); }
const bpf_insn leave = insn(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);

// ld_imm64 of the address `offset` bytes into the constants.
Insns address(int to, int offset, int fd = map_fd)
{
	return {insn(BPF_LD | BPF_DW | BPF_IMM, to, BPF_PSEUDO_MAP_VALUE, 0, fd), insn(0, 0, 0, 0, offset)};
}

Insns join(std::initializer_list<Insns> parts)
{
	Insns all;
	for (const Insns &part : parts)
		all.insert(all.end(), part.begin(), part.end());
	return all;
}

Result<Insns> fold(const Insns &program)
{
	return fold_constants(program, [](int fd) { return fd == map_fd ? &bytes : nullptr; });
}

bool same(const Result<Insns> &got, const Insns &wanted)
{
	if (!got)
		CHECK_EQUAL(got.error().message, "folded");
	bool equal = got && got->size() == wanted.size() && !memcmp(got->data(), wanted.data(), wanted.size() * sizeof(bpf_insn));
	for (size_t i = 0; got && !equal && i < got->size(); i++) {
		const bpf_insn &a = (*got)[i];
		printf("    %zu: code %#x dst %d src %d off %d imm %d\n", i, a.code, a.dst_reg, a.src_reg, a.off, a.imm);
	}
	return equal;
}

void check_refused(const Insns &program, const char *why)
{
	auto folded = fold(program);
	CHECK(!folded);
	if (!folded)
		CHECK_EQUAL(folded.error().message, fmt::format("constants: instruction {}, which needs global data (Linux 5.2)", why));
}

void loads_become_numbers()
{
	CHECK(same(fold(join({address(1, 0), {load(BPF_W, 2, 1, 0), load(BPF_B, 3, 1, 4), load(BPF_H, 4, 1, 0), mov(0, 0), leave}})),
		   {mov(1, 0), mov(2, 0x11223344), mov(3, 1), mov(4, 0x3344), mov(0, 0), leave}));
	// From a 64-bit number, and from one whose sign must not spread, two instructions; what comes behind moves.
	CHECK(same(fold(join({{jump(BPF_JEQ, 1, 0, 4)}, address(1, 4), {load(BPF_DW, 2, 1, 4), load(BPF_W, 3, 1, 12), mov(0, 0), leave}})),
		   {jump(BPF_JEQ, 1, 0, 5), mov(1, 0), insn(BPF_LD | BPF_DW | BPF_IMM, 2, 0, 0, 0x55667788), insn(0, 0, 0, 0, 0x11223344),
		    insn(BPF_LD | BPF_DW | BPF_IMM, 3, 0, 0, -5), insn(0, 0, 0, 0, 0), mov(0, 0), leave}));
}

void addresses_are_followed()
{
	// Copied, moved on, put on the stack and taken from it again, across a call.
	CHECK(same(fold(join({address(6, 0), {copy(1, 6), add(1, 5), add(1, -1), store(10, -16, 6), call(BPF_FUNC_ktime_get_ns),
					     load(BPF_DW, 3, 10, -16), load(BPF_W, 0, 3, 0), load(BPF_B, 2, 6, 5), leave}})),
		   {mov(6, 0), copy(1, 6), add(1, 5), add(1, -1), store(10, -16, 6), call(BPF_FUNC_ktime_get_ns), load(BPF_DW, 3, 10, -16),
		    mov(0, 0x11223344), mov(2, 0), leave}));
	// What a helper may have written over is not known any more.
	CHECK(same(fold(join({address(6, 0), {store(10, -16, 6), copy(1, 10), add(1, -16), mov(2, 16), call(BPF_FUNC_get_current_comm),
					     load(BPF_DW, 3, 10, -16), mov(0, 0), leave}})),
		   {mov(6, 0), store(10, -16, 6), copy(1, 10), add(1, -16), mov(2, 16), call(BPF_FUNC_get_current_comm),
		    load(BPF_DW, 3, 10, -16), mov(0, 0), leave}));
}

// As emit() has it: the helper that is not there is in the branch that goes.
void branches_that_are_decided_go()
{
	CHECK(same(fold(join({address(1, 5), {load(BPF_B, 1, 1, 0), jump(BPF_JEQ, 1, 0, 2), call(BPF_FUNC_ringbuf_output), jump(BPF_JA, 0, 0, 1),
					     call(BPF_FUNC_perf_event_output), mov(0, 0), leave}})),
		   {mov(1, 0), mov(1, 0), jump(BPF_JA, 0, 0, 0), call(BPF_FUNC_perf_event_output), mov(0, 0), leave}));
	CHECK(same(fold(join({address(1, 4), {load(BPF_B, 1, 1, 0), jump(BPF_JEQ, 1, 0, 2), call(BPF_FUNC_ktime_get_ns), jump(BPF_JA, 0, 0, 1),
					     call(BPF_FUNC_get_attach_cookie), mov(0, 0), leave}})),
		   {mov(1, 0), mov(1, 1), call(BPF_FUNC_ktime_get_ns), jump(BPF_JA, 0, 0, 0), mov(0, 0), leave}));
	// A register that is different on two ways decides nothing.
	Insns open = join({{mov(2, 1), jump(BPF_JEQ, 1, 0, 1), mov(2, 2), jump(BPF_JEQ, 2, 1, 1), mov(0, 1), mov(0, 0), leave}});
	CHECK(same(fold(open), open));
}

void comparisons_are_those_of_the_machine()
{
	struct {
		int operation;
		int64_t left;
		int right;
		bool taken;
	} cases[] = {{BPF_JGT, -1, 1, true},   {BPF_JSGT, -1, 1, false}, {BPF_JLT, 1, -1, true},  {BPF_JSLT, 1, -1, false},
		     {BPF_JSET, 6, 4, true},   {BPF_JSET, 6, 1, false},	 {BPF_JGE, 3, 3, true},	  {BPF_JLE, 3, 2, false},
		     {BPF_JSGE, -3, -3, true}, {BPF_JSLE, -4, -3, true}, {BPF_JNE, -5, -5, false}, {BPF_JEQ, -5, -5, true}};
	for (const auto &c : cases) {
		auto folded = fold({mov(1, static_cast<int>(c.left)), jump(c.operation, 1, c.right, 2), mov(0, 1), leave, mov(0, 2), leave});
		REQUIRE(folded && folded->size() >= 3);
		CHECK_EQUAL((*folded)[folded->size() - 2].imm, c.taken ? 2 : 1);
	}
}

void loops_and_functions_keep_their_distances()
{
	Insns loop = {mov(1, 0), add(1, 1), jump(BPF_JLT, 1, 10, -2), mov(0, 0), leave};
	CHECK(same(fold(loop), loop)); // what is known of r1 ends with the first time round
	bpf_insn own = insn(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, 3);
	auto folded = fold(join({{own}, address(1, 0), {leave, mov(0, 0), leave}}));
	own.imm = 2;
	CHECK(same(folded, {own, mov(1, 0), leave, mov(0, 0), leave}));
}

void what_needs_an_address_is_refused()
{
	check_refused(join({address(1, 0, 9), {mov(0, 0), leave}}), "0 uses a variable");
	check_refused(join({address(1, 0), {store(1, 0, 1), leave}}), "2 writes a variable");
	check_refused(join({address(1, 0), {mov(2, 4), call(BPF_FUNC_trace_printk), leave}}), "3 hands a constant's address to a function");
	check_refused(join({address(1, 0), {load(BPF_DW, 2, 1, 16), leave}}), "2 reads beyond its constants");
	check_refused(join({address(1, 0), {jump(BPF_JEQ, 1, 0, 0), mov(0, 0), leave}}), "2 compares a constant's address");
	check_refused(join({address(2, 0), {store(1, 0, 2), leave}}), "2 keeps a constant's address");
	// An index that is only known while it runs.
	check_refused(join({address(2, 0), {insn(BPF_ALU64 | BPF_ADD | BPF_X, 2, 1, 0, 0), load(BPF_B, 0, 2, 0), leave}}),
		      "3 reads a constant that is chosen while it runs");
	// The same where no run can come.
	CHECK(same(fold(join({address(1, 5), {load(BPF_B, 2, 1, 0), jump(BPF_JEQ, 2, 0, 1), store(1, 0, 1), mov(0, 0), leave}})),
		   {mov(1, 0), mov(2, 0), jump(BPF_JA, 0, 0, 0), mov(0, 0), leave}));
}

void sees_global_data()
{
	CHECK(reads_global_data(join({{mov(0, 0)}, address(1, 0), {leave}})));
	CHECK(!reads_global_data(Insns{mov(0, 0), leave}));
	// The second half of a number that looks like one.
	Insns number = {insn(BPF_LD | BPF_DW | BPF_IMM, 1, 0, 0, 1), insn(BPF_LD | BPF_DW | BPF_IMM, 0, BPF_PSEUDO_MAP_VALUE, 0, 0), leave};
	CHECK(!reads_global_data(number));
}

void the_vdso_tells_the_version()
{
	utsname name;
	unsigned major = 0, minor = 0;
	uname(&name);
	sscanf(name.release, "%u.%u", &major, &minor);
	CHECK_EQUAL(version_of_vdso() >> 8, major << 8 | minor);
}

const Suite suite{"constants",
		  {{"loads become numbers", loads_become_numbers},
		   {"addresses are followed through registers and stack", addresses_are_followed},
		   {"branches that are decided go, and what was behind them", branches_that_are_decided_go},
		   {"comparisons are those of the machine", comparisons_are_those_of_the_machine},
		   {"loops and functions keep their distances", loops_and_functions_keep_their_distances},
		   {"what needs an address is refused", what_needs_an_address_is_refused},
		   {"sees global data", sees_global_data},
		   {"the vDSO tells the kernel's version", the_vdso_tells_the_version}}};

} // namespace
