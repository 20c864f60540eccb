// SPDX-License-Identifier: GPL-2.0-only
// Histograms with slots by powers of two or of equal width, drawn as libbpf-tools draw them.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

class Histogram
{
	std::string unit_;
	std::vector<uint64_t> slots_;
	uint64_t base_ = 0;
	uint64_t step_ = 0; // 0: powers of two

	Histogram(std::string unit, std::vector<uint64_t> slots, uint64_t base, uint64_t step)
	    : unit_(std::move(unit)), slots_(std::move(slots)), base_(base), step_(step)
	{
	}
	uint64_t low(size_t slot) const;
	uint64_t high(size_t slot) const;
	size_t first_used() const; // the first slot that counts something
	size_t used() const;	   // behind the last one that does
	std::string draw_log2(uint64_t largest) const;
	std::string draw_linear(uint64_t largest) const;

      public:
	// Slot 0 counts the values 0 and 1, slot i those from 2^i to 2^(i+1)-1; at most 64 slots. `unit`
	// ("usecs") is what the values are in.
	static Histogram log2(std::string unit, std::span<const uint32_t> slots);
	// Slot i counts the values from base + i * step to base + (i+1) * step - 1.
	static Histogram linear(std::string unit, std::span<const uint32_t> slots, uint64_t base, uint64_t step);

	uint64_t count() const;
	bool empty() const { return count() == 0; }

	// A head and a line per slot, up to the last that counts something (linear: only those that count something,
	// each by its lowest value); "" for an empty one.
	std::string draw() const;
	// {"unit":"usecs","count":N,"buckets":[{"low":0,"high":1,"count":3},…]} without empty slots at the ends.
	nlohmann::ordered_json json() const;
};
