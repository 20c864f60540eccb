// SPDX-License-Identifier: GPL-2.0-only
// What `anyprobe` does, a function per command; each returns the exit status: 0, 1 for a failure, 2 for
// a wrong command line.
#pragma once

#include "layer/sample.h"

#include <span>
#include <string>

enum : int { exit_ok = 0, exit_failure = 1, exit_usage = 2 };

int command_list(std::span<const std::string> arguments);
int command_doctor(std::span<const std::string> arguments);
int command_module(std::span<const std::string> arguments);
int command_man(std::span<const std::string> arguments);
int command_complete(std::span<const std::string> arguments);
int command_btf(std::span<const std::string> arguments);
int command_help();

// Run a sample with its command line's arguments (without its name).
int run_sample(const SampleEntry &entry, std::span<const std::string> arguments);

// `anyprobe run`: shaped like a sample, so that it has the same options, help and manual page.
extern const SampleEntry run_object;

// The sample of that name, or run_object for "run", or nullptr.
const SampleEntry *find_command(std::string_view name);

// Text on stdout. That it could not be written is told at the end, once, by main().
void print(std::string_view text);

// A line on stderr, `anyprobe: <message>`.
int fail(int status, const std::string &message);

// All samples, by name.
std::vector<const SampleEntry *> sorted_samples();
