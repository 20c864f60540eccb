// SPDX-License-Identifier: GPL-2.0-only
#include "ftrace/tasks.h"
#include "layer/engine/cgroup.h"

#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>

namespace {

// A change of user makes no record but where a program begins: so often it is looked at again.
constexpr uint64_t ids_age_ns = 100'000'000;
constexpr size_t ended_kept = 16384;

std::string read_file(const std::string &path)
{
	UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
	char text[2048];
	ssize_t got = file ? read(file.get(), text, sizeof(text)) : -1;
	return got > 0 ? std::string(text, static_cast<size_t>(got)) : "";
}

uint32_t number_behind(const std::string &text, const char *name)
{
	size_t at = text.find(name);
	return at == text.npos ? 0 : static_cast<uint32_t>(strtoul(text.c_str() + at + strlen(name), nullptr, 10));
}

template <class F> void each_number(const std::string &directory, F each)
{
	DIR *entries = opendir(directory.c_str());
	if (!entries)
		return;
	while (dirent *entry = readdir(entries))
		if (unsigned long number = strtoul(entry->d_name, nullptr, 10))
			each(static_cast<uint32_t>(number));
	closedir(entries);
}

void read_comm(uint32_t tid, Task &task)
{
	// /proc/TID is there for threads, too, though it is not listed.
	std::string text = read_file(fmt::format("/proc/{}/comm", tid));
	if (text.empty())
		return;
	memset(task.comm, 0, sizeof(task.comm));
	memcpy(task.comm, text.data(), std::min(text.size() - 1, sizeof(task.comm) - 1));
	task.comm_known = true;
}

uint64_t cgroup_of(uint32_t tid, const std::string &root)
{
	std::string text = root.empty() ? "" : "\n" + read_file(fmt::format("/proc/{}/cgroup", tid));
	size_t at = text.find("\n0::/"); // the line of the v2 hierarchy
	if (at == text.npos)
		return 0;
	auto id = cgroup_id(root + text.substr(at + 4, text.find('\n', at + 1) - at - 4));
	return id ? *id : 0;
}

} // namespace

Tasks::Tasks() : cgroup_root_(find_cgroup_root())
{
	Task &idle = tasks_[0];
	idle.comm_known = idle.ids_known = true;
}

void Tasks::read_ids(uint32_t tid, Task &task, uint64_t now)
{
	std::string text = read_file(fmt::format("/proc/{}/status", tid));
	task.ids_read = now;
	if (text.empty()) // gone: what it was before stays
		return;
	task.uid = number_behind(text, "\nUid:");
	task.gid = number_behind(text, "\nGid:");
	task.cgroup = cgroup_of(tid, cgroup_root_);
	task.ids_known = true;
}

void Tasks::read_all(bool with_ids)
{
	with_ids_ = with_ids_ || with_ids;
	each_number("/proc", [this](uint32_t pid) {
		each_number(fmt::format("/proc/{}/task", pid), [this](uint32_t tid) {
			Task &task = tasks_[tid];
			if (!task.comm_known)
				read_comm(tid, task);
			if (with_ids_ && !task.ids_known)
				read_ids(tid, task, 0);
		});
	});
}

Task &Tasks::task(uint32_t tid)
{
	Task &task = tasks_[tid];
	if (!task.comm_known)
		read_comm(tid, task);
	return task;
}

void Tasks::record(const Record &record)
{
	switch (record.type) {
	case PERF_RECORD_FORK: {
		Task parent = task(record.parent_tid);
		tasks_[record.tid] = parent;
		break;
	}
	case PERF_RECORD_COMM: {
		Task &task = tasks_[record.tid];
		strncpy(task.comm, record.comm, sizeof(task.comm) - 1);
		task.comm_known = true;
		if (record.is_exec) // perhaps with a set-user-ID bit
			task.ids_read = 0;
		break;
	}
	case PERF_RECORD_EXIT:
		// Its last events come behind this.
		ended_.push_back(record.tid);
		if (ended_.size() < ended_kept)
			break;
		for (size_t i = 0; i < ended_kept / 2; i++)
			tasks_.erase(ended_[i]);
		ended_.erase(ended_.begin(), ended_.begin() + ended_kept / 2);
		break;
	}
}

const char *Tasks::comm(uint32_t tid, uint32_t cpu)
{
	Task &task = this->task(tid);
	if (!tid)
		*fmt::format_to_n(task.comm, sizeof(task.comm) - 1, "swapper/{}", cpu).out = '\0';
	return task.comm;
}

void Tasks::refresh_ids(uint32_t tid, Task &task, uint64_t now)
{
	if (tid && (!task.ids_known || task.ids_read + ids_age_ns < now))
		read_ids(tid, task, now);
}

uint64_t Tasks::cgroup_id(uint32_t tid, uint64_t now)
{
	Task &task = this->task(tid);
	refresh_ids(tid, task, now);
	return task.cgroup;
}

uint64_t Tasks::uid_gid(uint32_t tid, uint64_t now)
{
	Task &task = this->task(tid);
	refresh_ids(tid, task, now);
	return uint64_t(task.gid) << 32 | task.uid;
}
