// SPDX-License-Identifier: GPL-2.0-only
#include "ftrace/plan_state.h"

#include <algorithm>

void Fingerprint::mix(uint64_t number)
{
	low_ = (low_ ^ number) * 0xff51afd7ed558ccd;
	low_ ^= low_ >> 32;
	high_ = (high_ + low_ + number) * 0xc4ceb9fe1a85ec53;
	high_ ^= high_ >> 29;
}

void OwnBytes::clear(int64_t offset, uint32_t size)
{
	int64_t end = offset + size;
	auto at = pieces_.upper_bound(offset);
	if (at != pieces_.begin())
		--at;
	while (at != pieces_.end() && at->first < end) {
		auto [start, piece] = *at;
		int64_t stop = start + piece.size;
		if (stop <= offset) {
			++at;
			continue;
		}
		at = pieces_.erase(at);
		if (start < offset)
			pieces_[start] = {static_cast<uint32_t>(offset - start), piece.first, piece.value};
		if (stop > end)
			pieces_[end] = {static_cast<uint32_t>(stop - end),
					piece.first + static_cast<uint32_t>(end - start), piece.value};
	}
}

void OwnBytes::write(Values &values, int64_t offset, uint32_t size, Value value)
{
	clear(offset, size);
	if (value->is_constant() && size < 8)
		value = values.bytes(value, 0, size);
	pieces_[offset] = {size, 0, value};
}

void OwnBytes::scatter()
{
	pieces_.clear();
	scattered_ = true;
}

Value OwnBytes::read(Values &values, int64_t offset, uint32_t size, const Untouched &untouched) const
{
	auto at = pieces_.upper_bound(offset);
	if (at != pieces_.begin())
		--at;
	int64_t end = offset + size;
	// Skip a piece that ends before.
	if (at != pieces_.end() && at->first + at->second.size <= offset)
		++at;
	if (at == pieces_.end() || at->first >= end)
		return scattered_ ? values.unknown(~uint64_t(0)) : untouched(offset, size);
	if (at->first <= offset && at->first + at->second.size >= end)
		return values.bytes(at->second.value, at->second.first + static_cast<uint32_t>(offset - at->first),
				    size);
	if (size > 8)
		return values.unknown(~uint64_t(0));
	return pieced_together(values, offset, size, untouched);
}

// Is `byte` the one that follows `count` bytes after `first`, in something that lies in a row?
static bool follows(Values &values, Value first, uint32_t count, Value byte)
{
	if (byte->kind != first->kind || byte->map != first->map || byte->size != 1)
		return false;
	if (byte->is(ValueKind::context_bytes) || byte->is(ValueKind::map_bytes))
		return byte->number == first->number + count;
	return byte->is(ValueKind::memory) && !byte->is_string && byte->space == first->space &&
	       byte->a == values.sum(first->a, count);
}

// Known where all of it is constant, or one stretch of something that lies in a row, with zeros above it.
Value OwnBytes::pieced_together(Values &values, int64_t offset, uint32_t size, const Untouched &untouched) const
{
	uint64_t number = 0;
	uint32_t row = 0;
	Value first = nullptr;
	for (uint32_t i = 0; i < size; i++) {
		Value byte = read(values, offset + i, 1, untouched);
		if (!i)
			first = byte;
		if (row == i && (!i || follows(values, first, i, byte)) && !byte->is_constant())
			row++;
		else if (byte->is_constant() && (!row || !byte->number))
			number |= byte->number << (8 * i);
		else
			return values.unknown(~uint64_t(0));
	}
	if (!row)
		return values.constant(number);
	if (first->is(ValueKind::context_bytes))
		return values.context_bytes(first->distance(), row);
	if (first->is(ValueKind::map_bytes))
		return values.map_bytes(first->map, first->distance(), row);
	return first->is(ValueKind::memory) && !first->is_string ? values.memory(first->a, row, first->space)
								 : values.unknown(~uint64_t(0));
}

void OwnBytes::pointers(Values &values, int64_t offset, uint32_t size,
			const std::function<void(int64_t, Value)> &visit) const
{
	for (const auto &[start, piece] : pieces_) {
		if (start + piece.size <= offset || start >= offset + size)
			continue;
		if (piece.value->is_constant() || piece.value->is_string)
			continue;
		// Pointers lie at multiples of 8 of the memory that they are part of; a long piece can have many.
		for (uint32_t at = piece.first % 8 ? 8 - piece.first % 8 : 0; at + 8 <= piece.size; at += 8)
			if (start + at >= offset && start + at + 8 <= offset + size)
				visit(start + at - offset, values.bytes(piece.value, piece.first + at, 8));
	}
}

void OwnBytes::replace(Value from, Value to)
{
	for (auto &[start, piece] : pieces_)
		if (piece.value == from)
			piece.value = to;
}

void OwnBytes::copy(Values &values, int64_t to, const OwnBytes &source, int64_t from, uint32_t size,
		    const Untouched &untouched)
{
	OwnBytes old = source; // it may be this one
	clear(to, size);
	int64_t done = from, end = from + size;
	auto fill = [&](int64_t until) {
		while (done < until) {
			auto step = static_cast<uint32_t>(std::min<int64_t>(8, until - done));
			pieces_[to + done - from] = {
				step, 0, old.scattered_ ? values.unknown(~uint64_t(0)) : untouched(done, step)};
			done += step;
		}
	};
	for (const auto &[start, piece] : old.pieces_) {
		int64_t begin = std::max(start, from), stop = std::min<int64_t>(start + piece.size, end);
		if (begin >= stop)
			continue;
		fill(begin);
		pieces_[to + begin - from] = {static_cast<uint32_t>(stop - begin),
					      piece.first + static_cast<uint32_t>(begin - start), piece.value};
		done = stop;
	}
	fill(end);
}

void OwnBytes::add_to(Fingerprint &fingerprint) const
{
	fingerprint.mix(pieces_.size() << 1 | scattered_);
	for (const auto &[start, piece] : pieces_) {
		fingerprint.mix(static_cast<uint64_t>(start));
		fingerprint.mix(uint64_t(piece.size) << 32 | piece.first);
		fingerprint.mix(piece.value->id);
	}
}

void PlanState::replace(Value from, Value to)
{
	for (Value &value : registers)
		if (value == from)
			value = to;
	for (CallFrame &frame : frames) {
		for (Value &value : frame.saved)
			if (value == from)
				value = to;
		frame.stack.replace(from, to);
	}
	for (auto &[number, bytes] : objects)
		bytes.replace(from, to);
}

Fingerprint PlanState::fingerprint(uint32_t live) const
{
	Fingerprint print;
	auto mix_value = [&](Value value) { print.mix(value ? value->id + 1 : 0); };
	print.mix(at);
	print.mix(has_effect);
	for (uint32_t i = 0; i < registers.size(); i++)
		mix_value(live & (1u << i) ? registers[i] : nullptr);
	for (const CallFrame &frame : frames) {
		print.mix(frame.back);
		print.mix(frame.is_callback ? frame.callback.next + 1 : 0);
		for (Value value : frame.saved)
			mix_value(value);
		frame.stack.add_to(print);
	}
	for (const auto &[number, bytes] : objects) {
		print.mix(number);
		bytes.add_to(print);
	}
	return print;
}
