// SPDX-License-Identifier: GPL-2.0-only
#include "layer/symbols/process_symbols.h"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/stat.h>

#include "layer/symbols/demangle.h"
#include "layer/symbols/text_file.h"

namespace
{

// An address in no map is either wrong or of a map made just now: look, but not for every sample.
constexpr uint64_t ask_again_ms = 100;

uint64_t now_ms()
{
	timespec now;
	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return uint64_t(now.tv_sec) * 1000 + now.tv_nsec / 1000000;
}

std::string proc_path(int pid, const char *file)
{
	return "/proc/" + std::to_string(pid) + "/" + file;
}

// Field 22 of /proc/PID/stat, behind the name, which may hold spaces and parentheses; 0: no such process.
uint64_t start_time_of(int pid)
{
	uint64_t time = 0;
	(void)for_each_line(proc_path(pid, "stat"), "process", [&](std::string_view line) {
		size_t at = line.rfind(')');
		for (int field = 2; field < 22 && at != std::string_view::npos; field++)
			at = line.find(' ', at + 1);
		if (at != std::string_view::npos && !time)
			time = strtoull(std::string(line.substr(at + 1, 20)).c_str(), nullptr, 10);
	});
	return time;
}

// The pid that the process itself sees, by which a JIT names its file; `pid` where the kernel (before 4.1) has none.
int namespace_pid(int pid)
{
	int inner = pid;
	(void)for_each_line(proc_path(pid, "status"), "process", [&](std::string_view line) {
		if (line.substr(0, 6) == "NSpid:")
			inner = atoi(std::string(line.substr(line.find_last_of(" \t") + 1)).c_str());
	});
	return inner;
}

} // namespace

void ProcessSymbols::refresh(int pid, Process &process)
{
	process.asked = now_ms();
	uint64_t start_time = start_time_of(pid);
	if (!start_time || (process.start_time && process.start_time != start_time)) {
		process.is_gone = true; // maybe another process has its pid now; ours is as it was
		return;
	}
	process.start_time = start_time;
	Result<std::vector<ProcessMap>> maps = read_process_maps(pid);
	if (!maps || maps->empty()) { // a zombie has none
		process.is_gone |= !maps;
		return;
	}
	std::erase_if(*maps, [](const ProcessMap &map) { return !map.is_executable; });
	process.maps = std::move(*maps);
	by_map_.erase(by_map_.lower_bound({pid, 0}), by_map_.upper_bound({pid, UINT64_MAX}));
	read_jit(pid, process);
}

// "START SIZE name", hexadecimal, as perf's documentation (jit-interface.txt) has it.
void ProcessSymbols::read_jit(int pid, Process &process)
{
	std::string name = "/tmp/perf-" + std::to_string(namespace_pid(pid)) + ".map";
	std::string path = process_path(pid, name);
	struct stat status;
	if (stat(path.c_str(), &status) || !S_ISREG(status.st_mode)) {
		path = name; // processes in another mount namespace are sometimes given the host's
		if (stat(path.c_str(), &status) || !S_ISREG(status.st_mode))
			return;
	}
	if (static_cast<uint64_t>(status.st_size) == process.jit_size)
		return;
	process.jit_size = status.st_size;
	process.jit = SymbolTable();
	(void)for_each_line(path, "process", [&](std::string_view line) {
		uint64_t start = take_hex(line);
		line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
		uint64_t size = take_hex(line);
		line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
		if (start && size && !line.empty())
			process.jit.add(start, size, line);
	});
	process.jit.sort();
}

ProcessSymbols::Process &ProcessSymbols::process(int pid)
{
	auto [entry, is_new] = processes_.try_emplace(pid);
	if (is_new)
		refresh(pid, entry->second);
	return entry->second;
}

void ProcessSymbols::forget(int pid)
{
	processes_.erase(pid);
	by_map_.erase(by_map_.lower_bound({pid, 0}), by_map_.upper_bound({pid, UINT64_MAX}));
}

const ProcessMap *ProcessSymbols::map_of(int pid, Process &process, uint64_t address)
{
	for (bool again = false;; again = true) {
		auto after =
			std::upper_bound(process.maps.begin(), process.maps.end(), address,
					 [](uint64_t wanted, const ProcessMap &map) { return wanted < map.start; });
		if (after != process.maps.begin() && address < std::prev(after)->end)
			return &*std::prev(after);
		if (again || process.is_gone || now_ms() - process.asked < ask_again_ms)
			return nullptr;
		refresh(pid, process);
	}
}

// The kernel maps one vDSO into every 64-bit process, so ours will do.
ElfFile *ProcessSymbols::vdso()
{
	if (vdso_tried_)
		return vdso_.get();
	vdso_tried_ = true;
	uint64_t start = getauxval(AT_SYSINFO_EHDR), size = 0;
	(void)for_each_line("/proc/self/maps", "process", [&](std::string_view line) {
		ProcessMap map;
		if (parse_process_map(line, map) && map.start == start)
			size = map.end - map.start;
	});
	if (!start || !size)
		return nullptr;
	Result<ElfReader> reader = ElfReader::from_memory(reinterpret_cast<char *>(start), size, "[vdso]");
	if (!reader)
		return nullptr;
	Result<ElfFile> file = ElfFile::open(std::move(*reader));
	if (file)
		vdso_ = std::make_unique<ElfFile>(std::move(*file));
	return vdso_.get();
}

ElfFile *ProcessSymbols::open_file(int pid, const ProcessMap &map)
{
	// map_files leads to the very file, deleted or not, in whatever namespace; it needs privilege and 3.3
	// (root: 4.3)
	char range[64];
	snprintf(range, sizeof(range), "map_files/%lx-%lx", static_cast<unsigned long>(map.start),
		 static_cast<unsigned long>(map.end));
	std::string path = process_path(pid, map.path);
	UniqueFd fd(open(proc_path(pid, range).c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
	if (!fd && !map.is_deleted)
		fd.reset(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
	if (!fd && !map.is_deleted) // ended: its root is gone, but most processes share ours
		fd.reset(open(map.path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
	struct stat status;
	if (!fd || fstat(fd.get(), &status) || (map.inode && status.st_ino != map.inode && map.is_deleted))
		return nullptr;
	FileKey key(status.st_dev, status.st_ino, status.st_mtim.tv_sec * 1000000000ull + status.st_mtim.tv_nsec);
	auto [entry, is_new] = files_.try_emplace(key);
	if (is_new) {
		Result<ElfReader> reader = ElfReader::open(std::move(fd), path);
		Result<ElfFile> file =
			reader ? ElfFile::open(std::move(*reader), proc_path(pid, "root")) : reader.error();
		if (file)
			entry->second = std::make_unique<ElfFile>(std::move(*file));
	}
	return entry->second.get();
}

ElfFile *ProcessSymbols::file_of(int pid, const ProcessMap &map)
{
	if (map.path == "[vdso]")
		return vdso();
	if (map.path.empty() || map.path[0] != '/')
		return nullptr;
	auto [entry, is_new] = by_map_.try_emplace({pid, map.start}, nullptr);
	if (is_new)
		entry->second = open_file(pid, map);
	return entry->second;
}

UserSymbol ProcessSymbols::find(int pid, uint64_t address)
{
	Process &known = process(pid);
	const ProcessMap *map = map_of(pid, known, address);
	if (!map)
		return {"[unknown]", "", 0, false};
	ElfFile *file = file_of(pid, *map);
	if (!file) { // memory that no file stands behind: compiled by the process itself, or unreadable
		const SymbolTable::Symbol *symbol = known.jit.find(address);
		if (!symbol && !known.is_gone && now_ms() - known.asked >= ask_again_ms) {
			known.asked = now_ms();
			read_jit(pid, known);
			symbol = known.jit.find(address);
		}
		if (symbol)
			return {known.jit.name(*symbol), "[jit]", address - symbol->address, true};
		return {"[unknown]", map->path.empty() ? "[anon]" : map->path, address - map->start, false};
	}
	uint64_t offset = address - map->start + map->file_offset;
	// the vDSO is linked at 0 and mapped whole
	uint64_t linked = file->address(offset).value_or(offset);
	if (std::optional<ElfSymbol> symbol = file->find(linked))
		return {demangle(symbol->name), map->path, symbol->offset, true};
	return {"[unknown]", map->path, linked, false};
}
