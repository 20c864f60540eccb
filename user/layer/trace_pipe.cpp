// SPDX-License-Identifier: GPL-2.0-only
#include "layer/trace_pipe.h"
#include "layer/engine/engine.h"

#include <cctype>
#include <charconv>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace {

bool take_number(std::string_view text, auto &number)
{
	auto [end, err] = std::from_chars(text.begin(), text.end(), number);
	return err == std::errc() && end == text.end();
}

std::string_view trimmed(std::string_view text)
{
	while (!text.empty() && text.front() == ' ')
		text.remove_prefix(1);
	while (!text.empty() && (text.back() == ' ' || text.back() == '\n'))
		text.remove_suffix(1);
	return text;
}

// "1234.567890" in seconds.
bool take_seconds(std::string_view text, uint64_t &ns)
{
	auto point = text.find('.');
	uint64_t seconds, fraction;
	if (point == text.npos || !take_number(text.substr(0, point), seconds) || !take_number(text.substr(point + 1), fraction))
		return false;
	for (size_t digits = text.size() - point - 1; digits < 9; digits++)
		fraction *= 10;
	ns = seconds * 1000000000 + fraction;
	return true;
}

// "d..1  1234.567890", or the seconds alone. More words belong to a name ("a-1 [000] b").
bool take_stamp(std::string_view text, uint64_t &ns)
{
	text = trimmed(text);
	if (auto blank = text.find(' '); blank != text.npos)
		text = trimmed(text.substr(blank));
	return take_seconds(text, ns);
}

// "bash-1234", or "my-task-1234   (  99)": a name may hold dashes and blanks, so the number is taken from the end.
bool take_task(std::string_view text, TraceLine &line)
{
	text = trimmed(text);
	if (text.ends_with(')'))
		text = trimmed(text.substr(0, text.rfind('(')));
	auto dash = text.rfind('-');
	if (dash == text.npos || !take_number(text.substr(dash + 1), line.pid))
		return false;
	line.task = text.substr(0, dash);
	return true;
}

} // namespace

// "          <...>-1234    [001] d...1  1234.567890: bpf_trace_printk: the message"
std::optional<TraceLine> parse_trace_line(std::string_view text)
{
	TraceLine line;
	// The first "[digits]" whose left side ends in a task: the name itself may hold brackets.
	for (size_t open = text.find('['); open != text.npos; open = text.find('[', open + 1)) {
		size_t close = text.find(']', open);
		if (close == text.npos)
			return {};
		if (!take_number(text.substr(open + 1, close - open - 1), line.cpu) || !take_task(text.substr(0, open), line))
			continue;
		std::string_view rest = text.substr(close + 1);
		size_t colon = rest.find(": ");
		if (colon == rest.npos)
			return {};
		if (!take_stamp(rest.substr(0, colon), line.time))
			continue;
		rest = rest.substr(colon + 2);
		colon = rest.find(": ");
		if (colon == rest.npos)
			return {};
		line.function = trimmed(rest.substr(0, colon));
		line.message = trimmed(rest.substr(colon + 2));
		return line;
	}
	return {};
}

uint64_t parse_lost_line(std::string_view line)
{
	constexpr std::string_view before = "[LOST ";
	size_t at = line.find(before);
	uint64_t count = 0;
	if (!line.starts_with("CPU:") || at == line.npos)
		return 0;
	line.remove_prefix(at + before.size());
	return take_number(line.substr(0, line.find(' ')), count) ? count : 0;
}

Result<TracePipe> TracePipe::open()
{
	if (int printed = active_engine() ? active_engine()->printed() : -1; printed >= 0)
		return TracePipe(UniqueFd(fcntl(printed, F_DUPFD_CLOEXEC, 0)));
	auto files = Tracefs::open();
	if (!files)
		return files.error();
	auto on = files->read("tracing_on");
	if (on && on->starts_with('0'))
		return Error{fmt::format("trace_pipe: tracing is switched off: echo 1 > {}/tracing_on", files->path()), EBUSY};
	auto pipe = files->open_file("trace_pipe", O_RDONLY | O_NONBLOCK);
	if (!pipe && pipe.error().code == EBUSY)
		return Error{"trace_pipe: another program reads it; only one can", EBUSY};
	if (!pipe)
		return pipe.error();
	return TracePipe(std::move(*pipe));
}

void TracePipe::read(const std::function<void(std::string_view)> &deliver)
{
	char block[16384];
	for (ssize_t got; (got = ::read(fd_.get(), block, sizeof(block))) > 0;) {
		rest_.append(block, static_cast<size_t>(got));
		size_t start = 0;
		for (size_t end; (end = rest_.find('\n', start)) != rest_.npos; start = end + 1)
			deliver(std::string_view(rest_).substr(start, end - start));
		rest_.erase(0, start);
	}
}
