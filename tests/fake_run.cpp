// SPDX-License-Identifier: GPL-2.0-only
#include "fake_run.h"

#include "layer/trace.h"

void KeptOutput::row(std::span<const Column> columns, const Row &row)
{
	nlohmann::json object;
	for (size_t i = 0; i < columns.size() && i < row.cells().size(); i++)
		object[json_key(columns[i].name)] = nlohmann::json::parse(row.cells()[i].json);
	kept.push_back(std::move(object));
	rows_++;
}

void KeptOutput::histogram(const std::string &title, std::span<const Column>, const Row &, const Histogram &histogram)
{
	kept.push_back({{"title", title}, {"histogram", nlohmann::json::parse(histogram.json().dump())}});
	rows_++;
}

FakeRun::FakeRun(FakeEngine &engine, const SampleEntry &entry, std::vector<std::string> arguments)
    : sample(entry.create())
{
	sample->info = &entry.info;
	CommonOptions common;
	CLI::App app;
	Options options(app);
	sample->options(options);
	options.common(common);
	std::reverse(arguments.begin(), arguments.end());
	app.parse(arguments);
	if (!common.duration)
		common.duration = 0.01;

	activate(&engine);
	Capture stderr_text(stderr);
	{
		Trace trace(*sample, common, engine, output);
		result = trace.run();
	}
	err = stderr_text.text();
	activate(nullptr);
}

FakeRun FakeRun::object(FakeEngine &engine, const std::string &name, std::vector<std::string> arguments)
{
	arguments.insert(arguments.begin(), test_object(name));
	return FakeRun(engine, run_object, std::move(arguments));
}

HandMadeBtf::HandMadeBtf()
{
	int_ = btf__add_int(types_, "int", 4, BTF_INT_SIGNED);
	long_ = btf__add_int(types_, "long", 8, BTF_INT_SIGNED);
}

HandMadeBtf &HandMadeBtf::add(const char *name, const std::vector<Field> &fields)
{
	int pointer = btf__add_ptr(types_, 0);
	int array = btf__add_array(types_, int_, long_, 6);
	int character = btf__add_int(types_, "char", 1, BTF_INT_SIGNED);
	int comm = btf__add_array(types_, int_, character, 16);
	btf__add_struct(types_, name, 4096);
	for (const Field &field : fields) {
		int type = field.kind == Field::int_kind     ? int_
			   : field.kind == Field::long_kind  ? long_
			   : field.kind == Field::pointer    ? pointer
			   : field.kind == Field::long_array ? array
							     : comm;
		btf__add_field(types_, field.name, type, field.offset * 8, 0);
	}
	return *this;
}

MemoryFile HandMadeBtf::file() const
{
	__u32 size;
	auto *data = static_cast<const char *>(btf__raw_data(types_, &size));
	return MemoryFile({data, size});
}

std::string test_object(const std::string &name)
{
	char path[4096];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path));
	std::string own(path, static_cast<size_t>(std::max<ssize_t>(length, 0)));
	return own.substr(0, own.rfind('/')) + "/" + name + ".bpf.o";
}
