// SPDX-License-Identifier: GPL-2.0-only
#include "ftrace/replay.h"
#include "ftrace/perf_buffer.h"
#include "layer/engine/explain.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace {

// A pointer that leads nowhere: the first page, or one that no part of the address space has.
bool is_nowhere(uint64_t address)
{
	return address < 4096 || (address >= 1ULL << 57 && address < ~0ULL << 56);
}

uint64_t get_number(const char *at, unsigned size, bool is_signed)
{
	uint64_t value = 0;
	size = std::min(size, 8U);
	memcpy(&value, at, size);
	if (is_signed && size && size < 8 && (value >> (size * 8 - 1) & 1))
		value |= ~0ULL << (size * 8);
	return value;
}

// The frames of one side of the boundary, behind its PERF_CONTEXT_ mark.
int copy_frames(const Record &record, u64 *ips, u32 count, u32 skip, bool user)
{
	u32 copied = 0;
	bool wanted = false;
	for (uint64_t i = 0; i < record.chain_size && copied < count; i++) {
		uint64_t ip = record.chain[i];
		if (ip >= static_cast<uint64_t>(PERF_CONTEXT_MAX)) {
			wanted = ip == static_cast<uint64_t>(user ? PERF_CONTEXT_USER : PERF_CONTEXT_KERNEL);
			continue;
		}
		if (wanted && skip)
			skip--;
		else if (wanted)
			ips[copied++] = ip;
	}
	return static_cast<int>(copied);
}

} // namespace

Replay::Replay(Stage &stage, const ProgramObject *program, Plan plan, const Format *format, const Hook &hook)
	: stage_(stage), program_(program), plan_(std::move(plan)), cookie_(hook.cookie), only_process_(hook.pid),
	  context_((plan_.context_size + 7) / 8 + 1)
{
	for (const Fetch &fetch : plan_.fetches) {
		const Field *field = format ? format->find(fetch.name) : nullptr;
		places_.push_back(field ? Place{field->offset, field->size, field->data_loc} : Place{});
	}
	if (const Field *ip = format ? format->find("__probe_ip") : nullptr)
		ip_offset_ = ip->offset;
	else if (const Field *function = format ? format->find("__probe_func") : nullptr)
		ip_offset_ = function->offset;
}

std::string_view Replay::fetched(size_t index) const
{
	const Place &place = places_[index];
	if (!place.size || place.offset + place.size > record_->raw_size)
		return {};
	if (!place.data_loc)
		return {record_->raw + place.offset, place.size};
	uint32_t where;
	memcpy(&where, record_->raw + place.offset, sizeof(where));
	if ((where & 0xffff) + (where >> 16) > record_->raw_size)
		return {};
	return {record_->raw + (where & 0xffff), where >> 16};
}

uint64_t Replay::fetched_word(size_t index, unsigned offset) const
{
	std::string_view bytes = fetched(index);
	return offset < bytes.size() ? get_number(bytes.data() + offset, static_cast<unsigned>(bytes.size()) - offset, false) : 0;
}

// Where every piece lay is known from pieces before it.
void Replay::make_image()
{
	image_.clear();
	for (size_t i = 0; i < plan_.fetches.size(); i++) {
		const Fetch &fetch = plan_.fetches[i];
		std::string_view bytes = fetched(i);
		if (!fetch.is_region || bytes.empty()) // a string that could not be read comes as nothing
			continue;
		uint64_t base = 0;
		if (fetch.pointer >= 0) {
			base = fetched_word(static_cast<size_t>(fetch.pointer), fetch.pointer_at);
			if (is_nowhere(base))
				continue;
		}
		base += static_cast<uint64_t>(fetch.distance);
		image_.add(base, bytes);
		if (fetch.kept)
			stage_.kept.keep(record_->tid, base, bytes);
	}
}

uint64_t Replay::probe_address() const
{
	if (record_->ip || !ip_offset_ || ip_offset_ + 8 > record_->raw_size)
		return record_->ip;
	return get_number(record_->raw + ip_offset_, 8, false);
}

void Replay::make_context()
{
	char *context = reinterpret_cast<char *>(context_.data());
	memset(context, 0, context_.size() * 8);
	for (const ContextPart &part : plan_.context) {
		uint64_t value = part.constant;
		switch (part.from) {
		case ContextPart::From::fetch: {
			std::string_view bytes = fetched(part.index);
			if (part.size > 8) {
				memcpy(context + part.offset, bytes.data(), std::min<size_t>(part.size, bytes.size()));
				continue;
			}
			value = fetched_word(part.index);
			break;
		}
		case ContextPart::From::record:
			if (part.index + part.record_size > record_->raw_size)
				continue;
			if (part.size > 8) {
				memcpy(context + part.offset, record_->raw + part.index, std::min(part.size, part.record_size));
				continue;
			}
			value = get_number(record_->raw + part.index, part.record_size, part.is_signed);
			break;
		case ContextPart::From::probe_address:
			value = probe_address();
			break;
		case ContextPart::From::constant:
			break;
		}
		memcpy(context + part.offset, &value, std::min(part.size, 8U));
	}
}

void Replay::run(const Record &record)
{
	vm_machine &machine = stage_.machine;
	u64 result;
	if (only_process_ >= 0 && record.pid != static_cast<uint32_t>(only_process_)) // its children inherit the event
		return;
	record_ = &record;
	if (plan_.fetches.size())
		make_image();
	if (!program_)
		return;
	if (plan_.context_is_record) {
		context_.resize(record.raw_size / 8 + 1);
		memcpy(context_.data(), record.raw, record.raw_size);
		machine.context_size = record.raw_size;
	} else {
		make_context();
		machine.context_size = plan_.context_size;
	}
	machine.env = &environment();
	machine.data = this;
	machine.context = context_.data();
	machine.cpu = record.cpu;
	if (vm_program_run(program_->program, &machine, &result) == 0)
		return;
	if (!stage_.faults++) {
		char text[512];
		vm_error_describe(program_->program, &machine.error, text, sizeof(text));
		explain(text);
	}
}

// ---- what the program asks while it runs ----

int Replay::read(vm_machine *machine, void *to, u32 size, u64 from, int)
{
	Replay &self = of(machine);
	char *bytes = static_cast<char *>(to);
	if (self.image_.read(from, bytes, size))
		return 0;
	// A pt_regs or record that is read through its address is the context itself.
	uint64_t inside = from - reinterpret_cast<uint64_t>(machine->context);
	if (inside < machine->context_size && size <= machine->context_size - inside) {
		memcpy(bytes, static_cast<const char *>(machine->context) + inside, size);
		return 0;
	}
	if (self.plan_.recalls && self.stage_.kept.read(self.record_->tid, from, bytes, size))
		return 0;
	self.misses_++;
	return -EFAULT;
}

int Replay::read_string(vm_machine *machine, char *to, u32 size, u64 from, int)
{
	Replay &self = of(machine);
	size_t here = 0;
	const char *text = self.image_.find(from, here);
	if (!text && self.plan_.recalls)
		text = self.stage_.kept.find(self.record_->tid, from, here);
	uint64_t inside = from - reinterpret_cast<uint64_t>(machine->context);
	if (!text && inside < machine->context_size) {
		text = static_cast<const char *>(machine->context) + inside;
		here = machine->context_size - inside;
	}
	if (!text) {
		self.misses_++;
		return -EFAULT;
	}
	if (!size)
		return 0;
	size_t length = strnlen(text, std::min<size_t>(here, size - 1));
	memcpy(to, text, length);
	to[length] = '\0';
	return static_cast<int>(length) + 1;
}

u64 Replay::time(vm_machine *machine, vm_clock clock)
{
	Replay &self = of(machine);
	return self.record_->time + (clock == VM_CLOCK_BOOT ? self.stage_.boot_offset : 0);
}

u64 Replay::task(vm_machine *machine)
{
	Replay &self = of(machine);
	return self.plan_.current_fetch >= 0 ? self.fetched_word(static_cast<size_t>(self.plan_.current_fetch)) : 0;
}

int Replay::comm(vm_machine *machine, char *to, u32 size)
{
	Replay &self = of(machine);
	const char *name = self.stage_.tasks.comm(self.record_->tid, self.record_->cpu);
	strncpy(to, name, std::min<size_t>(size, sizeof(Task::comm)));
	if (size)
		to[std::min<size_t>(size, sizeof(Task::comm)) - 1] = '\0';
	return 0;
}

int Replay::stack(vm_machine *machine, u64 *ips, u32 count, u32 skip, int user)
{
	const Record &record = *of(machine).record_;
	if (!record.chain)
		return -EFAULT;
	return copy_frames(record, ips, count, skip, user);
}

int Replay::probe_value(vm_machine *machine, vm_probe_value which, u32 index, u64 *value)
{
	Replay &self = of(machine);
	auto *words = static_cast<const u64 *>(machine->context);
	switch (which) {
	case VM_PROBE_COOKIE:
		*value = self.cookie_;
		return 0;
	case VM_PROBE_IP:
		*value = self.probe_address();
		return 0;
	case VM_PROBE_ARG:
		if ((index + 1) * sizeof(u64) > machine->context_size)
			return -EINVAL;
		*value = words[index];
		return 0;
	default:
		return -EOPNOTSUPP;
	}
}

int Replay::perf_output(vm_machine *, vm_map *map, u32 cpu, const void *data, u32 size)
{
	auto *buffer = static_cast<PerfBuffer *>(vm_map_object(map, cpu));
	return buffer ? buffer->write(data, size) : -ENOENT;
}

void Replay::print(vm_machine *machine, const char *text, u32 length)
{
	Replay &self = of(machine);
	const Record &record = *self.record_;
	self.stage_.printed.print(record, self.stage_.tasks.comm(record.tid, record.cpu), {text, length});
}

const vm_env &Replay::environment()
{
	static constexpr vm_env environment = {
		.read = read,
		.read_string = read_string,
		.time = time,
		.jiffies = [](vm_machine *machine) -> u64 { return of(machine).record_->time / 1'000'000; },
		.pid_tgid = [](vm_machine *machine) -> u64 {
			const Record &record = *of(machine).record_;
			return uint64_t(record.pid) << 32 | record.tid;
		},
		.uid_gid = [](vm_machine *machine) -> u64 {
			const Record &record = *of(machine).record_;
			return of(machine).stage_.tasks.uid_gid(record.tid, record.time);
		},
		.task = task,
		.cgroup_id = [](vm_machine *machine) -> u64 {
			const Record &record = *of(machine).record_;
			return of(machine).stage_.tasks.cgroup_id(record.tid, record.time);
		},
		.comm = comm,
		.random = [](vm_machine *machine) -> u32 {
			u32 &state = of(machine).stage_.random; // xorshift32
			state ^= state << 13;
			state ^= state >> 17;
			return state ^= state << 5;
		},
		.stack = stack,
		.probe_value = probe_value,
		.perf_output = perf_output,
		.print = print,
		.ring_wakeup = nullptr, // who calls process() empties the buffers after it
	};
	return environment;
}
