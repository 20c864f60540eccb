// SPDX-License-Identifier: GPL-2.0-only
// core_fields: what CO-RE finds out about this kernel's task_struct, with the values of anyprobe's own task.
#include "core_fields.h"
#include "core_fields.skel.h"
#include "layer/sample.h"

#include <fmt/format.h>
#include <optional>
#include <sys/syscall.h>

namespace {

constexpr Column columns[] = {
	{"WHAT", -44, "a type, a field, an enumerator, a constant of the kernel"},
	{"HERE", -5, "does this kernel have it"},
	{"OFFSET", 7, "bytes from the start of its struct (of a bit: to its word)"},
	{"BYTES", 6, "its size (of a bit: its word's)"},
	{"VALUE", 0, "of anyprobe's own task; of the constant"},
};

// In the order of core_subject.
constexpr const char *subjects[CORE_SUBJECTS] = {
	"struct task_struct",
	"task_struct.comm",
	"task_struct.__state (5.14)",
	"task_struct.state (until 5.13)",
	"task_struct.sched_reset_on_fork (one bit)",
	"task_struct.start_boottime (5.5)",
	"task_struct.real_start_time (until 5.4)",
	"signal_struct.pids[PIDTYPE_SID] (4.19)",
	"PIDTYPE_SID",
};

class CoreFields final : public KernSample<core_fields_kern> {
	std::optional<core_facts> found_;

	// What a weak constant is where no file tells the kernel's configuration.
	const char *kconfig() const override { return "CONFIG_HZ=0\n"; }

	Result<void> check(const CommonOptions &options) override
	{
		if (options.pid || !options.comm.empty())
			return Error{"it looks at its own task alone: -p and --comm have no meaning", EINVAL};
		return {};
	}

	Result<void> configure(core_fields_kern &k, Trace &) override
	{
		k.rodata->asker = static_cast<uint32_t>(getpid());
		return {};
	}

	// Runs the program itself, once.
	Result<void> attach(Trace &trace) override
	{
		auto attached = trace.attach_all();
		syscall(SYS_getppid);
		return attached;
	}

	void record(Trace &trace, bpf_map *, const void *data, size_t size) override
	{
		found_.emplace();
		memcpy(&*found_, data, std::min(size, sizeof(*found_)));
		trace.stop();
	}

	void row(Trace &trace, int subject, const Cell &value) const
	{
		const core_fact &fact = found_->facts[subject];
		bool has_place = fact.exists && fact.size, is_member = has_place && subject != CORE_TASK;
		trace.report_row(columns, Row() << subjects[subject] << bool(fact.exists)
						<< (is_member ? cell(fact.offset) : Cell{"-", "null"})
						<< (has_place ? cell(fact.size) : Cell{"-", "null"})
						<< (fact.exists ? value : Cell{"-", "null"}));
	}

	void constant(Trace &trace, const char *name, bool known, const Cell &value) const
	{
		const Cell none{"-", "null"};
		trace.report_row(columns, Row() << name << known << none << none << (known ? value : none));
	}

	Result<void> report(Trace &trace, bool) override
	{
		if (!found_)
			return Error{"the program did not run: getppid(2) did not get to it", ENODATA};
		for (int subject = 0; subject < CORE_SUBJECTS; subject++) {
			uint64_t value = found_->facts[subject].value;
			Cell shown = cell(value);
			if (subject == CORE_TASK)
				shown = {"-", "null"};
			else if (subject == CORE_COMM)
				shown = cell(std::string_view(found_->comm, strnlen(found_->comm, sizeof(found_->comm))));
			row(trace, subject, shown);
		}
		uint32_t version = found_->version;
		constant(trace, "LINUX_KERNEL_VERSION", true,
			 cell(fmt::format("{}.{}.{}", version >> 16, version >> 8 & 0xff, version & 0xff)));
		constant(trace, "CONFIG_HZ", found_->hz, cell(found_->hz));
		return {};
	}
};

const Register<CoreFields> sample{{
	.name = "core_fields",
	.summary = "what CO-RE finds out about this kernel's task_struct",
	.description = "Shows, for a few members of the kernel's task_struct, whether this kernel has them, where they lie and what "
		       "they hold for anyprobe itself, as the same compiled program finds it on every kernel: fields that were "
		       "renamed or moved, a bit field, an enumerator, constants of the configuration.",
	.columns = columns,
	.example = R"($ anyprobe core_fields -q
WHAT                                         HERE   OFFSET  BYTES VALUE
struct task_struct                           yes         -   9792 -
task_struct.comm                             yes      2976     16 core_fields
task_struct.__state (5.14)                   yes        24      4 0
task_struct.state (until 5.13)               no          -      - -
task_struct.sched_reset_on_fork (one bit)    yes      2340      4 0
...
)",
	.instead = "anyprobe btf check compares a BTF file with this kernel",
}};

} // namespace
