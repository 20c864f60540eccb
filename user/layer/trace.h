// SPDX-License-Identifier: GPL-2.0-only
// Trace: one sample while it runs: engine, loaded object, links, event loop.
#pragma once

#include "layer/buffers.h"
#include "layer/engine/engine.h"
#include "layer/options.h"
#include "layer/output/output.h"
#include "layer/result.h"

#include <bpf/libbpf.h>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

class Sample;

class Trace {
public:
	Trace(Sample &sample, const CommonOptions &options, Engine &engine, Output &output);
	~Trace();
	Trace(const Trace &) = delete;
	Trace &operator=(const Trace &) = delete;

	// Open, load, attach, deliver until the end, report. Returns when the duration or the count is
	// reached, at SIGINT or SIGTERM, or when standard output takes no more.
	Result<void> run();

	// Did run() fail for want of something that its programs need, before it began?
	bool lacks_hooks() const { return lacks_hooks_; }

	const CommonOptions &options() const { return options_; }
	Output &output() { return output_; }
	bpf_object *object() { return object_; }

	// Attach every loaded program whose section names its place. What does not exist here is named on
	// stderr; an error where nothing is left.
	Result<void> attach_all();
	// Attach one program to one place, until the end of the trace. Error code ENOENT: no such place.
	Result<void> attach(bpf_program *program, const Hook &hook);
	// The same for a loaded program that is no part of an object.
	Result<void> attach(int program_fd, const std::string &name, const Hook &hook);
	// Attach one program to each of these kernel functions; those where that fails are named in one note.
	// An error where it fails for all.
	Result<void> attach_each(bpf_program *program, HookKind kind, const std::vector<std::string> &functions);
	Result<void> attach_each(bpf_program *program, const std::vector<Hook> &hooks);
	Result<void> supports(const Hook &hook) { return engine_.supports(hook); }

	// Call `ready` whenever `fd` (the caller's) can be read.
	void watch(int fd, std::function<void()> ready);

	// Print one row of the sample's columns; `time` is in ns of CLOCK_MONOTONIC.
	void event_row(uint64_t time, const Row &row);
	// Like event_row, with columns of the caller's.
	void event_row(uint64_t time, std::span<const Column> columns, const Row &row);

	// Print one row of a report; values beyond the columns are not shown.
	void report_row(std::span<const Column> columns, const Row &row) { output_.row(columns, row); }

	// One line on stderr, unless -q.
	void note(const std::string &line) const;
	// So many records were lost, besides those that the `lost` map counts.
	void add_lost(uint64_t records) { lost_ += records; }
	void stop() { stopped_ = true; }
	// ns of CLOCK_MONOTONIC, for records that bring no time of their own.
	uint64_t now() const;
	// How long the programs have been attached, in seconds.
	double elapsed() const;

private:
	struct Watch {
		int fd;
		std::function<void()> ready;
	};

	Result<void> open();
	Result<void> load();
	Result<void> load_without_object();
	Result<void> open_buffers();
	std::vector<bpf_map *> maps() const;
	Result<void> attach_by_section(bpf_program *program);
	Result<void> loop();
	void poll_once(double wait);
	// What the engine has to do, and what came of it.
	void process();
	uint64_t lost() const;
	void summary() const;

	Sample &sample_;
	const CommonOptions &options_;
	Engine &engine_;
	Output &output_;
	bpf_object *object_ = nullptr; // the sample's; some have none
	std::vector<std::unique_ptr<Link>> links_;
	std::vector<std::unique_ptr<Buffer>> buffers_;
	std::vector<Watch> watches_;
	std::map<const bpf_program *, Error> missing_; // programs whose place does not exist here
	std::vector<Column> timed_columns_;	       // the sample's, behind a time column
	uint64_t started_ = 0; // ns of CLOCK_MONOTONIC
	uint64_t ended_ = 0;   // likewise; 0 while programs are attached
	uint64_t reports_ = 0;
	uint64_t lost_ = 0;
	bool stopped_ = false;
	bool lacks_hooks_ = false;
	bool more_ = false; // the engine has more to do at once
};
