// SPDX-License-Identifier: GPL-2.0-only
// PlanMachine: what run_symbolically() is made of. Ways through the program are in plan_run.cpp, instructions
// in plan_insn.cpp, memory in plan_memory.cpp, helpers in plan_helpers.cpp.
#pragma once

#include "ftrace/plan_run.h"

class PlanMachine {
	Values &values_;
	const PlanRunInput &input_;
	PlanRun result_;
	std::vector<PlanState> waiting_;
	PlanState state_;
	bool ended_ = false; // this way
	uint32_t forks_ = 0;
	std::vector<OwnObject> objects_;
	std::vector<uint32_t> live_;	 // registers that are read after an instruction is reached
	std::vector<bool> is_meeting_;	 // ways can meet there
	using Decisions = std::vector<Decision>;
	std::map<Fingerprint, uint32_t> seen_; // states that have been looked at, numbered
	std::vector<std::set<Decisions>> to_effect_;	 // by that number: what is decided from there to a first effect
	struct Joined { // a way that came to a state which another one had come to before
		uint32_t seen;
		Decisions decisions;
		std::vector<std::pair<uint32_t, size_t>> passed;
	};
	std::vector<Joined> joined_;

	const vm_insn &insn() const { return input_.program->insns[state_.at]; }
	uint32_t size() const { return static_cast<uint32_t>(input_.program->insns.size()); }

	// plan_run.cpp
	bool is_valid() const;
	void find_meetings();
	void find_live();
	bool has_been_here();
	void settle_joined();
	bool note_effect(const Decisions &decisions, const std::vector<std::pair<uint32_t, size_t>> &passed);
	void step();
	void go_to(int64_t target);
	void do_arithmetic(const vm_insn &insn);
	void do_arithmetic_32(const vm_insn &insn);
	void do_byte_swap(const vm_insn &insn);
	void do_wide_load(const vm_insn &insn);
	void do_load(const vm_insn &insn);
	void do_store(const vm_insn &insn);
	void do_atomic(const vm_insn &insn);
	void do_jump(const vm_insn &insn);
	void do_call(const vm_insn &insn);
	void do_exit();
	void branch(int64_t target, Decision decision);
	void take(PlanState &state, const Decision &decision);
	void call_function(int64_t target, uint32_t back);
	bool next_round(CallFrame &frame);

	// plan_memory.cpp
	uint32_t object_for(const PlanMap *map, uint64_t which, uint32_t size);
	OwnBytes::Untouched untouched(Value address);
	OwnBytes &own(Value address);
	Value load(Value address, uint32_t size);
	void store(Value address, uint32_t size, Value value);
	// As bpf_probe_read and bpf_probe_read_str.
	void copy_memory(Value to, Value size, Value from, Space space, bool is_string);
	void copy_own(Value to, uint32_t size, Value from);
	Value read_foreign(Value from, uint32_t bytes, Space space, bool is_string);
	bool can_follow(Value address);
	void note_read(Value address, uint32_t size, Space space, bool is_string);
	void note_context(int64_t offset, uint32_t size);
	void note_pointer(const PlanMap *map, int64_t offset, Value value, bool is_stored);
	std::optional<std::string> constant_bytes(Value address, uint32_t size);

	// plan_helpers.cpp
	void do_helper(uint32_t id);
	bool do_map_helper(uint32_t id);
	bool do_read_helper(uint32_t id);
	bool do_context_helper(uint32_t id);
	bool do_output_helper(uint32_t id);
	bool do_callback_helper(uint32_t id);
	Value look_up();
	void put_in_map(const PlanMap *map, Value from);
	void read_printed(Value format, Value format_size, const std::function<Value(unsigned)> &argument);
	void note_stack(Value flags);
	void copy_value(Value to, Value size, Value value);

	const PlanMap *map_of(Value value) const { return value && value->is(ValueKind::map) ? value->map : nullptr; }
	Value argument(unsigned number); // never nullptr
	uint64_t call_number() const;	       // tells this call from others, on this way
	bool is_record() const;		       // the context is an event's record: all of it is there
	void has_effect();
	void refuse(std::string reason);
	void end_way() { ended_ = true; }

public:
	PlanMachine(Values &values, const PlanRunInput &input) : values_(values), input_(input) {}
	PlanRun run();
};
