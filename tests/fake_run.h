// SPDX-License-Identifier: GPL-2.0-only
// Runs a sample against a fake engine and keeps what came of it.
#pragma once

#include "capture.h"
#include "fake_engine.h"
#include "layer/commands/commands.h"
#include "memory_file.h"

#include <CLI/CLI.hpp>
#include <bpf/btf.h>
#include <nlohmann/json.hpp>

// Rows as JSON objects, histograms too.
class KeptOutput final : public Output
{
      public:
	std::vector<nlohmann::json> kept;
	int sections = 0;

	void row(std::span<const Column> columns, const Row &row) override;
	void histogram(const std::string &title, std::span<const Column>, const Row &,
		       const Histogram &histogram) override;
	void section(const std::string &) override { sections++; }
};

struct FakeRun {
	std::unique_ptr<Sample> sample;
	KeptOutput output;
	Result<void> result;
	std::string err; // what was printed on stderr

	// `arguments` are the sample's; the run ends after a blink unless they say when.
	FakeRun(FakeEngine &engine, const SampleEntry &entry, std::vector<std::string> arguments);
	// `run` with one of tests/objects/, by its name.
	static FakeRun object(FakeEngine &engine, const std::string &name, std::vector<std::string> arguments = {});
};

// Structs with fields at chosen offsets.
class HandMadeBtf
{
	btf *types_ = btf__new_empty();
	int int_, long_;

      public:
	struct Field {
		const char *name;
		enum Kind { int_kind, long_kind, pointer, long_array, comm } kind;
		unsigned offset; // bytes
	};

	HandMadeBtf();
	~HandMadeBtf() { btf__free(types_); }
	HandMadeBtf &add(const char *name, const std::vector<Field> &fields);
	const btf *get() const { return types_; }
	MemoryFile file() const;
};

// The path of a BPF object made from tests/objects/NAME.bpf.c.
std::string test_object(const std::string &name);
