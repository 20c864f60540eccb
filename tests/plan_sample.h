// SPDX-License-Identifier: GPL-2.0-only
// A sample's programs as libbpf relocates them for a real kernel, to be planned.
#pragma once

#include "fake_engine.h"
#include "memory_file.h"
#include "plan_case.h"

#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <unistd.h>

// What the samples use of those kernels' BTF, cut out with `bpftool gen min_core_btf`.
std::string_view samples_btf_6_1();
std::string_view samples_btf_5_10();

// A sample's object, loaded with all of its programs.
template <class K> class Sampled
{
	FakeEngine engine_{"plans of a sample"};
	K *kern_ = nullptr;
	std::map<const FakeEngine::Map *, PlanMap> maps_;
	std::vector<PlanProgram> programs_;
	Format format_;

	const PlanMap *map_of(int fd)
	{
		const FakeEngine::Map *from = engine_.map_of_fd(fd);
		if (!from)
			return nullptr;
		auto [at, is_new] = maps_.try_emplace(from);
		PlanMap &map = at->second;
		if (!is_new)
			return &map;
		map.name = from->name;
		map.type = from->type;
		map.key_size = static_cast<uint32_t>(from->key_size);
		map.value_size = static_cast<uint32_t>(from->value_size);
		map.max_entries = static_cast<uint32_t>(from->max_entries);
		map.constant = from->frozen && (from->flags & BPF_F_RDONLY_PROG);
		if (from->type == BPF_MAP_TYPE_ARRAY)
			map.lookup = [from](const void *key, std::string &value) {
				uint32_t index;
				memcpy(&index, key, sizeof(index));
				value.resize(from->value_size);
				return pread(from->file.get(), value.data(), value.size(),
					     static_cast<off_t>(index * ((from->value_size + 7) / 8 * 8))) > 0;
			};
		return &map;
	}

	void keep(bpf_program *program)
	{
		PlanProgram kept;
		kept.name = bpf_program__name(program);
		kept.type = static_cast<uint32_t>(bpf_program__type(program));
		for (const FakeEngine::Program &loaded : engine_.programs)
			if (kept.name.substr(0, 15) == loaded.name) {
				kept.insns.resize(loaded.insns.size());
				memcpy(static_cast<void *>(kept.insns.data()), loaded.insns.data(),
				       loaded.insns.size() * sizeof(bpf_insn));
			}
		programs_.push_back(std::move(kept));
	}

      public:
	Kernel kernel = new_kernel();
	uint64_t cookie = 0;

	explicit Sampled(const std::function<void(K &)> &configure = {}, std::string_view btf = samples_btf_6_1())
	{
		MemoryFile types(btf);
		std::string path = types.path();
		bpf_object_open_opts opts{};
		opts.sz = sizeof(opts);
		opts.btf_custom_path = path.c_str();
		activate(&engine_);
		kern_ = K::open(&opts);
		REQUIRE(kern_);
		if (configure)
			configure(*kern_);
		bpf_program *program;
		bpf_object__for_each_program(program, kern_->obj) bpf_program__set_autoload(program, true);
		CHECK_EQUAL(K::load(kern_), 0);
		bpf_object__for_each_program(program, kern_->obj) keep(program);
	}
	~Sampled()
	{
		K::destroy(kern_);
		activate(nullptr);
	}
	K &kern() { return *kern_; }
	FakeEngine &engine() { return engine_; }
	const PlanProgram *program(const std::string &name) const
	{
		for (const PlanProgram &one : programs_)
			if (one.name == name)
				return &one;
		return nullptr;
	}

	// `format`: of tests/data/formats, from 6.1 unless it names a system.
	Result<Plan> plan(const std::string &name, const std::string &format = "")
	{
		bpf_program *program = bpf_object__find_program_by_name(kern_->obj, name.c_str());
		std::vector<const PlanProgram *> all;
		PlanInput input;
		for (const PlanProgram &one : programs_) {
			all.push_back(&one);
			if (one.name == name)
				input.program = &one;
		}
		auto hooks = hooks_of_section(bpf_program__section_name(program));
		REQUIRE(hooks && input.program);
		input.programs = all;
		input.hook = hooks->front();
		if (input.hook.target.empty())
			input.hook.target = "place";
		input.hook.cookie = cookie;
		input.kernel = &kernel;
		input.map = [this](int fd) { return map_of(fd); };
		if (!format.empty()) {
			format_ = *parse_format(recorded_format(format.find('/') == format.npos ? "6.1/" + format : format));
			input.format = &format_;
		}
		return make_plan(input);
	}
	std::string line(const std::string &name, const std::string &format = "") { return shown(plan(name, format)); }
};
