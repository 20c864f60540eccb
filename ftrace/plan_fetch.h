// SPDX-License-Identifier: GPL-2.0-only
// PlanFetches: from what a program reads to the fetch arguments of its event.
#pragma once

#include "ftrace/plan_event.h"
#include "ftrace/plan_run.h"

class PlanFetches {
	Values &values_;
	const PlanEvent &event_;
	const Kernel &kernel_;
	std::vector<Fetch> fetches_;
	std::vector<ContextPart> context_;
	std::map<int64_t, int> words_;	    // offset in the context: its fetch
	std::vector<Value> regions_;	    // of each fetch: the address; nullptr for a value
	std::vector<std::string> notes_;    // of each: what it is for
	std::string note_;
	int current_ = -1;

	Result<int> add(Fetch fetch, Value address);
	Result<int> add_word(int64_t offset);
	Result<int> add_current();
	std::pair<int, unsigned> find_region(Value address, unsigned size) const;
	// The fetch that has the pointer's 8 bytes, and where in it.
	Result<std::pair<int, unsigned>> add_pointer(Value pointer);
	// Base and steps up to the pointer; the caller adds the last step.
	Result<Fetch> path_to(Value pointer, bool &points_to_user);
	Fetch region(const Fetch &path, int64_t distance, unsigned size, unsigned count, bool user) const;
	Result<void> add_words(Value address, unsigned size, const Fetch &path, bool user, bool kept);
	std::string type_of(const Fetch &fetch, bool user) const;

public:
	PlanFetches(Values &values, const PlanEvent &event, const Kernel &kernel)
	    : values_(values), event_(event), kernel_(kernel)
	{
	}

	// What is added from now on is for this.
	void set_note(std::string note) { note_ = std::move(note); }
	Result<void> add_context(int64_t offset, unsigned size);
	Result<void> add_read(const PlanRead &read, bool kept);
	Result<void> add_task();
	// Are there more, or longer ones, than this kernel takes?
	Result<void> check() const;
	// Can a record be more than perf carries? A string's whole length counts, not what the program takes of it.
	bool may_overflow() const;

	// The fetch that has just this value, for a filter; nullptr: none.
	const Fetch *find(Value value) const;
	std::vector<Fetch> &fetches() { return fetches_; }
	std::vector<ContextPart> &context() { return context_; }
	const std::string &note(size_t fetch) const { return notes_[fetch]; }
	int current() const { return current_; }
};
