// SPDX-License-Identifier: GPL-2.0-only
// Replay: one program, run in the vm over the records of one event, as if it ran when and where the event happened.
#pragma once

#include "ftrace/capture.h"
#include "ftrace/memory_image.h"
#include "ftrace/objects.h"
#include "ftrace/plan.h"
#include "ftrace/printed.h"
#include "ftrace/tasks.h"

#include <cstdint>
#include <string>
#include <vector>

// What all replays of an engine share.
struct Stage {
	Tasks tasks;
	Printed printed;
	KeptMemory kept;
	uint64_t boot_offset = 0; // CLOCK_BOOTTIME - CLOCK_MONOTONIC
	uint64_t faults = 0;	  // runs that ended with an error
	uint32_t random = 2463534242;
	vm_machine machine{}; // one at a time
};

class Replay {
	// Where a fetch argument's value stands in the record.
	struct Place {
		unsigned offset = 0;
		unsigned size = 0;
		bool data_loc = false;
	};

	Stage &stage_;
	const ProgramObject *program_; // nullptr: only what the plan keeps is wanted
	Plan plan_;
	uint64_t cookie_;
	int only_process_; // -1: any
	std::vector<Place> places_; // of plan_.fetches
	unsigned ip_offset_ = 0;    // of the address that was hit; 0: the record has none
	std::vector<uint64_t> context_;
	MemoryImage image_;
	const Record *record_ = nullptr; // during a run
	uint64_t misses_ = 0;		 // reads of memory that nobody had captured

	static Replay &of(vm_machine *machine) { return *static_cast<Replay *>(machine->data); }
	static const vm_env &environment();
	static int read(vm_machine *machine, void *to, u32 size, u64 from, int user);
	static int read_string(vm_machine *machine, char *to, u32 size, u64 from, int user);
	static u64 time(vm_machine *machine, vm_clock clock);
	static u64 task(vm_machine *machine);
	static int comm(vm_machine *machine, char *to, u32 size);
	static int stack(vm_machine *machine, u64 *ips, u32 count, u32 skip, int user);
	static int probe_value(vm_machine *machine, vm_probe_value which, u32 index, u64 *value);
	static int perf_output(vm_machine *machine, vm_map *map, u32 cpu, const void *data, u32 size);
	static void print(vm_machine *machine, const char *text, u32 length);

	// The bytes that fetch number `index` gave in this record.
	std::string_view fetched(size_t index) const;
	uint64_t fetched_word(size_t index, unsigned offset = 0) const;
	void make_image();
	void make_context();
	uint64_t probe_address() const;

public:
	// `format` is that of the event the records come from; nullptr for the clock.
	Replay(Stage &stage, const ProgramObject *program, Plan plan, const Format *format, const Hook &hook);

	void run(const Record &record);
	const Plan &plan() const { return plan_; }
	uint64_t misses() const { return misses_; }
};
