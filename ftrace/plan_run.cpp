// SPDX-License-Identifier: GPL-2.0-only
#include "ftrace/plan_machine.h"

#include <algorithm>
#include <fmt/format.h>
#include <linux/bpf.h>

namespace
{

// Far above what a program needs that the kernel's verifier takes; a runaway ends within a second.
constexpr uint32_t max_steps = 200000, max_forks = 50000, max_rounds = 4096, max_frames = 8;
constexpr size_t max_objects = 1000;
// To one effect from one state: what is beyond makes a filter weaker, not wrong.
constexpr size_t max_ways = 32, max_decisions = 64, max_joined = 2000;

bool is_jump(uint8_t code)
{
	return VM_CLASS(code) == VM_JMP || VM_CLASS(code) == VM_JMP32;
}

bool is_branch(uint8_t code)
{
	return is_jump(code) && VM_OP(code) != VM_CALL && VM_OP(code) != VM_EXIT;
}

// "goto" of the fourth instruction set has its distance in imm.
int64_t distance_of(const vm_insn &insn)
{
	return insn.code == (VM_JMP32 | VM_JA) ? insn.imm : insn.off;
}

bool compare(unsigned op, uint64_t a, uint64_t b, unsigned width)
{
	auto x = width == 4 ? static_cast<int32_t>(a) : static_cast<int64_t>(a);
	auto y = width == 4 ? static_cast<int32_t>(b) : static_cast<int64_t>(b);
	switch (op) {
	case VM_JEQ:
		return a == b;
	case VM_JNE:
		return a != b;
	case VM_JSET:
		return (a & b) != 0;
	case VM_JGT:
		return a > b;
	case VM_JGE:
		return a >= b;
	case VM_JLT:
		return a < b;
	case VM_JLE:
		return a <= b;
	case VM_JSGT:
		return x > y;
	case VM_JSGE:
		return x >= y;
	case VM_JSLT:
		return x < y;
	default:
		return x <= y;
	}
}

// The operator for b and a in place of a and b.
unsigned turned(unsigned op)
{
	switch (op) {
	case VM_JGT:
		return VM_JLT;
	case VM_JGE:
		return VM_JLE;
	case VM_JLT:
		return VM_JGT;
	case VM_JLE:
		return VM_JGE;
	case VM_JSGT:
		return VM_JSLT;
	case VM_JSGE:
		return VM_JSLE;
	case VM_JSLT:
		return VM_JSGT;
	case VM_JSLE:
		return VM_JSGE;
	default:
		return op;
	}
}

// What the branch does for every value that a and b can have; nothing if it depends.
std::optional<bool> known(unsigned op, Value a, Value b, unsigned width)
{
	if (a->is_constant() && b->is_constant())
		return compare(op, a->number, b->number, width);
	if (a == b && !a->is(ValueKind::unknown) && op != VM_JSET)
		return compare(op, 0, 0, width);
	if (b->is_address() && !a->is_address())
		std::swap(a, b);
	if (a->is_address() && b->is_constant() && (op == VM_JEQ || op == VM_JNE))
		return op == VM_JNE;
	if (!b->is_constant() || a->is_address())
		return {};
	uint64_t most = largest(a);
	if ((op == VM_JEQ || op == VM_JGE) && b->number > most)
		return false;
	if (op == VM_JGT && b->number >= most)
		return false;
	if ((op == VM_JNE || op == VM_JLT) && b->number > most)
		return true;
	if (op == VM_JLE && b->number >= most)
		return true;
	return {};
}

} // namespace

void PlanMachine::find_meetings()
{
	const auto &insns = input_.program->insns;
	is_meeting_.assign(insns.size() + 1, false);
	for (size_t i = 0; i < insns.size(); i++) {
		int64_t target = static_cast<int64_t>(i) + 1 + distance_of(insns[i]);
		if (is_branch(insns[i].code) && target >= 0 && target < static_cast<int64_t>(insns.size()))
			is_meeting_[static_cast<size_t>(target)] = true;
	}
}

// Backwards to a fixed point: a register that is not read again does not tell states apart.
void PlanMachine::find_live()
{
	const auto &insns = input_.program->insns;
	live_.assign(insns.size() + 1, 0);
	for (bool changed = true; changed;) {
		changed = false;
		for (size_t i = insns.size(); i-- > 0;) {
			const vm_insn &in = insns[i];
			uint32_t dst = 1u << in.dst, src = 1u << in.src, live = live_[i + 1];
			bool reads_source = VM_SOURCE(in.code) == VM_X;
			if (in.code == (VM_JMP | VM_EXIT)) {
				live = 1;
			} else if (in.code == (VM_JMP | VM_CALL)) {
				live = (live & ~0x3fu) | 0x3e;
			} else if (is_branch(in.code)) {
				size_t target = i + 1 + static_cast<size_t>(distance_of(in));
				live = VM_OP(in.code) == VM_JA ? 0 : live | dst | (reads_source ? src : 0);
				live |= target < insns.size() ? live_[target] : 0;
			} else if (VM_CLASS(in.code) == VM_LDX) {
				live = (live & ~dst) | src;
			} else if (VM_CLASS(in.code) == VM_ST) {
				live |= dst;
			} else if (VM_CLASS(in.code) == VM_STX) {
				live |= dst | src | 1;
			} else if (VM_CLASS(in.code) == VM_LD) {
				live &= ~dst;
			} else {
				live &= VM_OP(in.code) == VM_MOV ? ~dst : ~0u;
				live |= (VM_OP(in.code) == VM_MOV ? 0 : dst) | (reads_source ? src : 0);
			}
			changed = changed || live != live_[i];
			live_[i] = live;
		}
	}
}

bool PlanMachine::has_been_here()
{
	auto [at, is_new] =
		seen_.try_emplace(state_.fingerprint(live_[state_.at]), static_cast<uint32_t>(seen_.size()));
	if (is_new)
		to_effect_.emplace_back();
	if (state_.has_effect)
		return !is_new;
	if (!is_new)
		joined_.push_back({at->second, state_.decisions, state_.passed});
	else if (state_.passed.size() < max_decisions)
		state_.passed.emplace_back(at->second, state_.decisions.size());
	else
		to_effect_.back().insert(Decisions());
	return !is_new;
}

// These decisions lead to an effect; from each state on the way the later ones do. True if that is new.
bool PlanMachine::note_effect(const Decisions &decisions, const std::vector<std::pair<uint32_t, size_t>> &passed)
{
	bool is_new = result_.conditions.insert(decisions).second;
	for (auto [seen, taken] : passed) {
		auto &ways = to_effect_[seen];
		if (ways.contains(Decisions()))
			continue;
		Decisions rest(decisions.begin() + static_cast<ptrdiff_t>(taken), decisions.end());
		if (ways.size() >= max_ways) { // "perhaps" is enough then
			ways.clear();
			ways.insert(Decisions());
			is_new = true;
		} else {
			is_new = ways.insert(std::move(rest)).second || is_new;
		}
	}
	return is_new;
}

// A way that joined another one leads where that one went.
void PlanMachine::settle_joined()
{
	if (joined_.size() > max_joined)
		result_.conditions.insert(Decisions());
	for (bool changed = joined_.size() <= max_joined; changed;) {
		changed = false;
		for (const Joined &way : joined_)
			for (const Decisions &rest : std::set<Decisions>(to_effect_[way.seen])) {
				Decisions whole = way.decisions;
				whole.insert(whole.end(), rest.begin(), rest.end());
				changed = note_effect(whole, way.passed) || changed;
			}
	}
}

// The vm checks what it loads; this is enough for the execution here to be safe without that.
bool PlanMachine::is_valid() const
{
	const auto &insns = input_.program->insns;
	return std::all_of(insns.begin(), insns.end(),
			   [](const vm_insn &in) { return in.dst < VM_REG_COUNT && in.src < VM_REG_COUNT; });
}

PlanRun PlanMachine::run()
{
	if (!is_valid()) {
		refuse("it has an instruction with a register that does not exist");
		return std::move(result_);
	}
	find_meetings();
	find_live();
	state_.frames.emplace_back();
	state_.registers[1] = values_.address(ValueKind::context, 0, 0);
	state_.registers[VM_REG_FP] = values_.address(ValueKind::stack, 0, 0);
	waiting_.push_back(std::move(state_));
	while (!waiting_.empty() && !(input_.ends_refused && !result_.refusals.empty())) {
		state_ = std::move(waiting_.back());
		waiting_.pop_back();
		for (ended_ = false; !ended_;) {
			if (state_.at >= size() || (is_meeting_[state_.at] && has_been_here()))
				break;
			if (++result_.steps > max_steps || forks_ > max_forks || objects_.size() > max_objects) {
				refuse("there are too many ways through the program to follow them all");
				return std::move(result_);
			}
			step();
		}
	}
	settle_joined();
	return std::move(result_);
}

void PlanMachine::step()
{
	const vm_insn &in = insn();
	switch (VM_CLASS(in.code)) {
	case VM_ALU64:
	case VM_ALU:
		do_arithmetic(in);
		state_.at++;
		return;
	case VM_LD:
		return do_wide_load(in);
	case VM_LDX:
		do_load(in);
		state_.at++;
		return;
	case VM_ST:
	case VM_STX:
		if (VM_MODE(in.code) == VM_ATOMIC)
			do_atomic(in);
		else
			do_store(in);
		state_.at++;
		return;
	default:
		return do_jump(in);
	}
}

void PlanMachine::go_to(int64_t target)
{
	if (target <= static_cast<int64_t>(state_.at) && ++state_.rounds > max_rounds)
		return refuse("the end of this loop depends on what is only known when the program runs");
	state_.at = target < 0 ? size() : static_cast<uint32_t>(target);
}

void PlanMachine::do_jump(const vm_insn &in)
{
	unsigned op = VM_OP(in.code);
	if (op == VM_CALL)
		return do_call(in);
	if (op == VM_EXIT)
		return do_exit();
	int64_t next = static_cast<int64_t>(state_.at) + 1;
	if (op == VM_JA)
		return go_to(next + distance_of(in));
	unsigned width = VM_CLASS(in.code) == VM_JMP32 ? 4 : 8;
	Value a = state_.registers[in.dst];
	Value b = VM_SOURCE(in.code) == VM_X ? state_.registers[in.src]
					     : values_.constant(static_cast<uint64_t>(static_cast<int64_t>(in.imm)));
	a = values_.bytes(a ? a : values_.unknown(call_number()), 0, width);
	b = values_.bytes(b ? b : values_.unknown(call_number()), 0, width);
	if (a->is_constant()) { // a constant is always the second one
		std::swap(a, b);
		op = turned(op);
	}
	if (auto taken = known(op, a, b, width))
		return go_to(*taken ? next + in.off : next);
	branch(next + in.off, {static_cast<uint8_t>(op), static_cast<uint8_t>(width), true, a, b});
}

// Both ways: the one that jumps waits.
void PlanMachine::branch(int64_t target, Decision decision)
{
	forks_++;
	PlanState here = state_;
	take(state_, decision);
	go_to(target);
	if (!ended_)
		waiting_.push_back(std::move(state_));
	ended_ = false;
	state_ = std::move(here);
	decision.holds = false;
	take(state_, decision);
	state_.at++;
}

// What a decision tells about values.
void PlanMachine::take(PlanState &state, const Decision &decision)
{
	bool equal = (decision.op == VM_JEQ && decision.holds) || (decision.op == VM_JNE && !decision.holds);
	bool unequal = (decision.op == VM_JEQ && !decision.holds) || (decision.op == VM_JNE && decision.holds);
	Value a = decision.a, b = decision.b;
	if (!state.has_effect && state.decisions.size() < max_decisions)
		state.decisions.push_back(decision);
	if (a->is(ValueKind::maybe_object) && b->is_constant(0)) {
		if (equal)
			state.replace(a, values_.constant(0));
		else if (unequal)
			state.replace(a, values_.address(ValueKind::object, a->index, a->distance()));
		return;
	}
	if (!equal)
		return;
	if (b->is_constant() && decision.size == 8)
		state.replace(a, b);
	for (auto [field, other] : {std::pair(a, b), std::pair(b, a)})
		if (field->is(ValueKind::map_bytes) && field->size == 8 && !other->is_constant())
			note_pointer(field->map, field->distance(), other, false);
}

void PlanMachine::do_call(const vm_insn &in)
{
	if (in.src == VM_CALL_LOCAL)
		return call_function(static_cast<int64_t>(state_.at) + 1 + in.imm, state_.at + 1);
	if (in.src == VM_CALL_HELPER && in.imm == VM_CORE_UNRESOLVED)
		return refuse("it uses a field or type that this kernel's BTF does not have");
	if (in.src != VM_CALL_HELPER)
		return refuse("it calls a function of the kernel, which runs in the kernel only");
	do_helper(static_cast<uint32_t>(in.imm));
}

void PlanMachine::call_function(int64_t target, uint32_t back)
{
	if (state_.frames.size() == max_frames || target < 0 || target >= size())
		return refuse("its calls nest too deep");
	CallFrame frame;
	frame.back = back;
	for (unsigned i = 0; i < frame.saved.size(); i++)
		frame.saved[i] = state_.registers[6 + i];
	state_.frames.push_back(std::move(frame));
	state_.registers[VM_REG_FP] =
		values_.address(ValueKind::stack, static_cast<uint32_t>(state_.frames.size() - 1), 0);
	state_.at = static_cast<uint32_t>(target);
}

// Starts the callback of the innermost frame again; false: it has had all its rounds.
bool PlanMachine::next_round(CallFrame &frame)
{
	CallbackRounds &callback = frame.callback;
	if (callback.next >= callback.rounds)
		return false;
	state_.registers[1] = values_.constant(callback.next++);
	state_.registers[2] = callback.context;
	state_.at = callback.function;
	return true;
}

void PlanMachine::do_exit()
{
	CallFrame &frame = state_.frames.back();
	if (state_.frames.size() == 1)
		return end_way();
	if (frame.is_callback) {
		Value result = state_.registers[0];
		bool may_stop = !result || !result->is_constant(0),
		     may_go_on = !result || !result->is_constant() || !result->number;
		PlanState here = state_;
		if (may_go_on && next_round(frame)) {
			if (++state_.rounds > max_rounds)
				return refuse("a callback has too many rounds to follow");
			if (!may_stop)
				return;
			waiting_.push_back(std::move(state_));
			state_ = std::move(here);
		}
		state_.registers[0] = values_.unknown(call_number());
	}
	for (unsigned i = 0; i < 4; i++)
		state_.registers[6 + i] = state_.frames.back().saved[i];
	for (unsigned i = 1; i <= 5; i++)
		state_.registers[i] = nullptr;
	state_.at = state_.frames.back().back;
	state_.frames.pop_back();
	state_.registers[VM_REG_FP] =
		values_.address(ValueKind::stack, static_cast<uint32_t>(state_.frames.size() - 1), 0);
}

void PlanMachine::has_effect()
{
	if (state_.has_effect)
		return;
	state_.has_effect = true;
	note_effect(state_.decisions, state_.passed);
	state_.decisions.clear();
	state_.passed.clear();
}

// The way ends here, for a program that is refused needs no more to be known about.
void PlanMachine::refuse(std::string reason)
{
	result_.refusals.push_back({state_.at, std::move(reason)});
	ended_ = true;
}

uint64_t PlanMachine::call_number() const
{
	uint64_t number = state_.at | uint64_t(state_.rounds) << 32;
	for (const CallFrame &frame : state_.frames)
		number = number * 31 + frame.back;
	return number;
}

bool PlanMachine::is_record() const
{
	return input_.program->type == BPF_PROG_TYPE_TRACEPOINT;
}

PlanRun run_symbolically(Values &values, const PlanRunInput &input)
{
	return PlanMachine(values, input).run();
}
