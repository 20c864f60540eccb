// SPDX-License-Identifier: GPL-2.0-only
// Probe events of RHEL 6.8 and RHEL 7.9 from end to end: what their parser takes is found out by trying, the samples are
// planned for that, and the parser takes the plans. The parser here knows what theirs knows, and refuses the rest.
#include "ftrace/detect.h"
#include "plan_sample.h"

#include "execsnoop.skel.h"
#include "funclatency.skel.h"
#include "opensnoop.skel.h"
#include "tcpconnect.skel.h"
#include "vfscount.skel.h"

#include <filesystem>
#include <regex.h>

namespace fs = std::filesystem;

namespace
{

constexpr size_t longest_line = 4095, most_arguments = 128;

// All of the text.
bool matches(const char *pattern, const std::string &text)
{
	regex_t compiled;
	REQUIRE(regcomp(&compiled, ("^(" + std::string(pattern) + ")$").c_str(), REG_EXTENDED | REG_NOSUB) == 0);
	bool found = regexec(&compiled, text.c_str(), 0, nullptr, 0) == 0;
	regfree(&compiled);
	return found;
}

class OldProbes final : public Probes
{
	static bool takes_fetch(std::string fetch, bool at_return)
	{
		while (matches(R"([+-][0-9]+\(.*\))", fetch))
			fetch = fetch.substr(fetch.find('(') + 1, fetch.size() - fetch.find('(') - 2);
		return matches(R"(%[a-z][a-z0-9]*|@0x[0-9a-f]+|@[a-z_]+([+-][0-9]+)?|\$stack[0-9]*)", fetch) ||
		       (at_return && fetch == "$retval");
	}

	static bool takes_argument(const std::string &argument, bool at_return)
	{
		if (!matches("[a-z0-9_]+=[^:]+(:([us](8|16|32|64)|string))?", argument))
			return false;
		size_t equals = argument.find('=');
		return takes_fetch(argument.substr(equals + 1, argument.find(':') - equals - 1), at_return);
	}

	int add(const std::string &line)
	{
		std::istringstream words(line);
		std::string kind, place;
		words >> kind >> place;
		if (line.size() > longest_line || !matches("[pr]:[a-z0-9_]+/[a-z0-9_]+", kind))
			return EINVAL;
		if (place.starts_with("__x64_") || place.starts_with("__traceiter_")) // names of later kernels
			return EINVAL;
		size_t count = 0;
		for (std::string argument; words >> argument; count++)
			if (count == most_arguments || !takes_argument(argument, kind[0] == 'r'))
				return EINVAL;
		fs::create_directories(fs::path(files().path()) / "events" / event_of_line(line));
		return 0;
	}

      public:
	using Probes::Probes;

	int write_line(ProbeFile file, const std::string &line) override
	{
		if (!files().exists(file_name(file)))
			return ENOENT;
		if (!line.starts_with("-:"))
			return add(line);
		return fs::remove(fs::path(files().path()) / "events" / line.substr(2)) ? 0 : ENOENT;
	}
};

// perf, which knows no COMM in a filter before 4.3.
class OldPerf final : public FakeEngine
{
      public:
	OldPerf() : FakeEngine("an old kernel") {}
	int ioctl(int, unsigned long, void *) override
	{
		errno = EINVAL;
		return -1;
	}
};

// A system's tree, in a folder of our own where probes can be made.
class OldSystem
{
	char folder_[32] = "/tmp/anyprobe-test-XXXXXX";
	OldPerf engine_;
	Tracefs files_;

	Tracefs copy(const std::string &system)
	{
		REQUIRE(mkdtemp(folder_));
		fs::copy("tests/data/systems/" + system, folder_, fs::copy_options::recursive);
		auto files = Tracefs::open_at(std::string(folder_) + "/sys/kernel/debug/tracing");
		REQUIRE(files);
		return std::move(*files);
	}

      public:
	explicit OldSystem(const std::string &system) : files_(copy(system)), probes(files_)
	{
		activate(&engine_);
		kernel = detect_kernel(probes);
		kernel.current = true; // found in /proc/kallsyms, which is this machine's
		activate(nullptr);
	}
	~OldSystem() { fs::remove_all(folder_); }

	OldProbes probes;
	Kernel kernel;

	bool has_probes() const
	{
		fs::path group = fs::path(files_.path()) / "events" / probes.group();
		return fs::exists(group) && !fs::is_empty(group);
	}
};

constexpr const char *systems[] = {"rhel-6.8", "rhel-7.9"};

void finds_out_what_they_take()
{
	for (const char *name : systems) {
		OldSystem system(name);
		const Kernel &kernel = system.kernel;
		CHECK(kernel.kprobes);
		CHECK_EQUAL(kernel.uprobes, name == std::string("rhel-7.9"));
		CHECK(!kernel.hex_types && !kernel.user_reads && !kernel.arrays);
		CHECK(!kernel.return_arguments && !kernel.return_instances && !kernel.syscall_registers);
		CHECK_EQUAL(kernel.comm_field, "");
		CHECK(!system.has_probes());
	}
}

// What the parser says to the plan: "", or the line that it refuses.
std::string taken(OldSystem &system, const Result<Plan> &plan)
{
	if (!plan)
		return plan.error().message;
	const char *kind = plan->source == PlanSource::kretprobe ? "r" : "p";
	auto probe = system.probes.define(ProbeFile::kprobe_events, kind, plan->place, plan->arguments(0x1000));
	return probe ? "" : shown(plan) + ": " + probe.error().message;
}

template <class K> void check_sample(OldSystem &system, const std::vector<std::pair<std::string, std::string>> &programs)
{
	Sampled<K> sample;
	sample.kernel = system.kernel;
	for (const auto &[program, format] : programs)
		CHECK_EQUAL(taken(system, sample.plan(program, format)), "");
}

void takes_the_samples_plans()
{
	for (const char *name : systems) {
		OldSystem system(name);
		check_sample<opensnoop_kern>(system, {{"enter_open", "rhel7/sys_enter_open"}, {"enter_openat", "sys_enter_openat"}});
		check_sample<execsnoop_kern>(system, {{"enter_execve", "sys_enter_execve"}, {"leave_execve", "sys_exit_execve"}});
		check_sample<tcpconnect_kern>(system, {{"enter___kprobe", ""}, {"state___kprobe", ""}, {"leave___kprobe", ""}});
		check_sample<funclatency_kern>(system, {{"enter_kernel", ""}, {"leave_kernel", ""}});
		check_sample<vfscount_kern>(system, {{"count___single", ""}});
		CHECK(!system.has_probes());
	}
}

const Suite suite{"old systems' probe events",
		  {{"what they take is found out by trying", finds_out_what_they_take},
		   {"they take the samples' plans", takes_the_samples_plans}}};

} // namespace
