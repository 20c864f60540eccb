// SPDX-License-Identifier: GPL-2.0-only
// `anyprobe btf`: kernel types as a file, for kernels that carry none.
#include "layer/btf/core_fields.h"
#include "layer/btf/make_types.h"
#include "layer/btf/types_source.h"
#include "layer/btf_cache.h"
#include "layer/commands/commands.h"
#include "layer/output/output_file.h"
#include "layer/symbols/elf_reader.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <map>
#include <set>
#include <sys/utsname.h>

namespace {

constexpr const char *kernel_types = "/sys/kernel/btf/vmlinux";

constexpr Column check_columns[] = {
	{"SAMPLE", -12, "name"},
	{"FITS", -5, "does it find there what it reads of kernel structs"},
	{"READS", 5, "fields of kernel structs that it reads"},
	{"MISSING", 0, "those that the file does not have"},
};

std::string joined(const CoreField &field)
{
	std::string text = field.type;
	for (const std::string &member : field.path)
		text += "." + member;
	return text;
}

Result<std::vector<CoreField>> fields_of(const SampleEntry &entry)
{
	auto sample = entry.create();
	std::string_view bytes = sample->elf();
	if (bytes.empty())
		return std::vector<CoreField>();
	// libelf wants them writable, and does not write.
	auto elf = ElfReader::from_memory(const_cast<char *>(bytes.data()), bytes.size(), entry.info.name);
	if (!elf)
		return elf.error();
	const ElfSection *types = elf->section(".BTF"), *extension = elf->section(".BTF.ext");
	if (!types || !extension)
		return std::vector<CoreField>();
	return core_fields(elf->bytes(*types), elf->bytes(*extension));
}

Result<void> save(const std::string &bytes, const std::string &path)
{
	if (auto written = write_output_file(path, bytes); !written)
		return written;
	auto view = BtfView::over(bytes);
	print(fmt::format("{}: {} types, {} bytes\n", path, view ? view->type_count() - 1 : 0, bytes.size()));
	return view ? Result<void>() : view.error();
}

// Are the fields where the running kernel has them? It says only where it carries types itself.
Result<bool> fits_this_kernel(const BtfView &view, const std::vector<CoreField> &fields)
{
	utsname name;
	uname(&name);
	auto file = FileBytes::open(kernel_types);
	if (!file) {
		print(fmt::format("this kernel ({}) carries no types to compare with\n", name.release));
		return true;
	}
	auto kernel = BtfView::over(file->bytes());
	if (!kernel)
		return kernel.error();
	size_t compared = 0;
	std::string different;
	for (const CoreField &field : fields) {
		long here = bit_offset(*kernel, field.type, field.path), there = bit_offset(view, field.type, field.path);
		compared += here >= 0 && there >= 0;
		if (here >= 0 && there >= 0 && here != there)
			different += fmt::format("  {}: bit {} in the file, {} in this kernel\n", joined(field), there, here);
	}
	if (different.empty())
		print(fmt::format("fits this kernel ({}): {} fields are where it has them\n", name.release, compared));
	else
		print(fmt::format("does not fit this kernel ({}):\n{}", name.release, different));
	return different.empty();
}

// 0 if every sample finds its fields there, and the running kernel has them in the same places.
Result<bool> check(const std::string &path)
{
	auto bytes = read_types(path);
	if (!bytes)
		return bytes.error();
	auto view = BtfView::over(*bytes);
	if (!view)
		return view.error();
	auto output = table_output();
	std::map<std::string, CoreField> all;
	bool fits = true;
	for (const SampleEntry *entry : sorted_samples()) {
		auto fields = fields_of(*entry);
		if (!fields)
			return fields.error();
		std::set<std::string> reads, missing;
		for (const CoreField &field : *fields) {
			reads.insert(joined(field));
			all.emplace(joined(field), field);
			if (!finds(*view, field))
				missing.insert(joined(field));
		}
		fits = fits && missing.empty();
		output->row(check_columns, Row() << entry->info.name << missing.empty() << reads.size()
						 << fmt::format("{}", fmt::join(missing, " ")));
	}
	output->flush();
	std::vector<CoreField> fields;
	for (auto &[name, field] : all)
		fields.push_back(field);
	auto kernel = fits_this_kernel(*view, fields);
	if (!kernel)
		return kernel;
	return fits && *kernel;
}

Result<void> cut(const std::string &path, const std::string &to)
{
	auto bytes = read_types(path);
	if (!bytes)
		return bytes.error();
	auto view = BtfView::over(*bytes);
	if (!view)
		return view.error();
	auto made = cut_for_all_samples(*view);
	if (!made)
		return made.error();
	__u32 size;
	auto *data = static_cast<const char *>(btf__raw_data(made->get(), &size));
	if (!data)
		return errno_error("btf: failed to lay out the cut BTF");
	return save(std::string(data, size), to);
}

Result<void> copy(const Result<std::string> &bytes, const std::string &to)
{
	return bytes ? save(*bytes, to) : bytes.error();
}

} // namespace

int command_btf(std::span<const std::string> arguments)
{
	CLI::App app("kernel types (BTF) as a file, for kernels that carry none", "anyprobe btf");
	app.require_subcommand(1);
	std::string headers, from, to;
	auto *make = app.add_subcommand("make", "compile them from a kernel's headers");
	make->add_option("--headers", headers, "the headers, as /lib/modules/RELEASE/build")->type_name("DIR")->required();
	auto *vmlinux = app.add_subcommand("from-vmlinux", "copy them out of a vmlinux, a bzImage, or a package that holds one");
	auto *check_command = app.add_subcommand("check", "do they have what the samples read, and fit the running kernel?");
	auto *cut_command = app.add_subcommand("cut", "keep only what the samples read");
	for (auto *command : {vmlinux, check_command, cut_command})
		command->add_option("FILE", from, "the file to read")->type_name("")->required();
	for (auto *command : {make, vmlinux, cut_command})
		command->add_option("-o,--output", to, "the file to write")->type_name("FILE")->required();
	std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
	try { // CLI11 has no other way
		app.parse(reversed);
	} catch (const CLI::Success &) {
		const CLI::App *asked = app.get_subcommands().empty() ? &app : app.get_subcommands()[0];
		print(asked->help());
		return exit_ok;
	} catch (const CLI::ParseError &error) {
		return fail(exit_usage, fmt::format("btf: {}; see anyprobe btf --help", error.what()));
	}
	if (*check_command) {
		auto fits = check(from);
		if (!fits)
			return fail(exit_failure, fits.error().message);
		return *fits ? exit_ok : exit_failure;
	}
	Result<void> done = *make ? copy(make_types(headers), to) : *vmlinux ? copy(read_types(from), to) : cut(from, to);
	return done ? exit_ok : fail(exit_failure, done.error().message);
}
