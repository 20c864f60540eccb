// SPDX-License-Identifier: GPL-2.0-only
#include "layer/symbols/usdt_selection.h"
#include "layer/symbols/binary_path.h"

#include <fmt/format.h>
#include <fnmatch.h>

namespace {

Result<std::vector<UsdtProbe>> list_probes(const std::string &binary, int pid)
{
	if (binary.empty())
		return list_usdt_probes(pid);
	auto path = find_binary(binary, pid);
	if (!path)
		return path.error();
	return list_usdt_probes(*path);
}

bool is_match(const UsdtProbe &probe, const std::string &pattern)
{
	std::string name = pattern.find(':') == pattern.npos ? probe.name : probe.provider + ":" + probe.name;
	return pattern.empty() || fnmatch(pattern.c_str(), name.c_str(), 0) == 0;
}

} // namespace

Result<std::vector<UsdtProbe>> select_usdt_probes(const std::string &binary, const std::string &pattern, int pid)
{
	auto probes = list_probes(binary, pid);
	if (!probes)
		return probes.error();
	std::string where = binary.empty() ? fmt::format("process {}", pid) : binary;
	if (probes->empty())
		return Error{fmt::format("{} has no probes (no .note.stapsdt)", where), ENOENT};
	std::erase_if(*probes, [&](const UsdtProbe &probe) { return !is_match(probe, pattern); });
	if (probes->empty())
		return Error{fmt::format("no probe of {} matches {}; -l lists them", where, pattern), ENOENT};
	return probes;
}

Result<std::vector<UsdtPlace>> select_usdt_places(const std::string &binary, const std::string &pattern, int pid)
{
	auto probes = select_usdt_probes(binary, pattern, pid);
	if (!probes)
		return probes.error();
	std::vector<UsdtPlace> places;
	for (const UsdtProbe &probe : *probes) {
		auto arguments = parse_usdt_arguments(probe);
		if (!arguments)
			return arguments.error();
		places.push_back({probe, std::move(*arguments)});
	}
	return places;
}

Hook hook_of(const UsdtPlace &place, uint64_t cookie, int pid)
{
	Hook hook;
	hook.kind = HookKind::uprobe;
	hook.target = place.probe.path;
	hook.offset = place.probe.file_offset;
	hook.semaphore = place.probe.semaphore_offset;
	hook.cookie = cookie;
	hook.pid = pid ? pid : -1;
	return hook;
}
