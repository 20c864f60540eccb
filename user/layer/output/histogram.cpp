// SPDX-License-Identifier: GPL-2.0-only
#include "layer/output/histogram.h"

#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <numeric>

namespace
{

constexpr size_t bar_width = 40;
constexpr size_t narrow_slots = 33; // the numbers of more slots need more room, which the bars give

std::string bar(uint64_t count, uint64_t largest, size_t width)
{
	size_t stars = largest ? static_cast<size_t>(static_cast<unsigned __int128>(count) * width / largest) : 0;
	return fmt::format("{:<{}}", std::string(stars, '*'), width);
}

} // namespace

Histogram Histogram::log2(std::string unit, std::span<const uint32_t> slots)
{
	return Histogram(std::move(unit), {slots.begin(), slots.end()}, 0, 0);
}

Histogram Histogram::linear(std::string unit, std::span<const uint32_t> slots, uint64_t base, uint64_t step)
{
	return Histogram(std::move(unit), {slots.begin(), slots.end()}, base, std::max<uint64_t>(step, 1));
}

uint64_t Histogram::low(size_t slot) const
{
	if (step_)
		return base_ + slot * step_;
	return slot ? uint64_t(1) << slot : 0;
}

uint64_t Histogram::high(size_t slot) const
{
	if (step_)
		return low(slot) + step_ - 1;
	return slot >= 63 ? ~uint64_t(0) : (uint64_t(2) << slot) - 1;
}

uint64_t Histogram::count() const
{
	return std::accumulate(slots_.begin(), slots_.end(), uint64_t(0));
}

size_t Histogram::first_used() const
{
	return std::find_if(slots_.begin(), slots_.end(), [](uint64_t count) { return count != 0; }) - slots_.begin();
}

size_t Histogram::used() const
{
	size_t used = slots_.size();
	while (used && !slots_[used - 1])
		used--;
	return used;
}

std::string Histogram::draw_log2(uint64_t largest) const
{
	bool narrow = used() <= narrow_slots;
	int width = narrow ? 10 : 20;
	std::string text =
		fmt::format("{:{}}{:<{}} : count    distribution\n", "", narrow ? 5 : 15, unit_, narrow ? 19 : 29);
	for (size_t i = 0; i < used(); i++)
		text += fmt::format("{:>{}} -> {:<{}} : {:<8} |{}|\n", low(i), width, high(i), width, slots_[i],
				    bar(slots_[i], largest, narrow ? bar_width : bar_width / 2));
	return text;
}

std::string Histogram::draw_linear(uint64_t largest) const
{
	std::string text = fmt::format("     {:<13} : count     distribution\n", unit_);
	for (size_t i = first_used(); i < used(); i++)
		if (slots_[i])
			text += fmt::format("        {:<10} : {:<8} |{}|\n", low(i), slots_[i],
					    bar(slots_[i], largest, bar_width));
	return text;
}

std::string Histogram::draw() const
{
	if (!used())
		return "";
	uint64_t largest = *std::max_element(slots_.begin(), slots_.end());
	return step_ ? draw_linear(largest) : draw_log2(largest);
}

nlohmann::ordered_json Histogram::json() const
{
	nlohmann::ordered_json buckets = nlohmann::ordered_json::array();
	for (size_t i = first_used(); i < used(); i++)
		buckets.push_back({{"low", low(i)}, {"high", high(i)}, {"count", slots_[i]}});
	return {{"unit", unit_}, {"count", count()}, {"buckets", buckets}};
}
