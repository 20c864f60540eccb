// SPDX-License-Identifier: GPL-2.0-only
// `anyprobe run OBJECT.o`: any libbpf-style BPF object, from anywhere.
#include "layer/commands/commands.h"
#include "layer/object_maps.h"
#include "layer/record_types.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

// libbpf believes the type numbers in an object's BTF (1.1, and in part still 1.4), so a damaged file can make it
// read anywhere or turn in circles: a child goes first.
bool survives_opening(const std::string &path)
{
	constexpr unsigned most_seconds = 10;
	fflush(nullptr);
	pid_t child = fork();
	if (child == 0) {
		constexpr rlimit no_core{0, 0};
		setrlimit(RLIMIT_CORE, &no_core);
		alarm(most_seconds);
		libbpf_set_print(nullptr);
		dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), 2); // a sanitizer's report
		bpf_object__open_file(path.c_str(), nullptr);
		_exit(0);
	}
	int status = 0;
	while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {
	}
	return child < 0 || status == 0;
}

class RunObject final : public Sample {
	struct Close {
		void operator()(bpf_object *object) const { bpf_object__close(object); }
	};
	std::string path_;
	std::vector<std::string> types_; // MAP=STRUCT, as given
	std::unique_ptr<bpf_object, Close> object_;
	std::unique_ptr<RecordTypes> records_;

	void options(Options &o) override
	{
		o.argument("OBJECT", path_, "the object file (ELF, as clang -target bpf makes it)", true);
		o.value("--type", types_, "MAP=STRUCT", "decode the records of a ring or perf buffer as this struct");
	}

	Result<void> check(const CommonOptions &common) override
	{
		if (common.pid || !common.comm.empty())
			return Error{"-p and --comm are for the samples: an object from elsewhere filters by itself", EINVAL};
		for (const std::string &type : types_)
			if (type.find('=') == type.npos)
				return Error{fmt::format("--type {}: it takes MAP=STRUCT", type), EINVAL};
		return {};
	}

	Result<bpf_object *> open(const bpf_object_open_opts &opts) override
	{
		if (!survives_opening(path_))
			return Error{fmt::format("object: failed to open {}: it is damaged: libbpf crashes on it; compile it again", path_)};
		object_.reset(bpf_object__open_file(path_.c_str(), &opts));
		if (!object_)
			return log_error(fmt::format("object: failed to open {}", path_), errno);
		auto records = RecordTypes::open(object_.get(), types_);
		if (!records)
			return records.error();
		records_ = std::make_unique<RecordTypes>(std::move(*records));
		return object_.get();
	}

	int load() override { return bpf_object__load(object_.get()); }
	void close() override { object_.reset(); }

	void record(Trace &trace, bpf_map *map, const void *data, size_t size) override;
	Result<void> report(Trace &trace, bool) override { return dump_maps(object_.get(), trace.output()); }
};

constexpr Column columns[] = {
	{"MAP", -16, "the ring or perf buffer that the record came through"},
	{"RECORD", 0, "its members, where the object's BTF has a struct for it; else its bytes in hex"},
};

void RunObject::record(Trace &trace, bpf_map *map, const void *data, size_t size)
{
	trace.event_row(trace.now(), Row() << bpf_map__name(map) << records_->decode(map, data, size));
}

} // namespace

const SampleEntry run_object = {
	.info = {
		.name = "run",
		.summary = "load any BPF object, attach it by its section names, print its records and maps",
		.description = "Loads an object that was made for libbpf, attaches every program whose section names its "
			       "place, and prints what comes through its ring and perf buffers. A record is decoded by "
			       "--type, by the map's own value type, or by the one struct of the object's BTF that has "
			       "its size and is no map's key or value; else it is shown in hex. The other maps are printed "
			       "at the end.",
		.columns = columns,
		.example = R"($ anyprobe run unlinks.bpf.o -n 1
MAP              RECORD
rb               pid=8056 uid=0 flags=0 comm="rm" path="/tmp/b/old"
)",
		.instead = "",
	},
	.create = [] { return std::unique_ptr<Sample>(std::make_unique<RunObject>()); },
	.next = nullptr,
};
