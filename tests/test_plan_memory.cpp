// SPDX-License-Identifier: GPL-2.0-only
// What a plan captures is enough: the samples' programs run in the vm over a made-up memory, and every byte that they
// read must be in the image that the plan's fetches make of the same memory.
#include "plan_sample.h"

#include "execsnoop.skel.h"
#include "opensnoop.skel.h"
#include "runqlat.skel.h"
#include "tcpconnect.skel.h"
#include "usdt.skel.h"

#include "usdt.h"
#include "vm/vm.h"

#include <bpf/bpf.h>
#include <fmt/format.h>

namespace
{

constexpr uint64_t task_address = 0xffff888003a00000;
constexpr const char *register_names[] = {"r15", "r14", "r13", "r12",	"bp", "bx", "r11",   "r10", "r9", "r8", "ax",
					  "cx",	 "dx",	"si",  "di", "orig_ax", "ip", "cs", "flags", "sp", "ss"};

// Every address holds something, always the same; mostly the small numbers that programs compare with.
class MadeUpMemory
{
	uint64_t seed_;

      public:
	explicit MadeUpMemory(uint64_t seed) : seed_(seed) {}
	uint8_t byte(uint64_t address) const
	{
		uint64_t mixed = (address ^ seed_ * 0x9e3779b97f4a7c15) * 0xff51afd7ed558ccd;
		mixed ^= mixed >> 33;
		constexpr uint8_t likely[] = {0, 1, 2, 6, 10, 0, 0, 77};
		return mixed & 0x100 ? static_cast<uint8_t>(mixed) : likely[(mixed >> 16) & 7];
	}
	std::string bytes(uint64_t address, size_t size) const
	{
		std::string all;
		for (size_t i = 0; i < size; i++)
			all += static_cast<char>(byte(address + i));
		return all;
	}
	std::string text(uint64_t address, size_t most) const // with its NUL
	{
		std::string all;
		while (all.size() < most && (all.empty() || all.back()))
			all += static_cast<char>(byte(address + all.size()));
		return all;
	}
	uint64_t word(uint64_t address) const
	{
		uint64_t number;
		memcpy(&number, bytes(address, 8).data(), 8);
		return number;
	}
};

struct Image {
	std::map<uint64_t, char> bytes;

	void put(uint64_t address, const std::string &data)
	{
		for (size_t i = 0; i < data.size(); i++)
			bytes[address + i] = data[i];
	}
	bool has(uint64_t address, const std::string &data) const
	{
		for (size_t i = 0; i < data.size(); i++) {
			auto at = bytes.find(address + i);
			if (at == bytes.end() || at->second != data[i])
				return false;
		}
		return true;
	}
};

// One event, as a kernel would capture it by the plan.
class Event
{
	const MadeUpMemory &memory_;
	std::vector<std::string> data_; // of each fetch

	uint64_t base_of(const Fetch &fetch) const
	{
		switch (fetch.base) {
		case Fetch::Base::current:
			return task_address;
		case Fetch::Base::address:
			return fetch.address;
		case Fetch::Base::register_value:
			for (unsigned i = 0; i < 21; i++)
				if (fetch.register_name == register_names[i])
					return memory_.word(8 * i);
			[[fallthrough]];
		default:
			return memory_.word(80);
		}
	}

	void fetch(const Fetch &fetch)
	{
		uint64_t address = base_of(fetch);
		for (size_t i = 0; i + 1 < fetch.steps.size(); i++)
			address = memory_.word(address + static_cast<uint64_t>(fetch.steps[i].offset));
		if (fetch.steps.empty()) {
			data_.emplace_back(reinterpret_cast<const char *>(&address), sizeof(address));
			return;
		}
		address += static_cast<uint64_t>(fetch.steps.back().offset);
		data_.push_back(fetch.is_string ? memory_.text(address, 4096) : memory_.bytes(address, fetch.bytes()));
		if (!fetch.is_region)
			return;
		uint64_t start = static_cast<uint64_t>(fetch.distance), pointer = 0;
		if (fetch.pointer >= 0)
			memcpy(&pointer, data_[static_cast<size_t>(fetch.pointer)].data() + fetch.pointer_at, 8);
		CHECK_EQUAL(fmt::format("{:#x}", pointer + start), fmt::format("{:#x}", address));
		image.put(pointer + start, data_.back());
		if (fetch.kept)
			kept.put(pointer + start, data_.back());
	}

      public:
	Image image, kept;
	std::string context;

	Event(const MadeUpMemory &memory, const Plan &plan) : memory_(memory), context(plan.context_size, '\0')
	{
		for (const Fetch &one : plan.fetches)
			fetch(one);
		for (const ContextPart &part : plan.context) {
			std::string from = part.from == ContextPart::From::fetch    ? data_[part.index]
					   : part.from == ContextPart::From::record ? memory.bytes(part.index, part.size)
										    : std::string(8, '\1');
			memcpy(context.data() + part.offset, from.data(), part.size);
		}
	}
};

// The vm with a sample's maps and programs.
template <class K> class Machine
{
	Sampled<K> &sample_;
	std::map<const FakeEngine::Map *, vm_map *> maps_;
	vm_machine machine_{};
	const MadeUpMemory *memory_ = nullptr;
	const Image *image_ = nullptr, *kept_ = nullptr;

	static Machine &of(vm_machine *machine) { return *static_cast<Machine *>(machine->data); }

	void check(uint64_t from, const std::string &data)
	{
		reads++;
		if (!image_->has(from, data) && !kept_->has(from, data))
			missing += fmt::format("{} bytes at {:#x}; ", data.size(), from);
	}

	static int read(vm_machine *machine, void *to, unsigned size, u64 from, int)
	{
		if (from < 4096)
			return -EFAULT;
		std::string data = of(machine).memory_->bytes(from, size);
		memcpy(to, data.data(), size);
		of(machine).check(from, data);
		return 0;
	}
	static int read_string(vm_machine *machine, char *to, unsigned size, u64 from, int)
	{
		if (from < 4096)
			return -EFAULT;
		std::string data = of(machine).memory_->text(from, size);
		of(machine).check(from, data);
		data.back() = 0;
		memcpy(to, data.data(), data.size());
		return static_cast<int>(data.size());
	}

	static int map_by_fd(void *data, int fd, vm_map **map)
	{
		auto &self = *static_cast<Machine *>(data);
		const FakeEngine::Map *from = self.sample_.engine().map_of_fd(fd);
		auto known = self.maps_.find(from);
		if (known == self.maps_.end()) {
			struct vm_map_attr attr{};
			attr.type = from->type;
			attr.key_size = static_cast<u32>(from->key_size);
			attr.value_size = static_cast<u32>(from->value_size);
			attr.max_entries = static_cast<u32>(from->max_entries);
			attr.flags = from->flags;
			vm_map *made = nullptr;
			CHECK_EQUAL(vm_map_create(&attr, &made), 0);
			if (from->type == BPF_MAP_TYPE_ARRAY) // as it stands, global data among them
				for (u32 i = 0; i < attr.max_entries; i++) {
					std::string value(from->value_size, 0);
					if (pread(from->file.get(), value.data(), value.size(),
						  static_cast<off_t>(i * ((value.size() + 7) / 8 * 8))) > 0)
						vm_map_update(made, &i, value.data(), 0);
				}
			if (from->frozen)
				vm_map_freeze(made);
			known = self.maps_.emplace(from, made).first;
		}
		vm_map_get(known->second);
		*map = known->second;
		return 0;
	}

      public:
	unsigned reads = 0;
	std::string missing;

	explicit Machine(Sampled<K> &sample) : sample_(sample) {}
	~Machine()
	{
		for (auto &[from, map] : maps_)
			vm_map_put(map);
	}

	void run(const std::string &name, const MadeUpMemory &memory, Event &event, const Image &kept)
	{
		const PlanProgram &planned = *sample_.program(name);
		vm_load load{};
		vm_program *program = nullptr;
		char log[200] = "";
		load.type = planned.type;
		load.insns = planned.insns.data();
		load.insn_count = static_cast<u32>(planned.insns.size());
		load.map_by_fd = map_by_fd;
		load.data = this;
		load.log = log;
		load.log_size = sizeof(log);
		CHECK_EQUAL(vm_program_load(&load, &program), 0);
		CHECK_EQUAL(log, "");
		vm_env env{};
		env.read = read;
		env.read_string = read_string;
		env.pid_tgid = [](vm_machine *) -> u64 { return 0x1234'0000'1235; };
		env.task = [](vm_machine *) -> u64 { return task_address; };
		env.probe_value = [](vm_machine *machine, vm_probe_value which, u32, u64 *value) {
			*value = which == VM_PROBE_COOKIE ? of(machine).sample_.cookie : 0;
			return 0;
		};
		machine_.env = &env;
		machine_.data = this;
		machine_.context = event.context.data();
		machine_.context_size = static_cast<u32>(event.context.size());
		memory_ = &memory;
		image_ = &event.image;
		kept_ = &kept;
		u64 result;
		CHECK_EQUAL(vm_program_run(program, &machine_, &result), 0);
		vm_program_put(program);
	}
};

// Runs the programs one after the other, as one thread's events; how many reads there were.
template <class K> unsigned run_all(Sampled<K> &sample, const std::vector<std::pair<std::string, std::string>> &programs)
{
	std::vector<Plan> plans;
	for (const auto &[name, format] : programs) {
		auto plan = sample.plan(name, format);
		if (!plan)
			CHECK_EQUAL(plan.error().message, "a plan");
		REQUIRE(plan);
		plans.push_back(*plan);
	}
	Machine<K> machine(sample);
	for (uint64_t seed = 1; seed <= 300; seed++) {
		MadeUpMemory memory(seed);
		Image kept;
		for (size_t i = 0; i < plans.size(); i++) {
			Event event(memory, plans[i]);
			for (auto &[address, byte] : event.kept.bytes)
				kept.bytes[address] = byte;
			machine.run(programs[i].first, memory, event, kept);
			CHECK_EQUAL(machine.missing, "");
			if (!machine.missing.empty())
				return machine.reads;
		}
	}
	return machine.reads;
}

void captures_all_of_opensnoop()
{
	Sampled<opensnoop_kern> sample;
	CHECK(run_all(sample, {{"enter_openat2", "sys_enter_openat2"}, {"leave_openat2", "sys_exit_openat"}}) >= 600);
}

void captures_all_of_execsnoop()
{
	Sampled<execsnoop_kern> sample;
	CHECK(run_all(sample, {{"enter_execve", "sys_enter_execve"}, {"leave_execve", "sys_exit_execve"}}) > 600);
}

void captures_all_of_tcpconnect()
{
	Sampled<tcpconnect_kern> sample;
	CHECK(run_all(sample, {{"enter___kprobe", ""}, {"state___kprobe", ""}, {"leave___kprobe", ""}}) > 1000);
}

void captures_all_of_runqlat()
{
	Sampled<runqlat_kern> sample([](runqlat_kern &k) { k.rodata->per_process = true; });
	CHECK(run_all(sample, {{"wakeup___raw", ""}, {"switch_task___raw", ""}}) > 1000);
}

void captures_all_of_usdt()
{
	Sampled<usdt_kern> sample([](usdt_kern &k) { k.rodata->with_cookies = true; });
	usdt_place place{};
	place.count = 4;
	place.strings = 5;
	place.operands[0] = {0, 112, -1, 1, USDT_REGISTER, 8, 0, 0, 0, {}};
	place.operands[1] = {0, 80, -1, 1, USDT_REGISTER, 4, 32, 1, 0, {}};
	place.operands[2] = {24, 152, -1, 1, USDT_MEMORY, 8, 0, 0, 0, {}};
	place.operands[3] = {-8, 32, -1, 1, USDT_MEMORY, 2, 48, 1, 0, {}};
	uint32_t first = 0;
	CHECK_EQUAL(bpf_map_update_elem(bpf_map__fd(sample.kern().maps.places), &first, &place, BPF_ANY), 0);
	sample.cookie = 1;
	CHECK(run_all(sample, {{"hit", ""}}) >= 900);
}

const Suite suite("plans against memory", {
						  {"captures all that opensnoop reads", captures_all_of_opensnoop},
						  {"captures all that execsnoop reads", captures_all_of_execsnoop},
						  {"captures all that tcpconnect reads", captures_all_of_tcpconnect},
						  {"captures all that runqlat reads", captures_all_of_runqlat},
						  {"captures all that usdt reads", captures_all_of_usdt},
					  });

} // namespace
