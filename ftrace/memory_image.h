// SPDX-License-Identifier: GPL-2.0-only
// Memory as an event carried it: some bytes here and there, each with the address they had.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

// What one event brought. Refers to the record's bytes.
class MemoryImage {
	struct Region {
		uint64_t address;
		std::string_view bytes;
	};
	std::vector<Region> regions_;

public:
	void clear() { regions_.clear(); }
	void add(uint64_t address, std::string_view bytes) { regions_.push_back({address, bytes}); }
	// All `size` bytes from `address` on, from as many regions as it takes; false: they are not all here.
	bool read(uint64_t address, char *to, size_t size) const;
	// Up to the NUL or the region's end, `size` at most. nullptr: nothing begins here.
	const char *find(uint64_t address, size_t &size) const;
};

// What earlier events of a thread brought and later ones will ask for.
class KeptMemory {
	struct Region {
		uint64_t address = 0;
		uint64_t age = 0; // the number of its event
		std::string bytes;
	};
	struct Thread {
		std::vector<Region> regions;
	};
	std::unordered_map<uint32_t, Thread> threads_;
	uint64_t age_ = 0;

public:
	void keep(uint32_t tid, uint64_t address, std::string_view bytes);
	void forget(uint32_t tid) { threads_.erase(tid); }
	bool read(uint32_t tid, uint64_t address, char *to, size_t size) const;
	const char *find(uint32_t tid, uint64_t address, size_t &size) const;
};
