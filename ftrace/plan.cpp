// SPDX-License-Identifier: GPL-2.0-only
#include "ftrace/plan.h"

#include "ftrace/plan_filter.h"
#include "ftrace/plan_join.h"
#include "vm/disasm.h"

#include <algorithm>
#include <fmt/format.h>
#include <linux/bpf.h>

namespace
{

constexpr uint32_t no_insn = UINT32_MAX;

std::string line_of(const PlanProgram &program, uint32_t insn)
{
	return program.line && insn != no_insn ? program.line(insn) : "";
}

Error refused(const PlanProgram &program, uint32_t insn, const std::string &reason)
{
	std::string where;
	if (insn < program.insns.size()) {
		// The second half of a wide load must be readable.
		vm_insn pair[2] = {program.insns[insn],
				   insn + 1 < program.insns.size() ? program.insns[insn + 1] : vm_insn{}};
		char text[128];
		vm_disasm(pair, static_cast<int>(insn), text, sizeof(text));
		where = fmt::format("insn {} `{}`", insn, text);
		if (std::string line = line_of(program, insn); !line.empty())
			where += " at " + line;
		where += ": ";
	}
	return Error{fmt::format("ftrace: failed to plan {}: {}{}", program.name, where, reason), EOPNOTSUPP};
}

class PlanMaker
{
	struct Wanted {
		PlanRead read;
		std::string note;
		bool kept = false;
		bool needed = true; // else the program runs without it
	};
	const PlanInput &input_;
	Values values_;
	PlanJoin join_;
	std::set<const PlanMap *> maps_;
	std::function<const PlanMap *(int)> map_;
	std::vector<JoinedRead> kept_;
	bool uses_task_ = false;

	const PlanProgram &program() const { return *input_.program; }
	const PlanJoin::Member &self() const { return join_.members.front(); }
	PlanRun run(const PlanProgram &program, std::set<const PlanMap *> unchanging);
	Result<void> run_all();
	Result<void> check_joins();
	Result<PlanEvent> choose_event() const;
	Result<void> add_all(PlanFetches &fetches, const PlanEvent &event, std::vector<std::string> &remarks) const;
	std::vector<Wanted> wanted() const;
	Result<void> add_reads(PlanFetches &fetches, const PlanEvent &event, std::vector<std::string> &remarks) const;
	void describe(Plan &plan, const PlanEvent &event, const PlanFetches &fetches) const;
	std::string note_of(const PlanProgram &program, uint32_t insn) const;

      public:
	explicit PlanMaker(const PlanInput &input) : input_(input)
	{
		map_ = [this](int fd) {
			const PlanMap *map = input_.map ? input_.map(fd) : nullptr;
			if (map)
				maps_.insert(map);
			return map;
		};
	}
	Result<Plan> make();
};

PlanRun PlanMaker::run(const PlanProgram &which, std::set<const PlanMap *> unchanging)
{
	PlanRunInput run_input;
	run_input.program = &which;
	run_input.map = &map_;
	if (&which == input_.program) {
		run_input.cookie = input_.hook.cookie;
		run_input.argument_count = input_.argument_count;
		run_input.ends_refused = true;
	}
	run_input.max_depth = input_.kernel->max_depth;
	run_input.unchanging = std::move(unchanging);
	return run_symbolically(values_, run_input);
}

// What no program changes is taken as it is now only where the plan needs that: user space may change it.
Result<void> PlanMaker::run_all()
{
	join_.members.push_back({input_.program, run(program(), {})});
	for (const PlanProgram *other : input_.programs)
		if (other != input_.program)
			join_.members.push_back({other, run(*other, {})});
	if (!self().run.refusals.empty()) {
		auto unchanging = join_.unchanging(maps_);
		if (!unchanging.empty()) {
			PlanRun again = run(program(), std::move(unchanging));
			// The first run ended where it was refused: it may be this program that changes the map.
			if (std::none_of(again.assumed.begin(), again.assumed.end(),
					 [&](const PlanMap *map) { return again.written.contains(map); }))
				join_.members.front().run = std::move(again);
		}
	}
	if (!self().run.refusals.empty()) {
		const PlanRefusal &first = self().run.refusals.front();
		return refused(program(), first.insn, first.reason);
	}
	return {};
}

Result<void> PlanMaker::check_joins()
{
	std::vector<JoinedRead> unable;
	for (const JoinedRead &read : join_.reads_through_maps(values_))
		if (read.reader == input_.program && !join_.is_provided(read))
			return refused(
				program(), read.read.insn,
				fmt::format(
					"it follows a pointer that map {} holds, and no program here puts one there "
					"that an event can follow",
					read.map->name));
	kept_ = join_.reads_to_keep(values_, self(), &unable);
	if (!unable.empty())
		return refused(program(), unable.front().read.insn,
			       fmt::format("it puts a pointer into map {} that {} follows later, and no event can "
					   "follow this one: "
					   "it is computed",
					   unable.front().map->name, unable.front().reader->name));
	return {};
}

// Whether the read starts at this event's own pointers.
bool is_direct(const PlanRead &read)
{
	return !root_of(read.address)->is(ValueKind::map_bytes);
}

Result<PlanEvent> PlanMaker::choose_event() const
{
	uint32_t insn = no_insn;
	for (const PlanRead &read : self().run.reads)
		if (is_direct(read))
			insn = std::min(insn, read.insn);
	for (const JoinedRead &read : kept_)
		if (insn == no_insn && read.is_stored)
			insn = read.read.insn;
	bool only_second = std::all_of(self().run.context.begin(), self().run.context.end(), [](const auto &read) {
		return read.first.first >= 8 && read.first.first + read.first.second <= 16;
	});
	auto event = PlanEvent::choose(input_, insn != no_insn || uses_task_, only_second);
	if (!event)
		return refused(program(), insn, event.error().message);
	return event;
}

std::string PlanMaker::note_of(const PlanProgram &which, uint32_t insn) const
{
	std::string line = line_of(which, insn);
	return line.empty() ? fmt::format("insn {}", insn) : line;
}

// The program's own reads, then those for others. What lies within another one is not read twice.
std::vector<PlanMaker::Wanted> PlanMaker::wanted() const
{
	std::vector<Wanted> all, left;
	for (const PlanRead &read : self().run.reads)
		if (is_direct(read))
			all.push_back({read, note_of(program(), read.insn), false, true});
	for (const JoinedRead &read : kept_)
		all.push_back(
			{read.read,
			 fmt::format("for {}, which follows the pointer in map {}", read.reader->name, read.map->name),
			 true, read.is_stored});
	for (size_t i = 0; i < all.size(); i++) {
		auto holds_it = [&](const Wanted &other) {
			Place here = place_of(all[i].read.address), there = place_of(other.read.address);
			bool larger = other.read.size > all[i].read.size ||
				      (other.read.size == all[i].read.size && &other < &all[i]);
			return larger && !other.read.is_string && !all[i].read.is_string && here.base == there.base &&
			       here.offset >= there.offset &&
			       here.offset + all[i].read.size <= there.offset + static_cast<int64_t>(other.read.size);
		};
		auto other = std::find_if(all.begin(), all.end(), holds_it);
		if (other == all.end()) {
			left.push_back(all[i]);
			continue;
		}
		other->kept = other->kept || all[i].kept;
		other->needed = other->needed || all[i].needed;
		for (Wanted &taken : left)
			if (taken.read.address == other->read.address && taken.read.size == other->read.size)
				taken.kept = other->kept;
	}
	return left;
}

Result<void> PlanMaker::add_reads(PlanFetches &fetches, const PlanEvent &event, std::vector<std::string> &remarks) const
{
	for (const Wanted &wanted : wanted()) {
		fetches.set_note(wanted.note);
		// A pointer that was only found equal: another event has captured it, though perhaps not as late.
		if (!wanted.needed && !event.can_fetch()) {
			remarks.push_back(fmt::format("cannot capture {} {}: an earlier event's is taken",
						      describe_value(wanted.read.address), wanted.note));
			continue;
		}
		auto added = fetches.add_read(wanted.read, wanted.kept);
		if (!added)
			return refused(program(), wanted.read.insn,
				       added.error().message + (wanted.kept ? " (" + wanted.note + ")" : ""));
	}
	return {};
}

Result<void> PlanMaker::add_all(PlanFetches &fetches, const PlanEvent &event, std::vector<std::string> &remarks) const
{
	for (const auto &[bytes, insn] : self().run.context) {
		fetches.set_note(note_of(program(), insn));
		auto added = fetches.add_context(bytes.first, bytes.second);
		if (!added)
			return refused(program(), insn, added.error().message);
	}
	if (uses_task_) {
		fetches.set_note("bpf_get_current_task");
		auto added = fetches.add_task();
		if (!added)
			return refused(program(), no_insn, added.error().message);
	}
	auto added = add_reads(fetches, event, remarks);
	if (!added)
		return added;
	auto fits = fetches.check();
	return fits ? Result<void>() : refused(program(), no_insn, fits.error().message);
}

void PlanMaker::describe(Plan &plan, const PlanEvent &event, const PlanFetches &fetches) const
{
	if (!event.explanation.empty())
		plan.explanation.push_back(event.explanation);
	for (size_t i = 0; i < plan.fetches.size(); i++)
		plan.explanation.push_back(fmt::format("{}: {}", plan.fetches[i].name, fetches.note(i)));
	if (plan.recalls)
		plan.explanation.push_back(
			"what lies behind pointers in maps is what the thread's latest event that knew them has seen");
	if (plan.may_overflow)
		plan.explanation.push_back(
			fmt::format("an event whose strings make it larger than {} bytes is not recorded: {}", input_.kernel->max_event,
				    plan.filter.empty() && !plan.process ? "the probe's hits tell how many" : "with a filter nothing tells how many"));
	for (const PlanMap *map : self().run.assumed)
		plan.explanation.push_back(
			fmt::format("map {} is taken as it is now: no program changes it", map->name));
}

Result<Plan> PlanMaker::make()
{
	if (input_.hook.kind == HookKind::socket_filter || program().type == BPF_PROG_TYPE_SOCKET_FILTER)
		return refused(program(), no_insn, "no classic event stands for a socket's packets");
	if (auto ran = run_all(); !ran)
		return ran.error();
	if (auto joined = check_joins(); !joined)
		return joined.error();
	const PlanRun &run = self().run;
	uses_task_ =
		run.helpers.contains(BPF_FUNC_get_current_task) || run.helpers.contains(BPF_FUNC_get_current_task_btf);
	auto event = choose_event();
	if (!event)
		return event.error();
	PlanFetches fetches(values_, *event, *input_.kernel);
	std::vector<std::string> remarks;
	if (auto added = add_all(fetches, *event, remarks); !added)
		return added.error();
	PlanFilter filter = filter_of(run, *event, fetches, *input_.kernel);
	Plan plan;
	plan.source = event->source;
	plan.place = event->place;
	plan.listener = event->listener;
	plan.context_is_record = event->context_is_record();
	plan.context_size = event->context_size;
	for (unsigned at = 0; at < event->header_size(); at += 8) // the common fields
		plan.context.push_back({at, 8, ContextPart::From::record, at, 8, false, 0});
	plan.context.insert(plan.context.end(), fetches.context().begin(), fetches.context().end());
	plan.may_overflow = fetches.may_overflow();
	plan.fetches = std::move(fetches.fetches());
	plan.uses_current = fetches.current() >= 0;
	plan.current_fetch = fetches.current();
	plan.recalls =
		std::any_of(run.reads.begin(), run.reads.end(), [](const PlanRead &read) { return !is_direct(read); });
	plan.filter = filter.text;
	plan.process = filter.process;
	plan.not_process = filter.not_process;
	plan.kernel_stack = run.kernel_stack;
	plan.user_stack = run.user_stack;
	plan.helpers.assign(run.helpers.begin(), run.helpers.end());
	describe(plan, *event, fetches);
	plan.explanation.insert(plan.explanation.end(), remarks.begin(), remarks.end());
	return plan;
}

} // namespace

Result<Plan> make_plan(const PlanInput &input)
{
	return PlanMaker(input).make();
}
