// SPDX-License-Identifier: GPL-2.0-only
// One sample's command line: its options parsed, described as help, as a manual page, as a list of words.
#pragma once

#include "layer/commands/commands.h"

#include <CLI/CLI.hpp>
#include <optional>

class SampleCommand {
	const SampleInfo &info_;
	std::unique_ptr<Sample> sample_;
	CommonOptions common_;
	CLI::App app_;

	Result<void> run_with(Engine &engine, Output &output, const std::string &before, bool &lacking);

public:
	explicit SampleCommand(const SampleEntry &entry);

	// The exit status, where parsing has already settled it (--help, a wrong option).
	std::optional<int> parse(std::span<const std::string> arguments);
	int run();

	std::string help() const;
	std::string manual() const;
	// The options' names, for completion.
	std::vector<std::string> words() const;
};
