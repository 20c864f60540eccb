// SPDX-License-Identifier: GPL-2.0-only
#include "ftrace/memory_image.h"

#include <algorithm>
#include <cstring>

namespace {

constexpr size_t regions_per_thread = 256;

// All bytes from `address` on, from as many pieces as it takes; `find` says what begins there, and how much of it.
template <class Find> bool read_pieces(uint64_t address, char *to, size_t size, Find find)
{
	while (size) {
		size_t here;
		const char *from = find(address, here);
		if (!from)
			return false;
		here = std::min(here, size);
		memcpy(to, from, here);
		address += here;
		to += here;
		size -= here;
	}
	return true;
}

} // namespace

const char *MemoryImage::find(uint64_t address, size_t &size) const
{
	for (const Region &region : regions_) {
		uint64_t inside = address - region.address;
		if (inside < region.bytes.size()) {
			size = region.bytes.size() - inside;
			return region.bytes.data() + inside;
		}
	}
	return nullptr;
}

bool MemoryImage::read(uint64_t address, char *to, size_t size) const
{
	return read_pieces(address, to, size, [this](uint64_t at, size_t &here) { return find(at, here); });
}

// The same place again takes the old one's room; else the oldest one's, when there are too many.
void KeptMemory::keep(uint32_t tid, uint64_t address, std::string_view bytes)
{
	std::vector<Region> &regions = threads_[tid].regions;
	Region *room = nullptr;
	for (Region &region : regions)
		if (region.address == address)
			room = &region;
	if (!room && regions.size() >= regions_per_thread)
		room = &*std::min_element(regions.begin(), regions.end(),
					  [](const Region &a, const Region &b) { return a.age < b.age; });
	if (!room)
		room = &regions.emplace_back();
	room->address = address;
	room->age = ++age_;
	room->bytes.assign(bytes);
}

const char *KeptMemory::find(uint32_t tid, uint64_t address, size_t &size) const
{
	auto thread = threads_.find(tid);
	const Region *newest = nullptr;
	if (thread == threads_.end())
		return nullptr;
	for (const Region &region : thread->second.regions)
		if (address - region.address < region.bytes.size() && (!newest || region.age > newest->age))
			newest = &region;
	if (!newest)
		return nullptr;
	size = newest->bytes.size() - (address - newest->address);
	return newest->bytes.data() + (address - newest->address);
}

bool KeptMemory::read(uint32_t tid, uint64_t address, char *to, size_t size) const
{
	return read_pieces(address, to, size, [&](uint64_t at, size_t &here) { return find(tid, at, here); });
}
