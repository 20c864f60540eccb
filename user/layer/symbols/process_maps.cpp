// SPDX-License-Identifier: GPL-2.0-only
#include "layer/symbols/process_maps.h"

#include <algorithm>
#include <cstdlib>

#include "layer/symbols/text_file.h"

namespace
{

constexpr std::string_view deleted = " (deleted)";

// "start-end perms offset dev inode": the next of these, and what stands behind it
std::string_view take_field(std::string_view &line)
{
	std::string_view field = line.substr(0, line.find(' '));
	line.remove_prefix(field.size());
	line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
	return field;
}

// The kernel writes newlines in paths as "\012", and nothing else in that way.
std::string unescape(std::string_view path)
{
	std::string text;
	for (size_t i = 0; i < path.size(); i++) {
		if (path.substr(i, 4) == "\\012") {
			text += '\n';
			i += 3;
		} else {
			text += path[i];
		}
	}
	return text;
}

} // namespace

bool parse_process_map(std::string_view line, ProcessMap &map)
{
	std::string_view range = take_field(line), permissions = take_field(line), offset = take_field(line);
	take_field(line);
	std::string inode(take_field(line));
	map.start = take_hex(range);
	if (range.empty() || range[0] != '-' || permissions.size() < 4 || inode.empty())
		return false;
	range.remove_prefix(1);
	map.end = take_hex(range);
	map.file_offset = take_hex(offset);
	map.inode = strtoull(inode.c_str(), nullptr, 10);
	map.is_executable = permissions[2] == 'x';
	map.is_deleted = line.size() > deleted.size() && line.substr(line.size() - deleted.size()) == deleted;
	if (map.is_deleted)
		line.remove_suffix(deleted.size());
	map.path = unescape(line);
	return map.end > map.start;
}

Result<std::vector<ProcessMap>> read_process_maps(int pid)
{
	std::vector<ProcessMap> maps;
	Result<void> read =
		for_each_line("/proc/" + std::to_string(pid) + "/maps", "process", [&](std::string_view line) {
			ProcessMap map;
			if (parse_process_map(line, map))
				maps.push_back(std::move(map));
		});
	if (read)
		return maps;
	if (read.error().code == ENOENT || read.error().code == ESRCH)
		return Error{"process: there is no process " + std::to_string(pid), ESRCH};
	return read.error();
}

std::string process_path(int pid, const std::string &path)
{
	return "/proc/" + std::to_string(pid) + "/root" + path;
}
