// SPDX-License-Identifier: GPL-2.0-only
#include "ftrace/tally.h"
#include "ftrace/probes.h"

#include <ctime>
#include <fcntl.h>
#include <sstream>
#include <unistd.h>

namespace {

constexpr unsigned tries = 3;
// Many probes end together: one look at the kernel's long list is for all of them.
constexpr size_t long_list = 32;
constexpr uint64_t long_list_ns = 20'000'000;

uint64_t now_ns()
{
	timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

std::string read_all(const UniqueFd &file)
{
	std::string text;
	char block[4096];
	for (ssize_t got; (got = read(file.get(), block, sizeof(block))) > 0;)
		text.append(block, static_cast<size_t>(got));
	return text;
}

} // namespace

std::map<std::string, ProbeCounts> parse_profile(const std::string &events, const std::string &profile)
{
	std::map<std::string, ProbeCounts> counts;
	std::istringstream definitions(events), lines(profile);
	for (std::string definition, line; std::getline(definitions, definition);) {
		std::string event(event_of_line(definition)), name;
		ProbeCounts count;
		if (!std::getline(lines, line) || !(std::istringstream(line) >> name >> count.hits >> count.misses) ||
		    name != event.substr(event.find('/') + 1))
			return {};
		counts[event] = count;
	}
	std::string more;
	return std::getline(lines, more) ? std::map<std::string, ProbeCounts>() : counts;
}

ProbeCounts Tally::counts(const std::vector<std::string> &events)
{
	ProbeCounts sum;
	uint64_t now = now_ns();
	if (counts_.size() < long_list || now - read_at_ > long_list_ns) {
		counts_.clear();
		for (unsigned i = 0; i < tries && counts_.empty(); i++) {
			auto definitions = files_.read(file_name(ProbeFile::kprobe_events));
			auto profile = files_.open_file("kprobe_profile", O_RDONLY);
			read_at_ = now_ns(); // opening it may be a hit
			if (definitions && profile)
				counts_ = parse_profile(*definitions, read_all(*profile));
		}
	}
	for (const std::string &event : events)
		if (auto at = counts_.find(event); at != counts_.end()) {
			sum.hits += at->second.hits;
			sum.misses += at->second.misses;
		}
	return sum;
}
