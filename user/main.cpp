// SPDX-License-Identifier: GPL-2.0-only
// anyprobe: one program that holds every sample. Called by a sample's name (a symlink), it is that sample.
#include "layer/commands/commands.h"

#include <cstdio>
#include <fmt/format.h>
#include <string_view>
#include <vector>

namespace {

// Letters that differ, are missing or too many (Levenshtein).
size_t distance(std::string_view a, std::string_view b)
{
	std::vector<size_t> row(b.size() + 1);
	for (size_t j = 0; j <= b.size(); j++)
		row[j] = j;
	for (size_t i = 1; i <= a.size(); i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= b.size(); j++) {
			size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
			diagonal = row[j];
			row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
		}
	}
	return row[b.size()];
}

int unknown(const std::string &name)
{
	std::string hint;
	for (const SampleEntry *entry : sorted_samples())
		if (distance(name, entry->info.name) <= 2 && hint.empty())
			hint = fmt::format(" (did you mean {}?)", entry->info.name);
	return fail(exit_usage, fmt::format("no sample or command \"{}\"{}; `anyprobe list` shows the samples", name, hint));
}

int dispatch(const std::string &name, std::span<const std::string> rest)
{
	if (name == "list")
		return command_list(rest);
	if (name == "doctor")
		return command_doctor(rest);
	if (name == "btf")
		return command_btf(rest);
	if (name == "module")
		return command_module(rest);
	if (name == "man")
		return command_man(rest);
	if (name == "complete")
		return command_complete(rest);
	if (name == "help" || name == "--help" || name == "-h")
		return command_help();
	if (name == "version" || name == "--version") {
		print(fmt::format("anyprobe {}\n", ANYPROBE_VERSION));
		return exit_ok;
	}
	if (const SampleEntry *entry = find_command(name))
		return run_sample(*entry, rest);
	return unknown(name);
}

} // namespace

int main(int argc, char **argv)
{
	std::vector<std::string> arguments(argv, argv + argc);
	std::string name = arguments.empty() ? "anyprobe" : arguments[0].substr(arguments[0].rfind('/') + 1);
	std::span<const std::string> rest = arguments;
	rest = rest.subspan(std::min<size_t>(1, rest.size()));

	int status;
	if (const SampleEntry *entry = SampleEntry::find(name)) {
		status = run_sample(*entry, rest);
	} else if (rest.empty()) {
		command_help();
		status = exit_usage;
	} else {
		status = dispatch(rest[0], rest.subspan(1));
	}
	if ((fflush(stdout) != 0 || ferror(stdout)) && status == exit_ok)
		return fail(exit_failure, errno_error("failed to write standard output").message);
	return status;
}
