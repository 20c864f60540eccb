// SPDX-License-Identifier: GPL-2.0-only
// In two steps. follow() goes every way that the program can take, with what is known of registers and stack; a way
// that a constant rules out is not taken. write() then puts down the instructions that were passed, with the constants.
#include "layer/engine/constants.h"
#include "layer/engine/known_values.h"

#include <cerrno>
#include <climits>
#include <cstring>
#include <fmt/format.h>
#include <memory>

namespace {

constexpr uint8_t load_address = BPF_LD | BPF_DW | BPF_IMM;

bool is_map_value(const bpf_insn &insn)
{
	return insn.code == load_address && insn.src_reg == BPF_PSEUDO_MAP_VALUE;
}

bool is_jump(const bpf_insn &insn)
{
	unsigned operation = BPF_OP(insn.code);
	return (BPF_CLASS(insn.code) == BPF_JMP || BPF_CLASS(insn.code) == BPF_JMP32) && operation != BPF_CALL && operation != BPF_EXIT;
}

size_t access_size(const bpf_insn &insn)
{
	switch (BPF_SIZE(insn.code)) {
	case BPF_B: return 1;
	case BPF_H: return 2;
	case BPF_W: return 4;
	default: return 8;
	}
}

// Helpers that take fewer than five arguments: what stands in the other registers, they do not see.
unsigned argument_count(int helper)
{
	switch (helper) {
	case BPF_FUNC_ktime_get_ns:
	case BPF_FUNC_get_prandom_u32:
	case BPF_FUNC_get_smp_processor_id:
	case BPF_FUNC_get_current_pid_tgid:
	case BPF_FUNC_get_current_uid_gid:
	case BPF_FUNC_get_current_task:
	case BPF_FUNC_get_numa_node_id: return 0;
	case BPF_FUNC_get_attach_cookie: return 1;
	case BPF_FUNC_map_lookup_elem:
	case BPF_FUNC_map_delete_elem:
	case BPF_FUNC_get_current_comm:
	case BPF_FUNC_perf_event_read: return 2;
	case BPF_FUNC_probe_read:
	case BPF_FUNC_probe_read_str:
	case BPF_FUNC_probe_read_user:
	case BPF_FUNC_probe_read_kernel:
	case BPF_FUNC_probe_read_user_str:
	case BPF_FUNC_probe_read_kernel_str:
	case BPF_FUNC_tail_call:
	case BPF_FUNC_get_stackid: return 3;
	case BPF_FUNC_map_update_elem:
	case BPF_FUNC_get_stack:
	case BPF_FUNC_ringbuf_output: return 4;
	default: return 5;
	}
}

class Folder {
	std::span<const bpf_insn> program_;
	const ConstantsOf &constants_;
	std::vector<std::unique_ptr<KnownState>> before_; // of each instruction that a run can get to
	std::vector<size_t> to_follow_;
	std::vector<std::optional<uint64_t>> loaded_;	 // the constant that it reads
	std::vector<std::optional<bool>> taken_;	 // is this jump taken, always or never?

	std::optional<Error> step(size_t at, KnownState &state);
	void go(size_t to, const KnownState &state);
	void jump(size_t at, const KnownState &state);
	std::optional<Error> load(size_t at, KnownState &state);
	std::optional<Error> store(size_t at, KnownState &state);
	std::optional<Error> call(size_t at, KnownState &state);
	Error refuse(size_t at, const char *what) const
	{
		return {fmt::format("constants: instruction {} {}, which needs global data (Linux 5.2)", at, what), ENOTSUP};
	}
	size_t target(size_t at) const
	{
		const bpf_insn &insn = program_[at];
		bool by_imm = BPF_OP(insn.code) == BPF_CALL || insn.code == (BPF_JMP32 | BPF_JA);
		return at + 1 + static_cast<size_t>(static_cast<int64_t>(by_imm ? insn.imm : insn.off));
	}
	Known right_side(const bpf_insn &insn, const KnownState &state) const
	{
		return BPF_SRC(insn.code) == BPF_X ? state[insn.src_reg] : Known::number(static_cast<uint64_t>(static_cast<int64_t>(insn.imm)));
	}
	void put(size_t at, std::vector<bpf_insn> &out) const;

public:
	Folder(std::span<const bpf_insn> program, const ConstantsOf &constants)
		: program_(program), constants_(constants), before_(program.size()), loaded_(program.size()), taken_(program.size())
	{
	}
	std::optional<Error> follow();
	Result<std::vector<bpf_insn>> write() const;
};

void Folder::go(size_t to, const KnownState &state)
{
	if (to >= program_.size()) // the kernel's verifier will say so
		return;
	if (!before_[to])
		before_[to] = std::make_unique<KnownState>(state);
	else if (!before_[to]->merge(state))
		return;
	to_follow_.push_back(to);
}

void Folder::jump(size_t at, const KnownState &state)
{
	const bpf_insn &insn = program_[at];
	std::optional<bool> taken = true;
	if (BPF_OP(insn.code) != BPF_JA)
		taken = decide(insn, state[insn.dst_reg], right_side(insn, state));
	taken_[at] = taken; // less can be known at the next visit, never more
	if (!taken || *taken)
		go(target(at), state);
	if (!taken || !*taken)
		go(at + 1, state);
}

std::optional<Error> Folder::load(size_t at, KnownState &state)
{
	const bpf_insn &insn = program_[at];
	Known from = state[insn.src_reg];
	size_t size = access_size(insn);
	if (from.kind == Kind::lost)
		return refuse(at, "reads a constant that is chosen while it runs");
	if (from.kind != Kind::constant) {
		state[insn.dst_reg] = state.load(from, insn.off, size);
		return {};
	}
	uint64_t value = 0, offset = from.bits + static_cast<uint64_t>(static_cast<int64_t>(insn.off));
	const auto *bytes = constants_(from.map);
	if (BPF_MODE(insn.code) != BPF_MEM || !bytes || offset > bytes->size() || size > bytes->size() - offset)
		return refuse(at, "reads beyond its constants");
	memcpy(&value, bytes->data() + offset, size); // little endian, as everything here
	loaded_[at] = value;
	state[insn.dst_reg] = Known::number(value);
	return {};
}

std::optional<Error> Folder::store(size_t at, KnownState &state)
{
	const bpf_insn &insn = program_[at];
	const Known &to = state[insn.dst_reg];
	bool is_register = BPF_CLASS(insn.code) == BPF_STX;
	Known value = is_register ? state[insn.src_reg] : Known::number(static_cast<uint64_t>(static_cast<int64_t>(insn.imm)));
	if (to.is_constant_address())
		return refuse(at, "writes a variable");
	if (value.is_constant_address() && !to.is_frame())
		return refuse(at, "keeps a constant's address");
	state.store(to, insn.off, access_size(insn), BPF_MODE(insn.code) == BPF_MEM ? value : Known{});
	return {};
}

std::optional<Error> Folder::call(size_t at, KnownState &state)
{
	const bpf_insn &insn = program_[at];
	bool is_own = insn.src_reg == BPF_PSEUDO_CALL;
	unsigned count = insn.src_reg == 0 ? argument_count(insn.imm) : 5;
	for (unsigned i = 0; i < count; i++)
		if (state[BPF_REG_1 + i].is_constant_address())
			return refuse(at, "hands a constant's address to a function");
	if (is_own)
		go(target(at), KnownState::at_entry());
	state.call();
	return {};
}

std::optional<Error> Folder::step(size_t at, KnownState &state)
{
	const bpf_insn &insn = program_[at];
	switch (BPF_CLASS(insn.code)) {
	case BPF_LD:
		if (insn.code != load_address) { // from a packet: a call in disguise
			state.call();
			break;
		}
		if (at + 1 >= program_.size())
			return refuse(at, "is cut off");
		if (is_map_value(insn) && !constants_(insn.imm))
			return refuse(at, "uses a variable");
		if (is_map_value(insn))
			state[insn.dst_reg] = {Kind::constant, insn.imm, static_cast<uint32_t>(program_[at + 1].imm)};
		else if (insn.src_reg == 0)
			state[insn.dst_reg] = Known::number(static_cast<uint32_t>(insn.imm) |
							    static_cast<uint64_t>(static_cast<uint32_t>(program_[at + 1].imm)) << 32);
		else
			state[insn.dst_reg] = {};
		go(at + 2, state);
		return {};
	case BPF_LDX:
		if (auto error = load(at, state))
			return error;
		break;
	case BPF_ST:
	case BPF_STX:
		if (auto error = store(at, state))
			return error;
		break;
	case BPF_ALU:
	case BPF_ALU64:
		state[insn.dst_reg] = calculate(insn, state[insn.dst_reg], right_side(insn, state));
		break;
	default:
		if (BPF_OP(insn.code) == BPF_EXIT)
			return {};
		if (BPF_OP(insn.code) == BPF_CALL) {
			if (auto error = call(at, state))
				return error;
			break;
		}
		if (BPF_OP(insn.code) != BPF_JA && (state[insn.dst_reg].is_constant_address() || right_side(insn, state).is_constant_address()))
			return refuse(at, "compares a constant's address");
		jump(at, state);
		return {};
	}
	go(at + 1, state);
	return {};
}

std::optional<Error> Folder::follow()
{
	go(0, KnownState::at_entry());
	while (!to_follow_.empty()) {
		size_t at = to_follow_.back();
		to_follow_.pop_back();
		loaded_[at].reset();
		KnownState state = *before_[at];
		if (auto error = step(at, state))
			return error;
	}
	return {};
}

// The instruction as it is to be; jumps still have their old distances.
void Folder::put(size_t at, std::vector<bpf_insn> &out) const
{
	bpf_insn insn = program_[at];
	if (is_jump(insn) && taken_[at]) {
		if (*taken_[at])
			out.push_back({.code = BPF_JMP | BPF_JA, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0});
	} else if (is_map_value(insn)) {
		out.push_back({.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = insn.dst_reg, .src_reg = 0, .off = 0, .imm = 0});
	} else if (loaded_[at]) {
		auto value = *loaded_[at];
		auto low = static_cast<int32_t>(value);
		if (static_cast<uint64_t>(static_cast<int64_t>(low)) == value) {
			out.push_back({.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = insn.dst_reg, .src_reg = 0, .off = 0, .imm = low});
		} else {
			out.push_back({.code = load_address, .dst_reg = insn.dst_reg, .src_reg = 0, .off = 0, .imm = low});
			out.push_back({.code = 0, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = static_cast<int32_t>(value >> 32)});
		}
	} else {
		out.push_back(insn);
		if (insn.code == load_address)
			out.push_back(program_[at + 1]);
	}
}

Result<std::vector<bpf_insn>> Folder::write() const
{
	std::vector<bpf_insn> out;
	std::vector<size_t> place(program_.size() + 1); // where each old instruction is now
	std::vector<size_t> origin;			// and the other way round
	for (size_t at = 0; at < program_.size(); at++) {
		place[at] = out.size();
		if (before_[at])
			put(at, out);
		origin.resize(out.size(), at);
	}
	for (size_t at = 0; at < out.size(); at++) {
		bpf_insn &insn = out[at];
		bool is_call = insn.code == (BPF_JMP | BPF_CALL) && insn.src_reg == BPF_PSEUDO_CALL;
		if (!is_jump(insn) && !is_call)
			continue;
		auto distance = static_cast<int64_t>(place[target(origin[at])]) - static_cast<int64_t>(at) - 1;
		if (!is_call && (distance > SHRT_MAX || distance < SHRT_MIN))
			return Error{fmt::format("constants: instruction {} would jump too far", origin[at]), ENOTSUP};
		if (is_call)
			insn.imm = static_cast<int32_t>(distance);
		else
			insn.off = static_cast<int16_t>(distance);
	}
	return out;
}

} // namespace

bool reads_global_data(std::span<const bpf_insn> program)
{
	for (size_t at = 0; at < program.size(); at += program[at].code == load_address ? 2 : 1)
		if (is_map_value(program[at]))
			return true;
	return false;
}

Result<std::vector<bpf_insn>> fold_constants(std::span<const bpf_insn> program, const ConstantsOf &constants)
{
	Folder folder(program, constants);
	if (auto error = folder.follow())
		return *error;
	return folder.write();
}
