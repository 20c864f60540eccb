// SPDX-License-Identifier: GPL-2.0-only
#include "layer/commands/sample_command.h"
#include "layer/engine/engines.h"
#include "layer/engine/explain.h"
#include "layer/output/man_page.h"

#include <csignal>
#include <fmt/format.h>
#include <sys/stat.h>

SampleCommand::SampleCommand(const SampleEntry &entry)
	: info_(entry.info), sample_(entry.create()), app_(entry.info.summary, entry.info.name)
{
	sample_->info = &info_;
	app_.set_help_flag("-h,--help", "this text");
	Options options(app_);
	sample_->options(options);
	options.common(common_);
}

std::optional<int> SampleCommand::parse(std::span<const std::string> arguments)
{
	std::vector<std::string> reversed(arguments.rbegin(), arguments.rend()); // CLI11 takes them so
	try {
		app_.parse(reversed);
	} catch (const CLI::CallForHelp &) {
		fputs(help().c_str(), stdout);
		return exit_ok;
	} catch (const CLI::ParseError &error) {
		fprintf(stderr, "%s: %s; see %s --help\n", info_.name, error.what(), info_.name);
		return exit_usage;
	}
	return {};
}

static Result<void> check(const CommonOptions &o)
{
	if (o.comm.size() > 15)
		return Error{fmt::format("--comm {}: the kernel keeps 15 characters of a name", o.comm), EINVAL};
	struct stat status;
	if (o.pid && stat(fmt::format("/proc/{}", o.pid).c_str(), &status) != 0)
		return Error{fmt::format("-p {}: no such process", o.pid), ESRCH};
	if (!o.btf.empty() && stat(o.btf.c_str(), &status) != 0)
		return errno_error(fmt::format("--btf {}", o.btf));
	return {};
}

// The exit status after all is written.
static int finish(const Output &output)
{
	if (output.failure() == EPIPE) { // as everybody who writes into a pipe that nobody reads
		signal(SIGPIPE, SIG_DFL);
		raise(SIGPIPE);
	}
	return exit_ok;
}

int SampleCommand::run()
{
	auto failed = [this](const Error &error, int status = exit_failure) {
		fprintf(stderr, "%s: %s\n", info_.name, error.message.c_str());
		return status;
	};
	if (auto good = check(common_); !good)
		return failed(good.error(), exit_usage);
	if (auto good = sample_->check(common_); !good)
		return failed(good.error(), exit_usage);
	auto output = common_.output == "json" ? json_output() : table_output();
	auto answered = sample_->answer(common_, *output);
	if (!answered)
		return failed(answered.error());
	if (*answered) {
		if (!output->flush() && output->failure() != EPIPE)
			return failed(errno_error("failed to write standard output", output->failure()));
		return finish(*output);
	}
	set_explaining(common_.explain);
	auto candidates = engines_named(common_.engine);
	if (!candidates)
		return failed(candidates.error(), exit_usage);
	std::string before; // why those before could not run it
	std::optional<Error> lack;
	for (const EngineRow &row : *candidates) {
		auto engine = row.open();
		bool lacking = false;
		Result<void> done = engine ? run_with(**engine, *output, before, lacking) : Result<void>(engine.error());
		if (done)
			return finish(*output);
		if (engine && !lacking)
			return failed(done.error());
		std::string why = done.error().message;
		before += (before.empty() ? "" : "; ") + why.substr(0, why.find("; instead: "));
		if (engine && !lack)
			lack = done.error();
	}
	return failed(lack ? *lack : Error{before});
}

// `lacking`: the engine cannot run the sample here, and another one may.
Result<void> SampleCommand::run_with(Engine &engine, Output &output, const std::string &before, bool &lacking)
{
	if (!common_.quiet)
		fprintf(stderr, "%s: engine %s: %s%s%s\n", info_.name, engine.name(), engine.reason().c_str(),
			before.empty() ? "" : ", for ", before.c_str());
	activate(&engine);
	Result<void> done;
	{
		Trace trace(*sample_, common_, engine, output);
		done = trace.run();
		lacking = trace.lacks_hooks();
	}
	sample_->close(); // its object, while the engine that answers for it is there
	activate(nullptr);
	return done;
}

static std::string columns_text(std::span<const Column> columns)
{
	std::string text;
	for (const Column &column : columns)
		text += fmt::format("  {:<12} {}\n", column.name, column.meaning);
	return text;
}

std::string SampleCommand::help() const
{
	std::string text = app_.help();
	text += fmt::format("\n{}\n", wrap(info_.description, 100));
	if (!info_.columns.empty())
		text += "\nColumns (in JSON: keys, in lower case):\n" + columns_text(info_.columns);
	if (*info_.example)
		text += fmt::format("\nExample:\n{}", indent(info_.example, 2));
	return text;
}

std::string SampleCommand::manual() const
{
	ManPage page(fmt::format("anyprobe-{}", info_.name), info_.summary);
	std::string arguments;
	for (const CLI::Option *option : app_.get_options())
		if (option->get_positional())
			arguments += " " + (option->get_required() ? option->get_single_name()
								    : "[" + option->get_single_name() + "]");
	page.section("SYNOPSIS", fmt::format("anyprobe {} [options]{}", info_.name, arguments));
	page.section("DESCRIPTION", info_.description);
	page.start("OPTIONS");
	for (const CLI::Option *option : app_.get_options()) {
		std::string name = option->get_positional() ? option->get_single_name() : option->get_name(false, true);
		if (!option->get_type_name().empty() && !option->get_positional())
			name += " " + option->get_type_name();
		page.item(name, option->get_description());
	}
	if (!info_.columns.empty())
		page.start("OUTPUT");
	for (const Column &column : info_.columns)
		page.item(column.name, column.meaning);
	if (*info_.example)
		page.verbatim("EXAMPLE", info_.example);
	page.section("EXIT STATUS", "0: it ran. 1: it could not. 2: the command line is wrong.");
	page.section("SEE ALSO", "anyprobe(1)");
	return page.text();
}

std::vector<std::string> SampleCommand::words() const
{
	std::vector<std::string> words;
	for (const CLI::Option *option : app_.get_options())
		for (const std::string &name : option->get_lnames())
			words.push_back("--" + name);
	return words;
}

int run_sample(const SampleEntry &entry, std::span<const std::string> arguments)
{
	SampleCommand command(entry);
	if (auto status = command.parse(arguments))
		return *status;
	return command.run();
}
