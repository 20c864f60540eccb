// SPDX-License-Identifier: GPL-2.0-only
#include "layer/commands/sample_command.h"
#include "layer/output/man_page.h"

#include <fmt/format.h>

namespace {

struct CommandRow {
	const char *usage;
	const char *meaning;
};

constexpr CommandRow rows[] = {
	{"SAMPLE [options]", "run a sample; SAMPLE --help tells its options"},
	{"list", "the samples, a line each"},
	{"doctor", "what this kernel can do, and which engine each sample would use"},
	{"run OBJECT.o [options]", "load any BPF object, attach it by its section names, print its records"},
	{"btf make|check|...", "kernel types as a file, for kernels that carry none; btf --help"},
	{"module status|load|unload", "the kernel module that runs BPF where the kernel does not"},
	{"man [SAMPLE]", "a manual page, for man -l -"},
	{"version", "the version"},
};

constexpr const char *about =
	"Tracing samples in the shape of the Linux kernel's samples/bpf. Each is one BPF program and a few lines that "
	"print what it sees. anyprobe brings along what they need; it runs as one static file, as root.";

} // namespace

int command_help()
{
	print(fmt::format("anyprobe: {}\n\n", wrap(about, 90)));
	for (const CommandRow &row : rows)
		print(fmt::format("  anyprobe {:<26} {}\n", row.usage, row.meaning));
	print("\nSamples:\n");
	for (const SampleEntry *entry : sorted_samples())
		print(fmt::format("  {:<12} {}\n", entry->info.name, entry->info.summary));
	return exit_ok;
}

int command_man(std::span<const std::string> arguments)
{
	if (arguments.size() > 1)
		return fail(exit_usage, "man takes one sample's name at most");
	if (arguments.size() == 1 && arguments[0] != "anyprobe") {
		const SampleEntry *entry = find_command(arguments[0]);
		if (!entry)
			return fail(exit_usage, fmt::format("no sample \"{}\"; `anyprobe list` shows them", arguments[0]));
		print(SampleCommand(*entry).manual());
		return exit_ok;
	}
	ManPage page("anyprobe", "Linux tracing samples, one BPF program for every kernel");
	page.section("SYNOPSIS", "anyprobe COMMAND [options]");
	page.section("DESCRIPTION", about);
	page.start("COMMANDS");
	for (const CommandRow &row : rows)
		page.item(row.usage, row.meaning);
	page.start("SAMPLES");
	for (const SampleEntry *entry : sorted_samples())
		page.item(entry->info.name, entry->info.summary);
	page.section("FILES", "/var/cache/anyprobe/: the kernel's types, cut down to what the samples read; made on the first "
			      "run, may be removed at any time. /var/lib/anyprobe/btf/RELEASE.btf, "
			      "/usr/lib/anyprobe/btf/RELEASE.btf: kernel types for the kernel of that release, where it "
			      "carries none itself; `anyprobe btf make` makes them.");
	page.section("EXIT STATUS", "0: it ran. 1: it could not. 2: the command line is wrong.");
	print(page.text());
	return exit_ok;
}

// For scripts/completion.bash: the words that may follow `anyprobe` or `anyprobe SAMPLE`.
int command_complete(std::span<const std::string> arguments)
{
	if (arguments.empty()) {
		for (const CommandRow &row : rows)
			if (std::string_view(row.usage).find("SAMPLE") != 0)
				print(fmt::format("{}\n", std::string_view(row.usage).substr(0, std::string_view(row.usage).find(' '))));
		for (const SampleEntry *entry : sorted_samples())
			print(fmt::format("{}\n", entry->info.name));
	} else if (const SampleEntry *entry = find_command(arguments[0])) {
		for (const std::string &word : SampleCommand(*entry).words())
			print(fmt::format("{}\n", word));
	}
	return exit_ok;
}
