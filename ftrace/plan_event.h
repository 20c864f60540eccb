// SPDX-License-Identifier: GPL-2.0-only
// PlanEvent: which event stands for a hook, and where it has the words of the program's context.
#pragma once

#include "ftrace/plan.h"

// Eight bytes of the context.
struct ContextWord {
	enum class Kind { fetch, record, probe_address, missing };
	Kind kind = Kind::missing;
	Fetch fetch;		      // a fetch without name and type
	const Field *field = nullptr; // of the record
	bool points_to_user = false;  // where it is a pointer, it is the calling process's
	std::string reason;	      // missing: why
};

class PlanEvent {
	enum class Layout {
		registers,    // struct pt_regs
		record,	      // the context is the record
		syscall,      // the header, the number, then arguments or the result
		arguments,    // u64 each: raw tracepoints, fentry; fexit with the result behind them
		clock	      // struct bpf_perf_event_data
	};
	Layout layout_ = Layout::record;
	bool is_entry_ = true;
	bool in_function_ = false;    // syscall: a probe on its function, not its record
	unsigned header_ = 8;	      // syscall: where the number stands
	unsigned first_register_ = 0; // arguments: the first one's
	const PlanInput *input_ = nullptr;

	Result<void> choose_tracepoint(bool needs_fetches);
	Result<void> choose_syscall(const std::string &name, bool needs_fetches);
	Result<void> choose_raw_tracepoint(bool needs_fetches, bool only_second);
	Result<void> choose_function();
	ContextWord register_word(int64_t offset) const;
	ContextWord syscall_word(int64_t offset) const;
	ContextWord argument_word(int64_t offset) const;

public:
	PlanSource source = PlanSource::tracepoint;
	std::string place, listener;
	unsigned context_size = 0;
	std::string explanation; // why it is not the hook's own event; "": it is

	// `needs_fetches`: the program reads memory, or the current task. `only_second`: all it reads of the
	// context is the second argument.
	static Result<PlanEvent> choose(const PlanInput &input, bool needs_fetches, bool only_second);

	bool context_is_record() const { return layout_ == Layout::record; }
	bool can_fetch() const { return source != PlanSource::tracepoint && source != PlanSource::clock; }
	bool in_program() const { return source == PlanSource::uprobe || source == PlanSource::uretprobe; }
	bool is_return() const { return source == PlanSource::kretprobe || source == PlanSource::uretprobe; }
	// The word at `offset`, a multiple of 8.
	ContextWord word(int64_t offset) const;
	// A filter's name for `size` bytes of a context that comes from the record; nullptr: it has none.
	const Field *field(int64_t offset, unsigned size) const;
	// The common header that a context begins with, where it is one like a record's; else 0.
	unsigned header_size() const { return layout_ == Layout::syscall ? header_ : 0; }
};
