// SPDX-License-Identifier: GPL-2.0-only
#include "ftrace/plan_fetch.h"

#include <algorithm>
#include <fmt/format.h>

namespace
{

constexpr size_t header_bytes = 32; // of a record
constexpr size_t longest_string = 4096; // PATH_MAX is where a fetched string is cut

Error refusal(std::string reason)
{
	return Error{std::move(reason), EOPNOTSUPP};
}

unsigned unit_of(unsigned size)
{
	return size % 8 == 0 ? 8 : size % 4 == 0 ? 4 : size % 2 == 0 ? 2 : 1;
}

} // namespace

std::string fetch_text(const Fetch &fetch, uint64_t current)
{
	std::string text;
	size_t first = 0;
	switch (fetch.base) {
	case Fetch::Base::register_value:
		text = "%" + fetch.register_name;
		break;
	case Fetch::Base::return_value:
		text = "$retval";
		break;
	case Fetch::Base::argument:
		text = fmt::format("$arg{}", fetch.argument);
		break;
	case Fetch::Base::current:
		text = fmt::format("@{:#x}", current);
		break;
	case Fetch::Base::address: // @ADDRESS reads there: the first step
		text = fmt::format("@{:#x}", fetch.address + static_cast<uint64_t>(fetch.steps.at(0).offset));
		first = 1;
		break;
	}
	for (size_t i = first; i < fetch.steps.size(); i++) {
		bool says_type = i + 1 == fetch.steps.size() && fetch.is_string;
		text = fmt::format("{}{}{}({})", fetch.steps[i].offset < 0 ? "-" : "+",
				   fetch.steps[i].user && !says_type ? "u" : "",
				   fetch.steps[i].offset < 0 ? 0 - static_cast<uint64_t>(fetch.steps[i].offset)
							     : static_cast<uint64_t>(fetch.steps[i].offset),
				   text);
	}
	return text + ":" + fetch.type;
}

std::string Plan::arguments(uint64_t current) const
{
	std::string all;
	for (const Fetch &fetch : fetches)
		all += (all.empty() ? "" : " ") + fetch.name + "=" + fetch_text(fetch, current);
	return all;
}

std::string PlanFetches::type_of(const Fetch &fetch, bool user) const
{
	if (fetch.is_string)
		return user && kernel_.user_reads && !event_.in_program() ? "ustring" : "string";
	std::string type = fmt::format("{}{}", kernel_.hex_types ? "x" : "u", 8 * fetch.size);
	return fetch.count > 1 ? fmt::format("{}[{}]", type, fetch.count) : type;
}

Result<int> PlanFetches::add(Fetch fetch, Value address)
{
	if (!event_.can_fetch())
		return refusal(event_.source == PlanSource::clock
				       ? "it reads memory, and a clock's event has none to show"
				       : "tracepoint " + event_.place +
						 " gives a record, and nothing can follow a pointer that is in it");
	fetch.name = fmt::format("a{}", fetches_.size());
	fetches_.push_back(std::move(fetch));
	regions_.push_back(address);
	notes_.push_back(note_);
	return static_cast<int>(fetches_.size() - 1);
}

Result<int> PlanFetches::add_word(int64_t offset)
{
	auto known = words_.find(offset);
	if (known != words_.end())
		return known->second;
	ContextWord word = event_.word(offset);
	ContextPart part;
	part.offset = static_cast<unsigned>(offset);
	int index = -1;
	switch (word.kind) {
	case ContextWord::Kind::missing:
		if (!word.reason.empty())
			return refusal(word.reason);
		words_[offset] = -1; // always 0
		return -1;
	case ContextWord::Kind::probe_address:
		part.from = ContextPart::From::probe_address;
		break;
	case ContextWord::Kind::record:
		part.from = ContextPart::From::record;
		part.index = word.field->offset;
		part.record_size = word.field->size;
		part.is_signed = word.field->is_signed;
		break;
	case ContextWord::Kind::fetch: {
		word.fetch.type = type_of(word.fetch, false);
		auto added = add(word.fetch, nullptr);
		if (!added)
			return added;
		index = *added;
		part.index = static_cast<unsigned>(index);
	}
	}
	words_[offset] = index;
	context_.push_back(part);
	return index;
}

Result<int> PlanFetches::add_current()
{
	if (current_ >= 0)
		return current_;
	if (event_.in_program())
		return refusal("it reads the running task, which is in the kernel: a uprobe's event reads the "
			       "program's memory only");
	if (!kernel_.current)
		return refusal("it reads the running task, and the address of \"current\" is not known here (it takes "
			       "/proc/kallsyms with addresses: run as root)");
	Fetch fetch;
	fetch.base = Fetch::Base::current;
	fetch.type = type_of(fetch, false);
	auto added = add(fetch, nullptr);
	if (added)
		current_ = *added;
	return added;
}

std::pair<int, unsigned> PlanFetches::find_region(Value address, unsigned size) const
{
	Place wanted = place_of(address);
	for (size_t i = 0; i < fetches_.size(); i++) {
		if (!regions_[i] || fetches_[i].is_string)
			continue;
		Place here = place_of(regions_[i]);
		int64_t distance = wanted.offset - here.offset;
		if (here.base == wanted.base && distance >= 0 && distance + size <= fetches_[i].bytes())
			return {static_cast<int>(i), static_cast<unsigned>(distance)};
	}
	return {-1, 0};
}

Result<std::pair<int, unsigned>> PlanFetches::add_pointer(Value pointer)
{
	if (pointer->is(ValueKind::constant))
		return std::pair(-1, 0u);
	if (pointer->is(ValueKind::memory)) {
		auto found = find_region(pointer->a, 8);
		if (found.first < 0) {
			auto added = add_read({pointer->a, 8, pointer->space, false, 0}, false);
			if (!added)
				return added.error();
			found = find_region(pointer->a, 8);
		}
		return found;
	}
	auto added = pointer->is(ValueKind::current) ? add_current() : add_word(pointer->distance());
	if (!added)
		return added.error();
	if (*added < 0)
		return refusal(event_.word(pointer->distance()).kind == ContextWord::Kind::probe_address
				       ? "it reads the code of the place that is probed"
				       : "tracepoint " + event_.place +
						 " gives a record, and nothing can follow a pointer that is in it");
	return std::pair(*added, 0u);
}

Result<Fetch> PlanFetches::path_to(Value pointer, bool &points_to_user)
{
	if (pointer->is(ValueKind::memory)) {
		Place place = place_of(pointer->a);
		bool user = false;
		auto path = path_to(place.base, user);
		if (!path)
			return path;
		user = pointer->space == Space::user || (pointer->space == Space::any && user);
		path->steps.push_back({place.offset, user && kernel_.user_reads && !event_.in_program()});
		points_to_user = user; // what lies in a process's memory points into it
		return path;
	}
	Fetch path;
	if (pointer->is(ValueKind::current)) {
		path.base = Fetch::Base::current;
	} else if (pointer->is(ValueKind::constant)) {
		path.base = Fetch::Base::address;
		path.address = pointer->number;
	} else if (pointer->is(ValueKind::context_bytes) && pointer->size == 8 && !event_.context_is_record()) {
		ContextWord word = event_.word(pointer->distance());
		if (word.kind == ContextWord::Kind::fetch) {
			points_to_user = word.points_to_user;
			return word.fetch;
		}
		return refusal(word.reason.empty() ? "it follows a pointer that the event does not have" : word.reason);
	} else {
		return refusal(event_.context_is_record()
				       ? "tracepoint " + event_.place +
						 " gives a record, and nothing can follow a pointer that is in it"
				       : "it follows a pointer that this event does not have");
	}
	return path;
}

Fetch PlanFetches::region(const Fetch &path, int64_t distance, unsigned size, unsigned count, bool user) const
{
	Fetch fetch = path;
	fetch.steps.push_back({distance, user && kernel_.user_reads && !event_.in_program()});
	fetch.size = size;
	fetch.count = count;
	fetch.is_region = true;
	fetch.distance = path.base == Fetch::Base::address && path.steps.empty()
				 ? static_cast<int64_t>(path.address + static_cast<uint64_t>(distance))
				 : distance;
	return fetch;
}

// As few arguments as the kernel's arrays allow; each piece is read on its own. No kernel up to 6.1 takes an array of
// user memory (+u0(..):x64[2]: "String accepts only memory argument").
Result<void> PlanFetches::add_words(Value address, unsigned size, const Fetch &path, bool user, bool kept)
{
	auto pointer = add_pointer(place_of(address).base);
	if (!pointer)
		return pointer.error();
	int64_t distance = place_of(address).offset;
	for (unsigned done = 0; done < size;) {
		unsigned unit = unit_of(size), count = (size - done) / unit;
		if (!kernel_.arrays ||
		    (user && kernel_.user_reads && !event_.in_program())) { // words as large as the rest allows
			unit = size - done >= 8 ? 8 : size - done >= 4 ? 4 : size - done >= 2 ? 2 : 1;
			count = 1;
		}
		count = std::min(count, kernel_.max_array);
		Fetch fetch = region(path, distance + done, unit, count, user);
		fetch.pointer = pointer->first;
		fetch.pointer_at = pointer->second;
		fetch.kept = kept;
		fetch.type = type_of(fetch, user);
		auto added = add(std::move(fetch), values_.sum(address, done));
		if (!added)
			return added.error();
		done += unit * count;
	}
	return {};
}

Result<void> PlanFetches::add_read(const PlanRead &read, bool kept)
{
	Place place = place_of(read.address);
	if (!read.is_string) {
		auto known = find_region(read.address, read.size);
		if (known.first >= 0) {
			fetches_[static_cast<size_t>(known.first)].kept |= kept;
			return {};
		}
	}
	bool user = false;
	auto path = path_to(place.base, user);
	if (!path)
		return path.error();
	user = read.space == Space::user || (read.space == Space::any && user);
	if (!read.is_string)
		return add_words(read.address, read.size, *path, user, kept);
	for (size_t i = 0; i < fetches_.size(); i++)
		if (regions_[i] == read.address && fetches_[i].is_string) {
			fetches_[i].size = std::max(fetches_[i].size, read.size);
			fetches_[i].kept |= kept;
			return {};
		}
	auto pointer = add_pointer(place.base);
	if (!pointer)
		return pointer.error();
	Fetch fetch = region(*path, place.offset, read.size, 1, user);
	fetch.is_string = true;
	fetch.pointer = pointer->first;
	fetch.pointer_at = pointer->second;
	fetch.kept = kept;
	fetch.type = type_of(fetch, user);
	auto added = add(std::move(fetch), read.address);
	return added ? Result<void>() : added.error();
}

Result<void> PlanFetches::add_context(int64_t offset, unsigned size)
{
	if (event_.context_is_record())
		return {};
	auto header = static_cast<int64_t>(event_.header_size());
	for (int64_t word = offset / 8 * 8; word < offset + size; word += 8) {
		if (word < header) // the common fields: those of the event in its place are the same
			continue;
		auto added = add_word(word);
		if (!added)
			return added.error();
	}
	return {};
}

Result<void> PlanFetches::add_task()
{
	auto added = add_current();
	return added ? Result<void>() : added.error();
}

Result<void> PlanFetches::check() const
{
	size_t line = 80, fixed = header_bytes; // the name and the place
	if (fetches_.size() > kernel_.max_arguments)
		return refusal(fmt::format("it reads {} pieces of memory and registers; an event carries {}",
					   fetches_.size(), kernel_.max_arguments));
	for (const Fetch &fetch : fetches_) {
		std::string text = fetch_text(fetch, UINT64_MAX);
		size_t depth = fetch.steps.size();
		line += fetch.name.size() + text.size() + 2;
		fixed += fetch.is_string ? 4 : fetch.bytes();
		if (text.size() > kernel_.max_argument)
			return refusal(fmt::format("{} has {} characters; an event's argument has {} at most", text,
						   text.size(), kernel_.max_argument));
		if (depth > kernel_.max_depth)
			return refusal(
				fmt::format("{} follows {} pointers one behind the other; an event follows {} at most",
					    text, depth, kernel_.max_depth));
	}
	if (line > kernel_.max_line)
		return refusal(fmt::format("its event would take {} characters to define; the kernel takes {}", line,
					   kernel_.max_line));
	if (fixed > kernel_.max_event)
		return refusal(
			fmt::format("it reads {} bytes of memory; an event carries {}", fixed, kernel_.max_event));
	return {};
}

bool PlanFetches::may_overflow() const
{
	size_t most = header_bytes;
	for (const Fetch &fetch : fetches_)
		most += fetch.is_string ? 4 + longest_string : fetch.bytes();
	return most > kernel_.max_event;
}

const Fetch *PlanFetches::find(Value value) const
{
	if (value->is(ValueKind::context_bytes) && value->size == 8) {
		auto word = words_.find(value->distance());
		return word == words_.end() || word->second < 0 ? nullptr
								: &fetches_[static_cast<size_t>(word->second)];
	}
	if (!value->is(ValueKind::memory) || value->is_string)
		return nullptr;
	for (size_t i = 0; i < fetches_.size(); i++)
		if (regions_[i] == value->a && !fetches_[i].is_string && fetches_[i].count == 1 &&
		    fetches_[i].size == value->size)
			return &fetches_[i];
	return nullptr;
}
