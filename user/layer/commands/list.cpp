// SPDX-License-Identifier: GPL-2.0-only
#include "layer/commands/commands.h"

#include <algorithm>
#include <fmt/format.h>

const SampleEntry *SampleEntry::first = nullptr;

const SampleEntry *SampleEntry::find(std::string_view name)
{
	for (const SampleEntry *entry = first; entry; entry = entry->next)
		if (entry->info.name == name)
			return entry;
	return nullptr;
}

const SampleEntry *find_command(std::string_view name)
{
	return name == run_object.info.name ? &run_object : SampleEntry::find(name);
}

std::vector<const SampleEntry *> sorted_samples()
{
	std::vector<const SampleEntry *> samples;
	for (const SampleEntry *entry = SampleEntry::first; entry; entry = entry->next)
		samples.push_back(entry);
	std::sort(samples.begin(), samples.end(), [](const SampleEntry *a, const SampleEntry *b) {
		return std::string_view(a->info.name) < b->info.name;
	});
	return samples;
}

int command_list(std::span<const std::string> arguments)
{
	if (!arguments.empty())
		return fail(exit_usage, "list takes no arguments");
	for (const SampleEntry *entry : sorted_samples())
		print(fmt::format("{:<12} {}\n", entry->info.name, entry->info.summary));
	return exit_ok;
}

void print(std::string_view text)
{
	fwrite(text.data(), 1, text.size(), stdout);
}

int fail(int status, const std::string &message)
{
	fprintf(stderr, "anyprobe: %s\n", message.c_str());
	return status;
}
