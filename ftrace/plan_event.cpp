// SPDX-License-Identifier: GPL-2.0-only
#include "ftrace/plan_event.h"

#include <fmt/format.h>
#include <linux/bpf.h>
#include <span>

namespace
{

// struct pt_regs of x86-64, with the names that probe events have for its registers.
constexpr const char *register_names[] = {"r15", "r14", "r13", "r12", "bp",	 "bx", "r11", "r10",   "r9", "r8", "ax",
					  "cx",	 "dx",	"si",  "di",  "orig_ax", "ip", "cs",  "flags", "sp", "ss"};
constexpr unsigned registers_size = sizeof(register_names) / sizeof(register_names[0]) * 8;
constexpr int64_t ip_offset = 16 * 8, ax_offset = 10 * 8, orig_ax_offset = 15 * 8;
// Where a function, and where a system call has its arguments.
constexpr const char *function_arguments[] = {"di", "si", "dx", "cx", "r8", "r9"};
constexpr int64_t syscall_offsets[] = {14 * 8, 13 * 8, 12 * 8, 7 * 8, 9 * 8, 8 * 8};
constexpr unsigned argument_registers = 6;

ContextWord fetched(const char *register_name)
{
	ContextWord word;
	word.kind = ContextWord::Kind::fetch;
	word.fetch.register_name = register_name;
	return word;
}

ContextWord result_word()
{
	ContextWord word;
	word.kind = ContextWord::Kind::fetch;
	word.fetch.base = Fetch::Base::return_value;
	return word;
}

ContextWord missing(std::string reason)
{
	ContextWord word;
	word.reason = std::move(reason);
	return word;
}

Error no_kprobes(const std::string &why)
{
	return Error{
		fmt::format("{}: it takes a kprobe, and this kernel has no kprobe_events (CONFIG_KPROBE_EVENTS)", why),
		EOPNOTSUPP};
}

std::string event_name(const std::string &target)
{
	return target.substr(target.find('/') + 1);
}

} // namespace

Result<void> PlanEvent::choose_syscall(const std::string &name, bool needs_fetches)
{
	layout_ = Layout::syscall;
	is_entry_ = name.starts_with("sys_enter_");
	std::string call = name.substr(name.find('_', 4) + 1);
	const Kernel &kernel = *input_->kernel;
	// As the BPF side's struct: the header, padded to a long.
	header_ = input_->format ? (input_->format->header_size() + 7) / 8 * 8 : 8;
	context_size = header_ + 8 + (is_entry_ ? 6 * 8 : 8);
	if (!needs_fetches)
		return {};
	std::string why =
		fmt::format("the program reads what the record of tracepoint {} does not have", input_->hook.target);
	if (!kernel.kprobes)
		return no_kprobes(why);
	for (const char *prefix : {"__x64_sys_", "sys_", "SyS_"}) {
		place = prefix + call;
		if (!kernel.has_function || !kernel.has_function(place))
			continue;
		in_function_ = true;
		source = is_entry_ ? PlanSource::kprobe : PlanSource::kretprobe;
		explanation =
			fmt::format("{} on {} in place of tracepoint {}: {}", is_entry_ ? "kprobe" : "kretprobe", place,
				    input_->hook.target,
				    is_entry_ ? "the program follows a pointer, which a tracepoint's record cannot"
					      : "the program reads what a tracepoint's record does not have");
		return {};
	}
	return Error{fmt::format("{}; the system call's function is not to be found (__x64_sys_{}, sys_{})", why, call,
				 call),
		     EOPNOTSUPP};
}

Result<void> PlanEvent::choose_tracepoint(bool needs_fetches)
{
	place = input_->hook.target;
	std::string name = event_name(place);
	bool is_syscall =
		place.starts_with("syscalls/") && (name.starts_with("sys_enter_") || name.starts_with("sys_exit_"));
	if (is_syscall)
		return choose_syscall(name, needs_fetches);
	context_size = input_->format ? input_->format->size() : 0;
	if (needs_fetches)
		return Error{
			fmt::format("tracepoint {} gives a record, and nothing can follow a pointer that is in it, nor "
				    "read anything else",
				    place),
			EOPNOTSUPP};
	return {};
}

Result<void> PlanEvent::choose_raw_tracepoint(bool needs_fetches, bool only_second)
{
	const std::string &name = input_->hook.target;
	const Kernel &kernel = *input_->kernel;
	layout_ = Layout::arguments;
	context_size = 12 * 8;
	// Their second argument, the call's number or its result, stands in the record.
	const char *in_record = name == "sys_enter" ? "id" : name == "sys_exit" ? "ret" : nullptr;
	if (in_record && only_second && !needs_fetches && input_->format && input_->format->find(in_record)) {
		place = "raw_syscalls/" + name;
		return {};
	}
	if (!kernel.kprobes)
		return no_kprobes(
			fmt::format("the arguments of raw tracepoint {} are had from a function's registers", name));
	place = "__traceiter_" + name;
	if (!kernel.has_function || !kernel.has_function(place))
		return Error{fmt::format("the arguments of raw tracepoint {} are had from the registers of {} (5.10), "
					 "which this "
					 "kernel does not have",
					 name, place),
			     EOPNOTSUPP};
	source = PlanSource::kprobe;
	first_register_ = 1; // before them: the data of whoever listens
	listener = name;
	explanation =
		fmt::format("kprobe on {}, which calls a tracepoint's listeners when there are two: its registers hold "
			    "the arguments of raw tracepoint {}",
			    place, name);
	return {};
}

Result<void> PlanEvent::choose_function()
{
	if (!input_->kernel->kprobes)
		return no_kprobes(fmt::format("the arguments of {} are had from its registers", input_->hook.target));
	bool at_return = input_->program->attach_type == BPF_TRACE_FEXIT;
	layout_ = Layout::arguments;
	place = input_->hook.target;
	source = at_return ? PlanSource::kretprobe : PlanSource::kprobe;
	is_entry_ = !at_return;
	context_size = (argument_registers + 1) * 8;
	explanation = fmt::format("{} on {}: what {} would give is in its registers",
				  at_return ? "kretprobe" : "kprobe", place, at_return ? "fexit" : "fentry");
	return {};
}

Result<PlanEvent> PlanEvent::choose(const PlanInput &input, bool needs_fetches, bool only_second)
{
	PlanEvent event;
	event.input_ = &input;
	event.place = input.hook.target;
	Result<void> chosen;
	switch (input.hook.kind) {
	case HookKind::tracepoint:
		chosen = event.choose_tracepoint(needs_fetches);
		break;
	case HookKind::raw_tracepoint:
	case HookKind::typed_tracepoint:
		chosen = event.choose_raw_tracepoint(needs_fetches, only_second);
		break;
	case HookKind::fentry:
		chosen = event.choose_function();
		break;
	case HookKind::perf_event:
		event.source = PlanSource::clock;
		event.layout_ = Layout::clock;
		event.context_size = registers_size + 16;
		if (needs_fetches)
			chosen = Error{"it reads memory, and a clock's event has none to show", EOPNOTSUPP};
		break;
	case HookKind::socket_filter:
	case HookKind::none:
		chosen = Error{"no classic event stands for its hook", EOPNOTSUPP};
		break;
	default: {
		bool in_program = input.hook.kind == HookKind::uprobe || input.hook.kind == HookKind::uretprobe;
		bool at_return = input.hook.kind == HookKind::kretprobe ||
				 input.hook.kind == HookKind::kretprobe_multi || input.hook.kind == HookKind::uretprobe;
		event.layout_ = Layout::registers;
		event.is_entry_ = !at_return;
		event.context_size = registers_size;
		event.source = in_program ? (at_return ? PlanSource::uretprobe : PlanSource::uprobe)
					  : (at_return ? PlanSource::kretprobe : PlanSource::kprobe);
		if (in_program && !input.kernel->uprobes)
			chosen = Error{"this kernel has no uprobe_events (CONFIG_UPROBE_EVENTS)", EOPNOTSUPP};
		if (!in_program && !input.kernel->kprobes)
			chosen = Error{"this kernel has no kprobe_events (CONFIG_KPROBE_EVENTS)", EOPNOTSUPP};
	}
	}
	if (!chosen)
		return chosen.error();
	return event;
}

ContextWord PlanEvent::register_word(int64_t offset) const
{
	if (offset < 0 || offset >= registers_size)
		return missing(fmt::format("it reads byte {} of the context, which has {}", offset, registers_size));
	if (offset == ip_offset && is_entry_) {
		ContextWord word;
		word.kind = ContextWord::Kind::probe_address;
		return word;
	}
	if (offset == ax_offset && !is_entry_)
		return result_word();
	ContextWord word = fetched(register_names[offset / 8]);
	word.points_to_user = in_program();
	return word;
}

ContextWord PlanEvent::syscall_word(int64_t offset) const
{
	auto number = static_cast<unsigned>((offset - header_) / 8); // 0: the call's number, then its arguments
	if (offset < header_ || offset >= context_size)
		return missing(fmt::format("it reads byte {} of the context", offset));
	ContextWord word;
	if (!in_function_) {
		const Format *format = input_->format;
		if (!format)
			return missing(fmt::format("the format of {} is not known", place));
		const char *name = number ? "ret" : "__syscall_nr";
		word.field = format->find(name);
		if (!number && !word.field)
			word.field = format->find("nr");
		// The arguments are the fields behind the number, which kernels before 3.10 leave out.
		if (number && is_entry_) {
			bool has_number = !format->fields.empty() && format->fields[0].name.ends_with("nr");
			size_t index = number - 1 + (has_number ? 1 : 0);
			word.field = index < format->fields.size() ? &format->fields[index] : nullptr;
			if (!word.field) // more than the call has: 0 in the record as the kernel gives it to BPF
				return missing("");
		}
		word.kind = word.field ? ContextWord::Kind::record : ContextWord::Kind::missing;
		if (!word.field)
			word.reason =
				fmt::format("the record of {} has no {}", place, number ? name : "number of the call");
		return word;
	}
	if (!is_entry_ && number)
		return result_word();
	if (!input_->kernel->syscall_registers) {
		if (!number)
			return missing(fmt::format("the number of the call cannot be had in {}", place));
		word = fetched(function_arguments[number - 1]);
	} else {
		if (!is_entry_)
			return missing("the number of the call cannot be had when it returns");
		word = fetched("di"); // struct pt_regs *
		word.fetch.steps = {{number ? syscall_offsets[number - 1] : orig_ax_offset, false}};
	}
	word.points_to_user = true;
	return word;
}

ContextWord PlanEvent::argument_word(int64_t offset) const
{
	auto number = static_cast<unsigned>(offset / 8);
	if (offset < 0)
		return missing("it reads in front of its context");
	if (source == PlanSource::tracepoint) { // raw_syscalls
		ContextWord word;
		word.field =
			number == 1 ? input_->format->find(place == "raw_syscalls/sys_enter" ? "id" : "ret") : nullptr;
		word.kind = word.field ? ContextWord::Kind::record : ContextWord::Kind::missing;
		word.reason = "the record of " + place + " has no registers";
		return word;
	}
	if (is_return() && number == input_->argument_count)
		return result_word();
	if (is_return() && !input_->kernel->return_arguments)
		return missing("at the return the function's arguments are no longer in its registers, and this "
			       "kernel's return "
			       "probes do not keep them (6.9)");
	if (number + first_register_ >= argument_registers)
		return missing(fmt::format("argument {} is not in a register", number + 1));
	ContextWord word = fetched(function_arguments[number + first_register_]);
	if (is_return()) {
		word.fetch.base = Fetch::Base::argument;
		word.fetch.argument = number + 1;
	}
	return word;
}

ContextWord PlanEvent::word(int64_t offset) const
{
	switch (layout_) {
	case Layout::registers:
		return register_word(offset);
	case Layout::syscall:
		return syscall_word(offset);
	case Layout::arguments:
		return argument_word(offset);
	case Layout::clock:
		return missing("it reads the registers of what was interrupted, which the clock's event does not have");
	default:
		return missing("it is in the record");
	}
}

const Field *PlanEvent::field(int64_t offset, unsigned size) const
{
	if (source != PlanSource::tracepoint || !input_->format || offset < 0)
		return nullptr;
	if (layout_ == Layout::record)
		return input_->format->at(static_cast<unsigned>(offset), size);
	ContextWord from = word(offset / 8 * 8);
	return from.kind == ContextWord::Kind::record && offset % 8 == 0 && size == 8 ? from.field : nullptr;
}
