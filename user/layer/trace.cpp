// SPDX-License-Identifier: GPL-2.0-only
#include "layer/trace.h"
#include "layer/btf_cache.h"
#include "layer/buffers.h"
#include "layer/clock.h"
#include "layer/engine/explain.h"
#include "layer/engine/features.h"
#include "layer/log.h"
#include "layer/programs.h"
#include "layer/sample.h"
#include "layer/signals.h"
#include "layer/symbols/probed_functions.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <poll.h>
#include <sys/utsname.h>
#include <unistd.h>

Trace::Trace(Sample &sample, const CommonOptions &options, Engine &engine, Output &output)
	: sample_(sample), options_(options), engine_(engine), output_(output)
{
	timed_columns_.assign(sample.info->columns.begin(), sample.info->columns.end());
	timed_columns_.insert(timed_columns_.begin(), time_column);
}

// Links first: what is attached must not outlive the object's maps.
Trace::~Trace()
{
	links_.clear();
}

void Trace::note(const std::string &line) const
{
	if (!options_.quiet)
		fprintf(stderr, "%s: %s\n", sample_.info->name, line.c_str());
}

uint64_t Trace::now() const
{
	return monotonic_ns();
}

double Trace::elapsed() const
{
	return static_cast<double>((ended_ ? ended_ : monotonic_ns()) - started_) / 1e9;
}

// libbpf looks for __kconfig constants in the same two places, and gives up where neither is.
static bool tells_configuration()
{
	utsname name;
	uname(&name);
	return access("/proc/config.gz", R_OK) == 0 || access(fmt::format("/boot/config-{}", name.release).c_str(), R_OK) == 0;
}

Result<void> Trace::open()
{
	std::string btf = options_.btf.empty() ? kernel_types_file() : options_.btf;
	LIBBPF_OPTS(bpf_object_open_opts, opts);
	if (!btf.empty())
		opts.btf_custom_path = btf.c_str();
	if (!tells_configuration())
		opts.kconfig = sample_.kconfig();
	auto object = sample_.open(opts);
	if (!object)
		return object.error();
	object_ = *object;
	if (object_ && btf.empty() && !features().has(Feature::kernel_btf))
		note("this kernel has no BTF: programs that read kernel structs need --btf FILE (anyprobe btf make makes one)");
	return {};
}

std::vector<bpf_map *> Trace::maps() const
{
	std::vector<bpf_map *> all;
	for (bpf_map *map = nullptr; object_ && (map = bpf_object__next_map(object_, map));)
		all.push_back(map);
	return all;
}

Result<void> Trace::load_without_object()
{
	auto here = sample_.supported(engine_);
	lacks_hooks_ = !here;
	return here ? sample_.configure(*this) : here;
}

Result<void> Trace::load()
{
	if (!object_)
		return load_without_object();
	choose_programs(engine_, object_, missing_);
	if (auto ready = sample_.configure(*this); !ready)
		return ready;
	for (const auto &[program, why] : missing_) {
		if (!bpf_program__autoload(program))
			continue;
		std::string instead = *sample_.info->instead ? std::string("; instead: ") + sample_.info->instead : "";
		lacks_hooks_ = true;
		return Error{why.message + instead, why.code};
	}
	for (bpf_map *map : maps())
		if (auto ready = prepare_buffer(map); !ready)
			return ready;
	int err = sample_.load();
	if (err) {
		Error error = log_error("object: failed to load", -err);
		lacks_hooks_ = !features().has(Feature::global_data); // so old that its verifier knows less, too
		return error;
	}
	auto chosen = choose_loaded(engine_, object_);
	lacks_hooks_ = !chosen;
	return chosen;
}

Result<void> Trace::attach(bpf_program *program, const Hook &hook)
{
	return attach(bpf_program__fd(program), bpf_program__name(program), hook);
}

Result<void> Trace::attach(int program_fd, const std::string &name, const Hook &hook)
{
	auto link = engine_.attach(program_fd, hook);
	if (!link)
		return link.error();
	explain(fmt::format("attached program {} to {}", name, describe(hook)));
	links_.push_back(std::move(*link));
	return {};
}

// A uprobe's section names FILE:FUNCTION, an engine wants the file and the offset in it.
static Result<Hook> find_place(const Hook &hook, int pid)
{
	bool at_return = hook.kind == HookKind::uretprobe;
	if ((hook.kind != HookKind::uprobe && !at_return) || hook.target.find(':') == hook.target.npos)
		return hook;
	auto function = ProbedFunctions::find(hook.target, pid, at_return);
	if (!function)
		return function.error();
	Hook found = function->hooks(hook.kind)[0];
	found.offset += hook.offset;
	return found;
}

// The first of the section's places that is here.
Result<void> Trace::attach_by_section(bpf_program *program)
{
	auto hooks = hooks_of_section(bpf_program__section_name(program));
	if (!hooks)
		return hooks.error();
	Result<void> attached;
	for (const Hook &hook : *hooks) {
		if (hook.target.empty())
			return Error{fmt::format("program {}: its section \"{}\" names no place to attach it to",
						 bpf_program__name(program), bpf_program__section_name(program)),
				     ENOENT};
		auto place = find_place(hook, options_.pid);
		attached = place ? attach(program, *place) : Result<void>(place.error());
		if (attached || attached.error().code != ENOENT)
			break;
	}
	return attached;
}

Result<void> Trace::attach_all()
{
	std::vector<std::string> left_out;
	Result<void> attached;
	bpf_program *program;
	for (const auto &[optional, why] : missing_)
		if (is_optional(optional))
			explain(fmt::format("left out {}: {}", bpf_program__name(optional), why.message));

	bpf_object__for_each_program(program, object_) {
		if (bpf_program__fd(program) < 0)
			continue;
		attached = attach_by_section(program);
		if (attached)
			continue;
		if (attached.error().code != ENOENT && attached.error().code != EADDRNOTAVAIL)
			return attached;
		if (!is_optional(program) || links_.empty())
			left_out.push_back(attached.error().message);
	}
	if (links_.empty())
		return Error{left_out.empty() ? "no program of this object names a place to attach it to" : left_out[0], ENOENT};
	for (const std::string &why : left_out)
		note("left out: " + why);
	return {};
}

Result<void> Trace::attach_each(bpf_program *program, HookKind kind, const std::vector<std::string> &functions)
{
	std::vector<Hook> hooks;
	for (const std::string &function : functions) {
		Hook hook;
		hook.kind = kind;
		hook.target = function;
		hooks.push_back(std::move(hook));
	}
	return attach_each(program, hooks);
}

Result<void> Trace::attach_each(bpf_program *program, const std::vector<Hook> &hooks)
{
	std::string failed;
	Result<void> last;
	size_t before = links_.size();
	for (const Hook &hook : hooks) {
		last = attach(program, hook);
		if (!last)
			failed += fmt::format(" {}{}", hook.target, hook.offset ? fmt::format("+{:#x}", hook.offset) : "");
	}
	if (links_.size() == before)
		return last;
	if (!failed.empty())
		note("cannot be probed here:" + failed);
	return {};
}

void Trace::watch(int fd, std::function<void()> ready)
{
	watches_.push_back({fd, std::move(ready)});
}

Result<void> Trace::open_buffers()
{
	for (bpf_map *map : maps()) {
		auto deliver = [this, map](const void *data, size_t size) { sample_.record(*this, map, data, size); };
		auto buffer = Buffer::open(map, deliver, [this](uint64_t records) { add_lost(records); });
		if (!buffer)
			return buffer.error();
		if (*buffer)
			buffers_.push_back(std::move(*buffer));
	}
	return {};
}

void Trace::event_row(uint64_t time, const Row &row)
{
	event_row(time, sample_.info->columns, row);
}

void Trace::event_row(uint64_t time, std::span<const Column> columns, const Row &row)
{
	if (stopped_)
		return;
	if (options_.time || options_.output == "json") {
		std::span<const Column> timed = timed_columns_;
		std::vector<Column> own;
		if (columns.data() != sample_.info->columns.data()) {
			own.assign(columns.begin(), columns.end());
			own.insert(own.begin(), time_column);
			timed = own;
		}
		Row with_time;
		with_time << time_cell(time);
		for (const Cell &value : row.cells())
			with_time << value;
		output_.row(timed, with_time);
	} else {
		output_.row(columns, row);
	}
	if (options_.count && output_.rows() >= options_.count)
		stopped_ = true;
}

void Trace::poll_once(double wait)
{
	std::vector<pollfd> fds;
	for (const auto &buffer : buffers_)
		fds.push_back({buffer->fd(), POLLIN, 0});
	for (const Watch &watch : watches_)
		fds.push_back({watch.fd, POLLIN, 0});
	fds.push_back({engine_.fd(), POLLIN, 0}); // poll(2) passes over -1
	// Standard output that nobody reads any more shows as an error on it, before the next row fails.
	fds.push_back({1, 0, 0});

	int ready = poll(fds.data(), fds.size(), more_ ? 0 : static_cast<int>(std::ceil(wait * 1000)));
	if (more_ || (ready > 0 && fds[fds.size() - 2].revents))
		process();
	if (ready <= 0)
		return;
	for (size_t i = 0; i < buffers_.size(); i++)
		if (fds[i].revents)
			buffers_[i]->consume();
	for (size_t i = 0; i < watches_.size(); i++)
		if (fds[buffers_.size() + i].revents)
			watches_[i].ready();
	if (fds.back().revents & POLLERR)
		output_.set_failure(EPIPE);
}

void Trace::process()
{
	more_ = engine_.process();
	for (const auto &buffer : buffers_)
		buffer->consume();
}

Result<void> Trace::loop()
{
	double interval = sample_.interval();
	double next_report = interval;
	while (!stopped_ && !signalled()) {
		double now = elapsed();
		double wait = 1;
		if (options_.duration) {
			if (now >= options_.duration)
				break;
			wait = std::min(wait, options_.duration - now);
		}
		if (interval)
			wait = std::min(wait, std::max(0.0, next_report - now));
		poll_once(wait);
		if (interval && elapsed() >= next_report) {
			next_report += interval;
			process(); // what happened before the report
			if (auto reported = sample_.report(*this, false); !reported)
				return reported;
			if (options_.count && ++reports_ >= options_.count)
				stopped_ = true;
		}
		if (!output_.flush())
			break;
	}
	return {};
}

uint64_t Trace::lost() const
{
	return lost_ + engine_.lost() + (object_ ? sum_percpu(bpf_object__find_map_by_name(object_, "lost")) : 0);
}

void Trace::summary() const
{
	uint64_t gone = lost();
	if (gone)
		fprintf(stderr, "%s: %llu lost: user space was too slow, or a table was full\n", sample_.info->name,
			static_cast<unsigned long long>(gone));
	if (sample_.streams())
		note(fmt::format("{} event{} in {:.1f} s, {} lost", output_.rows(), output_.rows() == 1 ? "" : "s", elapsed(),
				 gone));
}

Result<void> Trace::run()
{
	log_start();
	for (auto step : {&Trace::open, &Trace::load, &Trace::open_buffers})
		if (auto done = (this->*step)(); !done)
			return done;
	catch_signals();
	started_ = monotonic_ns();
	if (auto attached = sample_.attach(*this); !attached)
		return attached;
	started_ = monotonic_ns();
	note(fmt::format("{}{}", sample_.streams() ? "tracing" : "collecting",
			 options_.duration ? fmt::format(" for {} s", options_.duration) : "; Ctrl-C ends"));

	if (auto looped = loop(); !looped)
		return looped;
	ended_ = monotonic_ns();
	links_.clear();
	do // what came before the detaching
		process();
	while (more_);
	for (const Watch &watch : watches_)
		watch.ready();
	if (!sample_.streams() && (!sample_.interval() || !reports_ || !options_.count || reports_ < options_.count))
		if (auto reported = sample_.report(*this, true); !reported)
			return reported;
	output_.flush();
	if (output_.failure() != EPIPE) // nobody is there who would read it
		summary();
	if (output_.failure() && output_.failure() != EPIPE)
		return errno_error("failed to write standard output", output_.failure());
	return {};
}
