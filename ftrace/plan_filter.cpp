// SPDX-License-Identifier: GPL-2.0-only
#include "ftrace/plan_filter.h"

#include <algorithm>
#include <fmt/format.h>
#include <linux/bpf.h>
#include <numeric>

namespace
{

constexpr size_t max_alternatives = 8, max_length = 1000;

using Terms = std::set<std::string>; // all of them hold
using Opposites = std::map<std::string, std::string>;

struct Way {
	Terms terms;
	std::optional<uint32_t> process;
	std::set<uint32_t> not_processes;
};

struct Names {
	const PlanEvent &event;
	const PlanFetches &fetches;
	const Kernel &kernel;
};

// A value that the filter has a name for.
struct Named {
	std::string name;
	unsigned size = 8;
	bool is_signed = false;
};

std::optional<Named> name_of(Value value, const Names &names)
{
	if (value->is(ValueKind::sign_extended))
		value = value->a;
	if (value->is(ValueKind::context_bytes))
		if (const Field *field = names.event.field(value->distance(), value->size))
			if (!field->count &&
			    (field->size == 1 || field->size == 2 || field->size == 4 || field->size == 8))
				return Named{field->name, field->size, field->is_signed};
	if (const Fetch *fetch = names.fetches.find(value))
		return Named{fetch->name, fetch->size, false};
	return {};
}

std::string number_text(uint64_t number, const Named &named)
{
	unsigned bits = 64 - 8 * named.size;
	if (named.is_signed)
		return std::to_string(static_cast<int64_t>(number << bits) >> bits);
	return std::to_string(number << bits >> bits);
}

// The operator, turned round where the decision did not hold.
const char *sign_of(uint8_t op, bool holds)
{
	switch (op) {
	case VM_JEQ:
		return holds ? "==" : "!=";
	case VM_JNE:
		return holds ? "!=" : "==";
	case VM_JGT:
	case VM_JSGT:
		return holds ? ">" : "<=";
	case VM_JGE:
	case VM_JSGE:
		return holds ? ">=" : "<";
	case VM_JLT:
	case VM_JSLT:
		return holds ? "<" : ">=";
	case VM_JLE:
	case VM_JSLE:
		return holds ? "<=" : ">";
	default:
		return nullptr;
	}
}

bool is_signed_order(uint8_t op)
{
	return op == VM_JSGT || op == VM_JSGE || op == VM_JSLT || op == VM_JSLE;
}

bool is_equality(uint8_t op)
{
	return op == VM_JEQ || op == VM_JNE;
}

// "" where a filter cannot say it.
std::string compared(const Decision &decision, const Names &names)
{
	Value value = decision.a;
	uint64_t number = decision.b->number;
	if (decision.op == VM_JSET && decision.holds) {
		auto named = name_of(value, names);
		return named && number >> 63 == 0 ? fmt::format("{} & {}", named->name, number) : "";
	}
	// x & 4 is compared with 0.
	if (is_equality(decision.op) && number == 0 && value->is(ValueKind::operation) && value->index == VM_AND &&
	    value->b->is_constant()) {
		auto named = name_of(value->a, names);
		bool is_set = (decision.op == VM_JNE) == decision.holds;
		return named && is_set && value->b->number >> 63 == 0
			       ? fmt::format("{} & {}", named->name, value->b->number)
			       : "";
	}
	const char *sign = sign_of(decision.op, decision.holds);
	auto named = name_of(value, names);
	if (!sign || !named)
		return "";
	// The order must mean the same there: signed for a signed field, unsigned for another.
	bool extended = value->is(ValueKind::sign_extended) || named->size == 8;
	if (!is_equality(decision.op) &&
	    (is_signed_order(decision.op) != named->is_signed || (named->is_signed && !extended)))
		return "";
	return fmt::format("{} {} {}", named->name, sign, number_text(number, *named));
}

bool is_helper_bytes(Value value, uint32_t id, uint32_t first, uint32_t size)
{
	return value->is(ValueKind::bytes) && value->number == first && value->size == size &&
	       value->a->is(ValueKind::helper) && value->a->number == id;
}

// The 16 bytes of a comm, asked for in two words; the second only where the first has no end.
void add_comm(const std::vector<Decision> &decisions, const Kernel &kernel, Terms &terms)
{
	std::optional<uint64_t> words[2];
	for (const Decision &decision : decisions)
		for (uint32_t i = 0; i < 2; i++)
			if (is_helper_bytes(decision.a, BPF_FUNC_get_current_comm, 8 * i, 8) &&
			    decision.b->is_constant() && is_equality(decision.op) &&
			    (decision.op == VM_JEQ) == decision.holds)
				words[i] = decision.b->number;
	if (!words[0] || kernel.comm_field.empty())
		return;
	char comm[17] = {};
	memcpy(comm, &*words[0], 8);
	if (strnlen(comm, 8) == 8) {
		if (!words[1])
			return;
		memcpy(comm + 8, &*words[1], 8);
	}
	if (!strpbrk(comm, "\"\\*?[") && *comm)
		terms.insert(fmt::format("{} == \"{}\"", kernel.comm_field, comm));
}

Way way_of(const std::vector<Decision> &decisions, const Names &names, Opposites &opposites)
{
	Way way;
	for (const Decision &decision : decisions) {
		if (!decision.b->is_constant())
			continue;
		if (is_equality(decision.op) && is_helper_bytes(decision.a, BPF_FUNC_get_current_pid_tgid, 4, 4)) {
			auto process = static_cast<uint32_t>(decision.b->number);
			if ((decision.op == VM_JEQ) == decision.holds)
				way.process = process;
			else
				way.not_processes.insert(process);
			continue;
		}
		std::string text = compared(decision, names);
		if (text.empty())
			continue;
		way.terms.insert(text);
		Decision other = decision;
		other.holds = !other.holds;
		if (std::string opposite = compared(other, names); !opposite.empty())
			opposites[text] = opposite;
	}
	add_comm(decisions, names.kernel, way.terms);
	return way;
}

Terms common_terms(const std::vector<Terms> &ways)
{
	Terms common = ways.front();
	for (const Terms &terms : ways)
		std::erase_if(common, [&](const std::string &term) { return !terms.contains(term); });
	return common;
}

std::string joined(const Terms &terms)
{
	return std::accumulate(terms.begin(), terms.end(), std::string(), [](std::string all, const std::string &term) {
		return all.empty() ? term : all + " && " + term;
	});
}

// (x && y) || !x is y || !x: what one way has settled, another need not ask again.
bool shorten(std::vector<Terms> &ways, const Opposites &opposites)
{
	for (Terms &terms : ways)
		for (const std::string &term : terms) {
			auto opposite = opposites.find(term);
			Terms rest = terms;
			rest.erase(term);
			bool settled =
				opposite != opposites.end() && std::any_of(ways.begin(), ways.end(), [&](Terms other) {
					return other.erase(opposite->second) &&
					       std::includes(rest.begin(), rest.end(), other.begin(), other.end());
				});
			if (settled) {
				terms = std::move(rest);
				return true;
			}
		}
	return false;
}

// A way that asks for more than another one adds nothing.
void absorb(std::vector<Terms> &ways)
{
	std::sort(ways.begin(), ways.end(),
		  [](const Terms &a, const Terms &b) { return a.size() != b.size() ? a.size() < b.size() : a < b; });
	std::vector<Terms> left;
	for (Terms &terms : ways) {
		bool is_within = std::any_of(left.begin(), left.end(), [&](const Terms &other) {
			return std::includes(terms.begin(), terms.end(), other.begin(), other.end());
		});
		if (!is_within)
			left.push_back(std::move(terms));
	}
	ways = std::move(left);
}

std::string filter_text(std::vector<Terms> ways, const Opposites &opposites)
{
	do
		absorb(ways);
	while (shorten(ways, opposites));
	Terms common = common_terms(ways);
	std::string text = joined(common), alternatives;
	if (ways.size() == 1 || ways.size() > max_alternatives)
		return text;
	for (Terms &terms : ways) {
		std::erase_if(terms, [&](const std::string &term) { return common.contains(term); });
		alternatives += (alternatives.empty() ? "" : " || ") +
				(terms.size() > 1 ? "(" + joined(terms) + ")" : joined(terms));
	}
	std::string whole = text.empty() ? alternatives : text + " && (" + alternatives + ")";
	return whole.size() <= max_length ? whole : text;
}

} // namespace

PlanFilter filter_of(const PlanRun &run, const PlanEvent &event, const PlanFetches &fetches, const Kernel &kernel)
{
	PlanFilter filter;
	std::vector<Way> ways;
	Opposites opposites;
	for (const std::vector<Decision> &decisions : run.conditions)
		ways.push_back(way_of(decisions, {event, fetches, kernel}, opposites));
	if (ways.empty())
		return filter;
	filter.process = ways.front().process;
	std::set<uint32_t> not_processes = ways.front().not_processes;
	std::vector<Terms> terms;
	for (Way &way : ways) {
		if (way.process != filter.process)
			filter.process.reset();
		std::erase_if(not_processes, [&](uint32_t process) { return !way.not_processes.contains(process); });
		terms.push_back(std::move(way.terms));
	}
	if (!not_processes.empty())
		filter.not_process = *not_processes.begin();
	filter.text = filter_text(std::move(terms), opposites);
	return filter;
}
