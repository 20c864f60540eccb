// SPDX-License-Identifier: GPL-2.0-only
// What helpers do to a state. The arguments are r1 to r5; behind a call r0 is set and r1 to r5 are nothing.
#include "ftrace/plan_machine.h"

#include "vm/disasm.h"

#include <algorithm>
#include <fmt/format.h>
#include <linux/bpf.h>

namespace
{

constexpr uint64_t most_rounds = 256; // of bpf_loop that are followed one by one

// Helpers that act on the kernel or on a process while the event happens. Later is too late.
const char *action_of(uint32_t id)
{
	switch (id) {
	case BPF_FUNC_tail_call:
		return "it goes on in another program, which is only known when it runs";
	case BPF_FUNC_probe_write_user:
		return "it writes to the memory of a process; an event only reads";
	case BPF_FUNC_override_return:
		return "it changes what a function returns; an event only watches";
	case BPF_FUNC_send_signal:
	case BPF_FUNC_send_signal_thread:
		return "it sends a signal; an event only watches";
	default:
		return nullptr;
	}
}

// Printed by trace_printk and its kin: does the argument of this conversion point to a string, and whose?
bool points_to_string(std::string_view conversion, Space &space)
{
	if (conversion.starts_with("s"))
		space = Space::kernel;
	else if (conversion.starts_with("pks"))
		space = Space::kernel;
	else if (conversion.starts_with("pus"))
		space = Space::user;
	else
		return false;
	return true;
}

bool is_array(const PlanMap *map)
{
	return map->type == BPF_MAP_TYPE_ARRAY || map->type == BPF_MAP_TYPE_PERCPU_ARRAY;
}

} // namespace

Value PlanMachine::argument(unsigned number)
{
	Value value = state_.registers[number];
	return value ? value : values_.unknown(~uint64_t(0));
}

void PlanMachine::do_helper(uint32_t id)
{
	if (const char *action = action_of(id))
		return refuse(action);
	result_.helpers.insert(id);
	uint32_t at = state_.at;
	if (do_callback_helper(id)) // goes on in the callback
		return;
	if (!do_map_helper(id) && !do_read_helper(id) && !do_context_helper(id) && !do_output_helper(id)) {
		// Unknown here: it may change what its arguments point to, and the world.
		for (unsigned i = 1; i <= 5; i++)
			if (state_.registers[i] && state_.registers[i]->is_own())
				own(state_.registers[i]).scatter();
		has_effect();
		state_.registers[0] = values_.unknown(call_number());
	}
	for (unsigned i = 1; i <= 5; i++)
		state_.registers[i] = nullptr;
	state_.at = at + 1;
}

// The value's object: one for each constant key, else one for each call.
Value PlanMachine::look_up()
{
	const PlanMap *map = map_of(argument(1));
	if (!map)
		return values_.address(ValueKind::maybe_object, object_for(nullptr, call_number(), 0), 0);
	auto key = constant_bytes(argument(2), map->key_size);
	std::string contents;
	bool fixed = (map->constant || input_.unchanging.contains(map)) && map->lookup;
	if (fixed && key) {
		if (!map->constant)
			result_.assumed.insert(map);
		if (!map->lookup(key->data(), contents))
			return values_.constant(0);
	}
	uint64_t which = call_number() | uint64_t(1) << 63;
	uint32_t index = 0;
	if (key && is_array(map) && key->size() == sizeof(index)) {
		memcpy(&index, key->data(), sizeof(index));
		if (index >= map->max_entries)
			return values_.constant(0);
		which = index;
	}
	uint32_t number = object_for(map, which, map->value_size);
	objects_[number].has_contents = fixed && key;
	objects_[number].contents = std::move(contents);
	bool is_certain = (fixed && key) || !(which >> 63);
	return values_.address(is_certain ? ValueKind::object : ValueKind::maybe_object, number, 0);
}

// A whole value goes into a map.
void PlanMachine::put_in_map(const PlanMap *map, Value from)
{
	if (!from->is_own())
		return;
	own(from).pointers(values_, from->distance(), map->value_size,
			   [&](int64_t offset, Value value) { note_pointer(map, offset, value, true); });
	if (from->is(ValueKind::object) && objects_[from->index].map)
		result_.copies.insert({map, objects_[from->index].map, from->distance()});
}

bool PlanMachine::do_map_helper(uint32_t id)
{
	const PlanMap *map = map_of(argument(1));
	Value result = values_.unknown(call_number());
	switch (id) {
	case BPF_FUNC_map_lookup_elem:
	case BPF_FUNC_map_lookup_percpu_elem:
		result = look_up();
		break;
	case BPF_FUNC_map_update_elem:
	case BPF_FUNC_map_push_elem:
		if (map) {
			result_.written.insert(map);
			put_in_map(map, argument(id == BPF_FUNC_map_update_elem ? 3 : 2));
		}
		has_effect();
		break;
	case BPF_FUNC_map_delete_elem:
		if (map)
			result_.written.insert(map);
		has_effect();
		break;
	case BPF_FUNC_map_pop_elem:
	case BPF_FUNC_map_peek_elem:
		if (map && argument(2)->is_own())
			own(argument(2))
				.write(values_, argument(2)->distance(), map->value_size,
				       values_.map_bytes(map, 0, map->value_size));
		if (id == BPF_FUNC_map_pop_elem)
			has_effect();
		break;
	case BPF_FUNC_spin_lock:
	case BPF_FUNC_spin_unlock:
		break;
	default:
		return false;
	}
	state_.registers[0] = result;
	return true;
}

bool PlanMachine::do_read_helper(uint32_t id)
{
	bool is_string = false;
	Space space = Space::any;
	switch (id) {
	case BPF_FUNC_probe_read:
		break;
	case BPF_FUNC_probe_read_kernel:
		space = Space::kernel;
		break;
	case BPF_FUNC_probe_read_user:
	case BPF_FUNC_copy_from_user:
		space = Space::user;
		break;
	case BPF_FUNC_probe_read_str:
		is_string = true;
		break;
	case BPF_FUNC_probe_read_kernel_str:
		is_string = true;
		space = Space::kernel;
		break;
	case BPF_FUNC_probe_read_user_str:
		is_string = true;
		space = Space::user;
		break;
	case BPF_FUNC_strncmp:
		state_.registers[0] = values_.unknown(call_number());
		return true;
	default:
		return false;
	}
	copy_memory(argument(1), argument(2), argument(3), space, is_string);
	return true;
}

// What the event itself tells, without memory.
bool PlanMachine::do_context_helper(uint32_t id)
{
	Value result = values_.unknown(call_number());
	Value to = argument(id == BPF_FUNC_get_func_arg ? 3 : id == BPF_FUNC_get_func_ret ? 2 : 1);
	switch (id) {
	case BPF_FUNC_get_current_pid_tgid:
	case BPF_FUNC_get_current_uid_gid:
	case BPF_FUNC_get_current_cgroup_id:
		result = values_.helper(id);
		break;
	case BPF_FUNC_get_current_task:
	case BPF_FUNC_get_current_task_btf:
		result = values_.current();
		break;
	case BPF_FUNC_get_current_comm:
		copy_value(to, argument(2), values_.helper(id, 16));
		break;
	case BPF_FUNC_get_attach_cookie:
		if (input_.cookie)
			result = values_.constant(*input_.cookie);
		break;
	case BPF_FUNC_get_func_arg:
	case BPF_FUNC_get_func_ret: {
		Value number = id == BPF_FUNC_get_func_arg ? argument(2) : values_.constant(input_.argument_count);
		if (!number->is_constant()) {
			refuse("which argument of the function it reads is only known when it runs");
			break;
		}
		auto offset = static_cast<int64_t>(number->number) * 8;
		note_context(offset, 8);
		copy_value(to, values_.constant(8), values_.context_bytes(offset, 8));
		break;
	}
	case BPF_FUNC_get_func_arg_cnt:
		if (input_.argument_count)
			result = values_.constant(input_.argument_count);
		break;
	case BPF_FUNC_ktime_get_ns:
	case BPF_FUNC_ktime_get_boot_ns:
	case BPF_FUNC_ktime_get_coarse_ns:
	case BPF_FUNC_ktime_get_tai_ns:
	case BPF_FUNC_jiffies64:
	case BPF_FUNC_get_prandom_u32:
	case BPF_FUNC_get_smp_processor_id:
	case BPF_FUNC_get_numa_node_id:
	case BPF_FUNC_get_func_ip:
		break;
	default:
		return false;
	}
	state_.registers[0] = result;
	return true;
}

void PlanMachine::copy_value(Value to, Value size, Value value)
{
	if (to->is_own() && size->is_constant())
		own(to).write(values_, to->distance(), static_cast<uint32_t>(size->number), value);
	else if (to->is_own())
		own(to).scatter();
}

void PlanMachine::note_stack(Value flags)
{
	bool user = !flags->is_constant() || flags->number & BPF_F_USER_STACK;
	bool kernel = !flags->is_constant() || !(flags->number & BPF_F_USER_STACK);
	result_.user_stack = result_.user_stack || user;
	result_.kernel_stack = result_.kernel_stack || kernel;
}

bool PlanMachine::do_output_helper(uint32_t id)
{
	Value result = values_.unknown(call_number());
	switch (id) {
	case BPF_FUNC_perf_event_output:
	case BPF_FUNC_ringbuf_output:
	case BPF_FUNC_ringbuf_submit:
		has_effect();
		break;
	case BPF_FUNC_ringbuf_discard:
	case BPF_FUNC_ringbuf_query:
		break;
	case BPF_FUNC_ringbuf_reserve:
		result = values_.address(ValueKind::maybe_object, object_for(nullptr, call_number(), 0), 0);
		break;
	case BPF_FUNC_trace_printk:
		read_printed(argument(1), argument(2),
			     [this](unsigned n) { return n < 3 ? argument(3 + n) : nullptr; });
		has_effect();
		break;
	case BPF_FUNC_trace_vprintk:
	case BPF_FUNC_snprintf: {
		bool to_memory = id == BPF_FUNC_snprintf;
		Value data = argument(to_memory ? 4 : 3), size = argument(to_memory ? 5 : 4);
		uint64_t count = size->is_constant() ? size->number / 8 : 0;
		read_printed(argument(to_memory ? 3 : 1), to_memory ? values_.constant(256) : argument(2),
			     [&](unsigned n) {
				     return n < count && data->is_own() ? load(values_.sum(data, 8 * n), 8) : nullptr;
			     });
		if (to_memory && argument(1)->is_own())
			own(argument(1)).scatter();
		if (!to_memory)
			has_effect();
		break;
	}
	case BPF_FUNC_get_stackid:
		note_stack(argument(3));
		has_effect();
		break;
	case BPF_FUNC_get_stack:
		note_stack(argument(4));
		if (argument(2)->is_own())
			own(argument(2)).scatter();
		break;
	default:
		return false;
	}
	state_.registers[0] = result;
	return true;
}

// The strings that a format prints by their address.
void PlanMachine::read_printed(Value format, Value format_size, const std::function<Value(unsigned)> &argument)
{
	std::string text;
	uint64_t most = format_size->is_constant() ? std::min<uint64_t>(format_size->number, 256) : 256;
	for (uint32_t i = 0; i < most; i++) {
		auto byte = constant_bytes(values_.sum(format, i), 1);
		if (!byte || !(*byte)[0])
			break;
		text += *byte;
	}
	unsigned number = 0;
	for (size_t at = text.find('%'); at != text.npos; at = text.find('%', at + 1)) {
		if (text.compare(at, 2, "%%") == 0) {
			at++;
			continue;
		}
		at = text.find_first_not_of("0123456789-+ #.lh", at + 1);
		if (at == text.npos)
			break;
		Space space;
		Value address = argument(number++);
		if (!points_to_string(std::string_view(text).substr(at), space) || !address || address->is_own())
			continue;
		if (can_follow(address))
			note_read(address, 128, space, true);
	}
}

bool PlanMachine::do_callback_helper(uint32_t id)
{
	bool is_loop = id == BPF_FUNC_loop;
	if (!is_loop && id != BPF_FUNC_for_each_map_elem)
		return false;
	Value function = argument(2), rounds = argument(1), context = argument(3);
	if (!function->is_constant()) {
		refuse("which function it calls is only known when it runs");
		return true;
	}
	const PlanMap *map = map_of(rounds);
	uint64_t number = call_number();
	call_function(static_cast<int64_t>(function->number), state_.at + 1);
	if (ended_)
		return true;
	CallFrame &frame = state_.frames.back();
	frame.is_callback = true;
	frame.callback.function = static_cast<uint32_t>(function->number);
	frame.callback.context = context;
	for (unsigned i = 3; i <= 5; i++)
		state_.registers[i] = nullptr;
	if (!is_loop) { // one round with any key and value
		uint32_t size = map ? map->value_size : 0;
		state_.registers[2] = values_.address(ValueKind::object, object_for(nullptr, number, 0), 0);
		state_.registers[3] =
			values_.address(ValueKind::object, object_for(map, number | uint64_t(1) << 63, size), 0);
		state_.registers[4] = context;
		return true;
	}
	state_.registers[2] = context;
	if (rounds->is_constant() && rounds->number <= most_rounds) {
		frame.callback.rounds = rounds->number;
		if (next_round(frame))
			return true;
		state_.registers[0] = values_.constant(0); // no round at all
		do_exit();
		return true;
	}
	state_.registers[1] = values_.unknown(number); // one round with any index
	return true;
}
