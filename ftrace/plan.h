// SPDX-License-Identifier: GPL-2.0-only
// The capture plan: what an event must carry so that a BPF program can run over it later, elsewhere.
//
// make_plan() executes the program symbolically, from its context on, along every way that its constants
// leave open. Each read of memory becomes a fetch argument of a probe event, so that the event carries a
// memory image: just the bytes that the program will ask for, with the addresses that it will ask for.
//
// Where a pointer crosses events. A program at a call's entry may keep a pointer in a map, and one at its
// return reads through it; at the return the pointer is in no register any more. The rule is: *every event
// that knows such a pointer captures what lies behind it*. So all programs are looked at together: what
// some program reads through a field of a map's value is fetched, too, by each program that stores a
// pointer into this field, or finds it equal to a pointer of its own. Such fetches are marked `kept`:
// the replay keeps their bytes per thread, and a later event of that thread that reads an address its own
// image lacks finds them there, newest first. So the program sees memory as it was at the last event that
// knew the pointer; --explain says so.
//
// Who owns what: a Plan is a value and refers to nothing. What PlanInput points to stays the caller's and
// must live during make_plan() only. No function here asks the kernel anything, so all is tested without root.
#pragma once

#include "ftrace/format.h"
#include "ftrace/kernel.h"
#include "layer/engine/hook.h"
#include "layer/result.h"
#include "vm/insn.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

// ---- what goes in ---------------------------------------------------------------------------------------

struct PlanProgram {
	std::string name;
	uint32_t type = 0; // enum bpf_prog_type
	uint32_t attach_type = 0; // expected_attach_type: tells fentry from fexit and tp_btf
	std::vector<vm_insn> insns; // as they came with BPF_PROG_LOAD
	// "FILE:LINE: TEXT" of an instruction, from the line info that was loaded with it; may be unset or give "".
	std::function<std::string(uint32_t insn)> line;
};

struct PlanMap {
	uint64_t id = 0; // tells maps apart, for a map may have many descriptors
	std::string name;
	uint32_t type = 0; // enum bpf_map_type
	uint32_t key_size = 0, value_size = 0, max_entries = 0;
	bool constant = false; // frozen, and read-only for programs: its contents can be relied on
	// The value of a key (`key_size` bytes), now; false: there is none. Only for types whose values are bytes,
	// and not per CPU; unset: nothing can be said.
	std::function<bool(const void *key, std::string &value)> lookup;
};

struct PlanInput {
	const PlanProgram *program = nullptr;
	// All programs that were loaded together, `program` among them or not.
	std::span<const PlanProgram *const> programs;
	// kprobe_multi: any one function's plan serves for all.
	Hook hook;
	const Format *format = nullptr; // of a tracepoint hook, or of the classic event of a raw one; else nullptr
	unsigned argument_count = 0;	// fentry, fexit: the function's; its result stands behind them
	const Kernel *kernel = nullptr;
	// The map behind a descriptor; nullptr: it is none.
	std::function<const PlanMap *(int fd)> map;
};

// ---- what comes out -------------------------------------------------------------------------------------

enum class PlanSource {
	tracepoint, // place: "category/event"
	kprobe,	    // place: the function; the hook's offset stays. kprobe_multi: the functions are the hook's
	kretprobe,
	uprobe, // where the hook says
	uretprobe,
	clock // perf's software clock: no probe
};

// One fetch argument.
struct Fetch {
	enum class Base {
		register_value, // %NAME
		return_value,	// $retval
		argument,	// $argN: the function's N-th argument, at its return
		current,	// *(struct task_struct **)(this CPU's address of `current`): one event per CPU
		address		// a constant address in the kernel
	};
	struct Step { // one read: value = *(value + offset)
		int64_t offset;
		bool user;
	};

	std::string name; // of the event's field: "a0", "a1" ..
	Base base = Base::register_value;
	std::string register_name; // "di"
	unsigned argument = 0;	   // from 1
	uint64_t address = 0;
	std::vector<Step> steps; // none: the base itself
	bool is_string = false;
	unsigned size = 8;  // bytes of one element; of a string: the most that the program takes, with its NUL
	unsigned count = 1; // elements, which lie one behind the other
	std::string type;   // as to echo: "x64", "u32[4]", "ustring"

	// A region of the memory image, or else only a value (a register, a word of the context, the task's address).
	bool is_region = false;
	// Where a region lay: at the 8-byte pointer that stands `pointer_at` bytes into what fetch number `pointer` of
	// this plan gave (always one before this one), plus `distance`. pointer -1: at `distance` itself. When the
	// pointer is below 4096 or not canonical, there was no memory: no region then, and reads of it fail.
	int pointer = -1;
	unsigned pointer_at = 0;
	int64_t distance = 0;
	bool kept = false; // see above

	unsigned bytes() const { return size * count; }
};

// Some bytes of the context that the program gets. What no part covers is 0.
struct ContextPart {
	enum class From {
		fetch,	// what fetch number `index` gave
		record, // `size` bytes of the record at `index`, extended to `context_size` with its sign if is_signed
		probe_address, // where the probe stands: every kprobe record has it as __probe_ip (for a uprobe likewise)
		constant
	};
	unsigned offset = 0; // in the context
	unsigned size = 8;   // there
	From from = From::fetch;
	unsigned index = 0;
	unsigned record_size = 0; // From::record: bytes there
	bool is_signed = false;
	uint64_t constant = 0;
};

struct Plan {
	PlanSource source = PlanSource::tracepoint;
	std::string place;
	// The name of a tracepoint (its category is not known here) that must be enabled in two places, an
	// instance of our own and perf, say, while this plan's event is on: for a single listener the kernel
	// does not call the function that is probed (__traceiter_NAME). "": no need.
	std::string listener;

	// The context is the record as it came (then `context` is empty), or is made of parts.
	bool context_is_record = false;
	unsigned context_size = 0;
	std::vector<ContextPart> context;

	std::vector<Fetch> fetches;
	bool uses_current = false; // some fetch starts at `current`, or bpf_get_current_task is called: then
				   // current_fetch is the one whose 8 bytes are the task's address
	int current_fetch = -1;
	bool recalls = false; // reads what kept fetches of other events have captured

	// What must hold for the program to do anything, as far as an event's filter can say it; else "". It only
	// saves work: where a kernel does not take it, leave it off.
	std::string filter;
	std::optional<uint32_t> process; // the program does nothing for any other process (a tgid)
	std::optional<uint32_t> not_process; // nor for this one

	// With strings as long as they get, a record is more than perf carries, and is dropped without a word.
	bool may_overflow = false;

	bool kernel_stack = false; // bpf_get_stackid, bpf_get_stack: a callchain is wanted
	bool user_stack = false;
	std::vector<uint32_t> helpers; // all that can be called, sorted

	// For --explain: one line each, without a prefix; definition() is not among them.
	std::vector<std::string> explanation;

	// The fetch arguments as they are echoed behind the place: "a0=%di:x64 a1=+0(%di):x32". `current` is the
	// address of this CPU's pointer to the running task, ignored where !uses_current.
	std::string arguments(uint64_t current) const;
};

// The text of one: "+0(+8(%di)):ustring".
std::string fetch_text(const Fetch &fetch, uint64_t current);

// Error (code EOPNOTSUPP): why it cannot be planned, in one line that names the instruction and the source line.
Result<Plan> make_plan(const PlanInput &input);
