// SPDX-License-Identifier: GPL-2.0-only
// What this kernel can do: one table, each feature probed once, by asking, never by version number.
#pragma once

#include "layer/result.h"

#include <array>
#include <optional>
#include <span>
#include <string>

enum class Feature {
	bpf_syscall,
	socket_filter,
	kprobe_program,
	tracepoint_program,
	perf_event_program,
	raw_tracepoint_program,
	typed_tracepoint,
	typed_program,
	hash_map,
	percpu_array_map,
	percpu_hash_map,
	lru_hash_map,
	stack_trace_map,
	perf_buffer,
	ring_buffer,
	global_data,
	bounded_loops,
	probe_read_kernel,
	attach_cookie,
	kernel_btf,
	tracefs,
	tracepoints,
	syscall_tracepoints,
	kprobes,
	kprobe_multi,
	uprobes,
	software_clock,
	kernel_symbols,
	count
};

struct FeatureRow {
	Feature id;
	const char *name;
	const char *since;  // the Linux version that brought it
	const char *config; // what else the kernel needs: a CONFIG_ name or a setting; "" for nothing
	const char *use;    // what it is for here
	bool (*probe)(const class Features &);
};

class Features {
	std::string root_;
	std::array<std::optional<bool>, static_cast<size_t>(Feature::count)> known_;

public:
	// `root` stands before /proc and /sys: a recorded tree in tests. bpf(2) goes to the active engine.
	explicit Features(std::string root = "") : root_(std::move(root)) {}

	static std::span<const FeatureRow> table();
	static const FeatureRow &row(Feature feature);

	bool has(Feature feature);
	// An error names the feature, the version that has it, and the setting it hangs on.
	Result<void> need(Feature feature);

	const std::string &root() const { return root_; }
};

// Those of the active engine: each is asked once.
Features &features();
