// SPDX-License-Identifier: GPL-2.0-only
// `anyprobe module status|load|unload`: anyprobe.ko in the running kernel.
#include "layer/commands/commands.h"
#include "layer/engine/engines.h"
#include "layer/engine/module_file.h"

#include <fmt/format.h>

namespace {

int status()
{
	auto engine = engines_named("module")->front().open();
	if (engine) {
		print(fmt::format("loaded: {}\n", (*engine)->reason()));
		return exit_ok;
	}
	if (module_is_loaded()) {
		print(fmt::format("loaded, but of no use: {}\n", engine.error().message));
		return exit_failure;
	}
	auto file = find_module_file();
	print(file ? fmt::format("not loaded: `anyprobe module load` would load {}\n", *file)
		   : fmt::format("not loaded: {}\n", file.error().message));
	return exit_failure;
}

} // namespace

int command_module(std::span<const std::string> arguments)
{
	std::string what = arguments.empty() ? "" : arguments[0];
	if (what == "status" && arguments.size() == 1)
		return status();
	Result<void> done;
	if (what == "load" && arguments.size() <= 2)
		done = load_module(arguments.size() == 2 ? arguments[1] : "");
	else if (what == "unload" && arguments.size() == 1)
		done = unload_module();
	else
		return fail(exit_usage, "module takes one of: status, load [FILE], unload");
	return done ? exit_ok : fail(exit_failure, done.error().message);
}
