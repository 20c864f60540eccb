// SPDX-License-Identifier: GPL-2.0-only
#include "ftrace/probes.h"
#include "layer/engine/explain.h"
#include "layer/engine/seam.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <set>
#include <sstream>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>

namespace {

constexpr std::string_view mark = "anyprobe_";

// When a process began, in ticks since the start of the machine: a number that was given again has another.
// "": there is no such process.
std::string start_time(const std::string &pid)
{
	UniqueFd file(open(("/proc/" + pid + "/stat").c_str(), O_RDONLY | O_CLOEXEC));
	char text[1024];
	ssize_t got = file ? read(file.get(), text, sizeof(text)) : -1;
	if (got <= 0)
		return "";
	// The name, in parentheses, may hold anything; the start is the 20th word behind it.
	std::string_view all(text, static_cast<size_t>(got));
	size_t end = all.rfind(')');
	std::istringstream words(std::string(end == all.npos ? "" : all.substr(end + 1)));
	std::string word;
	for (int i = 0; i < 20; i++)
		words >> word;
	return word;
}

std::string name_of_process(const std::string &pid)
{
	return fmt::format("{}{}_{}", mark, pid, start_time(pid));
}

// Has the process that made this name ended? Not for names that are not ours.
bool is_left_behind(std::string_view name)
{
	if (!name.starts_with(mark))
		return false;
	// PID_START, and a number behind that or not.
	std::string_view rest = name.substr(mark.size());
	size_t pid_end = rest.find('_');
	if (pid_end == 0 || pid_end == rest.npos || rest.find_first_not_of("0123456789") != pid_end)
		return false;
	std::string pid(rest.substr(0, pid_end));
	size_t start_end = rest.find_first_not_of("0123456789", pid_end + 1);
	return start_time(pid) != rest.substr(pid_end + 1, start_end == rest.npos ? rest.npos : start_end - pid_end - 1);
}

// The kernel's words on what was just refused: "[ 12.5] trace_kprobe: error: Failed to find .. \n  Command: ..".
std::string words_of_kernel(const Tracefs &files, const std::string &line)
{
	auto log = files.read("error_log");
	if (!log)
		return "";
	size_t command = log->rfind("Command: " + line.substr(0, 200));
	size_t error = log->rfind("error: ", command);
	if (command == log->npos || error == log->npos)
		return "";
	std::string words = log->substr(error + 7, log->find('\n', error) - error - 7);
	for (char &c : words)
		c = static_cast<char>(tolower(c));
	return words;
}

} // namespace

std::string_view event_of_line(std::string_view line)
{
	size_t colon = line.find(':');
	if (colon == line.npos)
		return "";
	line.remove_prefix(colon + 1);
	return line.substr(0, line.find(' '));
}

const char *file_name(ProbeFile file)
{
	return file == ProbeFile::kprobe_events ? "kprobe_events" : "uprobe_events";
}

Probe::~Probe()
{
	if (probes_)
		probes_->write_line(file_, "-:" + event_);
}

Listener::~Listener()
{
	if (path_.empty())
		return;
	if (auto enable = files_.open_file(path_ + "/events/" + event_ + "/enable", O_WRONLY))
		[[maybe_unused]] ssize_t ignored = write(enable->get(), "0", 1);
	rmdir(files_.file_path(path_).c_str());
}

Result<void> Listener::open()
{
	for (const auto &[file, text] : {std::pair("tracing_on", "0"), std::pair(event_.c_str(), "1")}) {
		std::string path = path_ + "/" + (file == event_.c_str() ? "events/" + event_ + "/enable" : file);
		auto fd = files_.open_file(path, O_WRONLY);
		if (!fd)
			return fd.error();
		explain(fmt::format("echo {} > {}/{}", text, files_.path(), path));
		if (write(fd->get(), text, 1) != 1)
			return errno_error("ftrace: failed to write " + path);
	}
	auto id = files_.event_id(event_);
	if (!id)
		return id.error();
	perf_event_attr attr{};
	attr.size = sizeof(attr);
	attr.type = PERF_TYPE_TRACEPOINT;
	attr.config = static_cast<__u64>(*id);
	attr.disabled = 1;
	perf_.reset(seam_perf_event_open(&attr, 0, -1, PERF_FLAG_FD_CLOEXEC));
	return perf_ ? Result<void>() : errno_error("ftrace: failed to open " + event_);
}

Probes::Probes(const Tracefs &files) : files_(files), group_(name_of_process(std::to_string(getpid())))
{
}

int Probes::write_line(ProbeFile file, const std::string &line)
{
	auto fd = files_.open_file(file_name(file), O_WRONLY | O_APPEND);
	if (!fd)
		return fd.error().code;
	explain(fmt::format("echo '{}' >> {}/{}", line, files_.path(), file_name(file)));
	std::string text = line + "\n";
	if (write(fd->get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
		return errno;
	return 0;
}

void Probes::sweep()
{
	// Instances first: a probe that is on in one cannot be removed.
	DIR *instances = opendir(files_.file_path("instances").c_str());
	std::set<std::string> left;
	while (dirent *entry = instances ? readdir(instances) : nullptr)
		if (is_left_behind(entry->d_name))
			left.insert(entry->d_name);
	if (instances)
		closedir(instances);
	for (const std::string &name : left)
		rmdir(files_.file_path("instances/" + name).c_str());
	for (ProbeFile file : {ProbeFile::kprobe_events, ProbeFile::uprobe_events}) {
		auto text = files_.read(file_name(file));
		std::istringstream lines(text ? *text : "");
		for (std::string line; std::getline(lines, line);)
			if (std::string_view event = event_of_line(line); is_left_behind(event))
				write_line(file, fmt::format("-:{}", event));
	}
}

Result<Probe> Probes::define(ProbeFile file, const char *kind, const std::string &place, const std::string &arguments)
{
	std::string event = fmt::format("{}/e{}", group_, ++last_);
	std::string line = fmt::format("{}:{} {}{}{}", kind, event, place, arguments.empty() ? "" : " ", arguments);
	int code = write_line(file, line);
	if (!code && !files_.exists("events/" + event)) // 2.6.32 drops the name where it does not like the kind
		code = EINVAL;
	if (!code)
		return Probe(*this, file, event);
	// A function that is not there: ENOENT, before 3.10 EINVAL.
	std::string words = words_of_kernel(files_, line);
	return Error{fmt::format("ftrace: failed to probe {}: {}{}", place, strerror(code), words.empty() ? "" : " (" + words + ")"),
		     code};
}

Result<Listener> Probes::listen(const std::string &event)
{
	std::string path = fmt::format("instances/{}_{}", group_, ++last_);
	if (mkdir(files_.file_path(path).c_str(), 0700) != 0)
		return errno_error("ftrace: failed to make " + path);
	explain(fmt::format("mkdir {}/{}", files_.path(), path));
	Listener listener(files_, path, event);
	if (auto opened = listener.open(); !opened)
		return opened.error();
	return listener;
}
