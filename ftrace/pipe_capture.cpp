// SPDX-License-Identifier: GPL-2.0-only
#include "ftrace/pipe_capture.h"
#include "ftrace/format.h"
#include "layer/engine/explain.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/sched.h>
#include <sys/stat.h>
#include <unistd.h>

namespace {

constexpr const char *kilobytes = "8192"; // per CPU

uint32_t word_at(const Record &record, unsigned offset)
{
	uint32_t value = 0;
	if (offset && offset + sizeof(value) <= record.raw_size)
		memcpy(&value, record.raw + offset, sizeof(value));
	return value;
}

// "Tgid:" of a thread that is there; else 0.
uint32_t process_in_proc(uint32_t tid)
{
	UniqueFd file(::open(fmt::format("/proc/{}/status", tid).c_str(), O_RDONLY | O_CLOEXEC));
	char text[1024];
	ssize_t got = file ? ::read(file.get(), text, sizeof(text) - 1) : 0;
	text[std::max<ssize_t>(got, 0)] = '\0';
	const char *line = strstr(text, "\nTgid:");
	return line ? static_cast<uint32_t>(strtoul(line + strlen("\nTgid:"), nullptr, 10)) : 0;
}

template <class Each> void each_number(const std::string &directory, Each each)
{
	DIR *entries = opendir(directory.c_str());
	while (dirent *entry = entries ? readdir(entries) : nullptr)
		if (unsigned long number = strtoul(entry->d_name, nullptr, 10))
			each(static_cast<uint32_t>(number));
	if (entries)
		closedir(entries);
}

} // namespace

class PipeEvent final : public OpenEvent {
	PipeCapture &capture_;
	std::string event_;

public:
	PipeEvent(PipeCapture &capture, std::string event) : capture_(capture), event_(std::move(event)) {}
	~PipeEvent() override { capture_.disable(event_); }
};

PipeCapture::PipeCapture(const Tracefs &files, std::string path, std::string refused)
	: files_(files), path_(std::move(path)), refused_(std::move(refused)), cpus_(online_cpus()), timer_(reading_timer())
{
}

PipeCapture::~PipeCapture()
{
	std::vector<std::string> on;
	for (const auto &[event, users] : users_)
		if (users)
			on.push_back(event);
	for (const std::string &event : on)
		write("events/" + event + "/enable", "0");
	pages_.clear(); // an open pipe keeps the instance
	rmdir(files_.file_path(path_).c_str());
}

Result<std::unique_ptr<Capture>> PipeCapture::open(const Tracefs &files, const std::string &name, const Error &refused)
{
	auto unable = [&](const std::string &why) {
		return Error{fmt::format("{}; and {}", refused.message, why), refused.code};
	};
	std::string path = "instances/" + name;
	if (!files.exists("instances"))
		return unable("this kernel has no instances of the tracing files to read from instead (3.10)");
	if (mkdir(files.file_path(path).c_str(), 0700) != 0)
		return unable(fmt::format("failed to make {}: {}", path, strerror(errno)));
	explain(fmt::format("{}: events are read from an instance of the tracing files instead", refused.message));
	explain(fmt::format("mkdir {}/{}", files.path(), path));
	std::unique_ptr<PipeCapture> capture(new PipeCapture(files, path, refused.message));
	if (auto opened = capture->open_files(); !opened)
		return unable(opened.error().message);
	if (auto opened = capture->open_tasks(); !opened)
		return unable(opened.error().message);
	return std::unique_ptr<Capture>(std::move(capture));
}

bool PipeCapture::write(const std::string &file, const std::string &text)
{
	std::string path = path_ + "/" + file;
	auto fd = files_.open_file(path, O_WRONLY | O_TRUNC);
	if (!fd)
		return false;
	explain(fmt::format("echo '{}' > {}/{}", text, files_.path(), path));
	return ::write(fd->get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

Result<void> PipeCapture::open_files()
{
	if (!write("trace_clock", "mono"))
		return Error{"its clock cannot be the programs' (mono, 4.1)"};
	write("buffer_size_kb", kilobytes);	// else what the kernel thinks right
	if (files_.exists(path_ + "/options/overwrite")) // what finds no room is counted
		write("options/overwrite", "0");
	for (uint32_t cpu : cpus_) {
		auto pipe = files_.open_file(fmt::format("{}/per_cpu/cpu{}/trace_pipe_raw", path_, cpu), O_RDONLY | O_NONBLOCK);
		if (!pipe)
			return pipe.error();
		pages_.push_back(std::make_unique<RawPages>(std::move(*pipe), cpu));
	}
	return {};
}

Result<PipeCapture::TaskEvent> PipeCapture::open_task_event(const std::string &event)
{
	auto text = files_.read("events/" + event + "/format");
	auto format = text ? parse_format(*text) : Result<Format>(text.error());
	if (!format)
		return format.error();
	if (auto enabled = enable(event, ""); !enabled)
		return enabled.error();
	TaskEvent found;
	auto offset = [&](const char *name) {
		const Field *field = format->find(name);
		return field ? field->offset : 0;
	};
	found.id = format->id;
	found.pid = offset("pid");
	found.flags = offset("clone_flags");
	found.name = offset("newcomm");
	return found;
}

// Those that are there already, once the births of the others are recorded.
Result<void> PipeCapture::open_tasks()
{
	auto birth = open_task_event("task/task_newtask"), rename = open_task_event("task/task_rename"),
	     end = open_task_event("sched/sched_process_exit");
	for (const auto *each : {&birth, &rename, &end})
		if (!*each)
			return each->error();
	birth_ = *birth;
	rename_ = *rename;
	end_ = *end;
	each_number("/proc", [this](uint32_t pid) {
		each_number(fmt::format("/proc/{}/task", pid), [this, pid](uint32_t tid) { processes_[tid] = pid; });
	});
	return {};
}

// One of several users wants what another one's filter would leave out.
Result<void> PipeCapture::enable(const std::string &event, const std::string &filter)
{
	unsigned &users = users_[event];
	if (users)
		write("events/" + event + "/filter", "0");
	else if (!filter.empty())
		write("events/" + event + "/filter", filter);
	if (!users && !write("events/" + event + "/enable", "1"))
		return errno_error(fmt::format("ftrace: failed to switch on {}/events/{}", path_, event));
	users++;
	return {};
}

void PipeCapture::disable(const std::string &event)
{
	if (--users_[event])
		return;
	write("events/" + event + "/enable", "0");
	for (const auto &pages : pages_)
		pages->keep_all();
}

Result<std::unique_ptr<OpenEvent>> PipeCapture::open_event(const EventRequest &request)
{
	if (request.kind == RecordKind::event_chain)
		return Error{refused_ + "; and without it there are no stacks", EOPNOTSUPP};
	if (auto enabled = enable(request.event, request.filter); !enabled)
		return enabled.error();
	size_t id = static_cast<size_t>(request.id);
	if (is_wanted_.size() <= id)
		is_wanted_.resize(id + 1);
	is_wanted_[id] = true;
	return std::unique_ptr<OpenEvent>(std::make_unique<PipeEvent>(*this, request.event));
}

Result<std::unique_ptr<OpenEvent>> PipeCapture::open_clock(perf_event_attr, RecordKind, int, uint32_t)
{
	return Error{refused_ + "; and without it there is no clock to sample by", EOPNOTSUPP};
}

uint32_t PipeCapture::process_of(uint32_t tid)
{
	auto [at, is_new] = processes_.try_emplace(tid, 0);
	if (is_new && tid) {
		uint32_t process = process_in_proc(tid);
		at->second = process ? process : tid;
	}
	return at->second;
}

// A record that tells of a task comes to Tasks as perf's would, and to a program where one wants it.
bool PipeCapture::deliver(Record record, const Deliver &deliver)
{
	uint16_t id;
	memcpy(&id, record.raw, sizeof(id));
	record.pid = process_of(record.tid);
	bool wanted = id < is_wanted_.size() && is_wanted_[id], go_on = true;
	Record task = record;
	if (id == birth_.id) {
		task.type = PERF_RECORD_FORK;
		task.parent_pid = record.pid;
		task.parent_tid = record.tid;
		task.tid = word_at(record, birth_.pid);
		task.pid = word_at(record, birth_.flags) & CLONE_THREAD ? record.pid : task.tid;
		processes_[task.tid] = task.pid;
		go_on = deliver(task);
		return wanted ? deliver(record) : go_on;
	}
	if (wanted)
		go_on = deliver(record);
	if (id == rename_.id && rename_.name && rename_.name + 16 <= record.raw_size) {
		task.type = PERF_RECORD_COMM;
		task.tid = rename_.pid ? word_at(record, rename_.pid) : record.tid;
		task.comm = record.raw + rename_.name;
		return deliver(task) && go_on;
	}
	if (id == end_.id) {
		task.type = PERF_RECORD_EXIT;
		return deliver(task) && go_on;
	}
	return go_on;
}

bool PipeCapture::read(bool all, const Deliver &deliver)
{
	uint64_t expired;
	[[maybe_unused]] ssize_t ignored = ::read(timer_.get(), &expired, sizeof(expired));
	std::vector<RawPages *> streams;
	for (const auto &pages : pages_) {
		pages->refresh();
		streams.push_back(pages.get());
	}
	return !merge(streams, all ? UINT64_MAX : settled_until(), [](RawPages &pages) { return pages.peek(); },
		      [&](const Record &record) { return this->deliver(record, deliver); });
}

// "overrun: 3", "dropped events: 4" in each CPU's stats.
void PipeCapture::ask_lost()
{
	lost_ = 0;
	for (uint32_t cpu : cpus_) {
		auto stats = files_.read(fmt::format("{}/per_cpu/cpu{}/stats", path_, cpu));
		for (const char *name : {"\noverrun: ", "\ncommit overrun: ", "\ndropped events: "})
			if (size_t at = stats ? stats->find(name) : std::string::npos; at != std::string::npos)
				lost_ += strtoull(stats->c_str() + at + strlen(name), nullptr, 10);
	}
}
