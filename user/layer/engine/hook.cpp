// SPDX-License-Identifier: GPL-2.0-only
#include "layer/engine/hook.h"

#include <charconv>
#include <fmt/format.h>
#include <string_view>

namespace {

struct Section {
	std::string_view prefix; // up to the first '/'
	HookKind kind;
};

constexpr Section sections[] = {
	{"tracepoint", HookKind::tracepoint},
	{"tp", HookKind::tracepoint},
	{"raw_tracepoint", HookKind::raw_tracepoint},
	{"raw_tp", HookKind::raw_tracepoint},
	{"kprobe", HookKind::kprobe},
	{"kretprobe", HookKind::kretprobe},
	{"ksyscall", HookKind::kprobe},
	{"kretsyscall", HookKind::kretprobe},
	{"kprobe.multi", HookKind::kprobe_multi},
	{"kretprobe.multi", HookKind::kretprobe_multi},
	{"uprobe", HookKind::uprobe},
	{"uretprobe", HookKind::uretprobe},
	{"uprobe.s", HookKind::uprobe},
	{"uretprobe.s", HookKind::uretprobe},
	{"fentry", HookKind::fentry},
	{"fexit", HookKind::fentry},
	{"fentry.s", HookKind::fentry},
	{"fexit.s", HookKind::fentry},
	{"fmod_ret", HookKind::fentry},
	{"tp_btf", HookKind::typed_tracepoint},
	{"lsm", HookKind::fentry},
	{"perf_event", HookKind::perf_event},
	{"socket", HookKind::socket_filter},
};

// The functions that a system call's name stands for: the wrapper's name has an architecture prefix
// since 4.17 and none before; older kernels also have SyS_ aliases.
std::string syscall_functions(std::string_view name)
{
#if defined(__x86_64__)
	return fmt::format("__x64_sys_{0}|sys_{0}|SyS_{0}", name);
#elif defined(__aarch64__)
	return fmt::format("__arm64_sys_{0}|sys_{0}|SyS_{0}", name);
#else
	return fmt::format("sys_{0}|SyS_{0}", name);
#endif
}

void split_offset(Hook &hook)
{
	auto plus = hook.target.rfind('+');
	if (plus == std::string::npos)
		return;
	std::string_view digits = std::string_view(hook.target).substr(plus + 1);
	int base = 10;
	if (digits.starts_with("0x")) {
		digits.remove_prefix(2);
		base = 16;
	}
	uint64_t offset = 0;
	auto [end, err] = std::from_chars(digits.begin(), digits.end(), offset, base);
	if (err != std::errc() || end != digits.end())
		return;
	hook.offset = offset;
	hook.target.resize(plus);
}

} // namespace

Result<std::vector<Hook>> hooks_of_section(const std::string &section)
{
	std::string_view rest = section;
	if (rest.starts_with('?'))
		rest.remove_prefix(1);
	auto slash = rest.find('/');
	std::string_view prefix = rest.substr(0, slash);
	rest.remove_prefix(slash == rest.npos ? rest.size() : slash + 1);
	// "socket", "socket1", "socket_filter": libbpf takes any of them.
	if (prefix.starts_with("socket"))
		prefix = "socket";

	for (const Section &known : sections) {
		if (known.prefix != prefix)
			continue;
		std::string targets(rest);
		if (prefix == "ksyscall" || prefix == "kretsyscall")
			targets = syscall_functions(rest);
		std::vector<Hook> hooks;
		for (size_t start = 0; start <= targets.size();) {
			size_t end = std::min(targets.find('|', start), targets.size());
			Hook hook;
			hook.kind = known.kind;
			hook.target = targets.substr(start, end - start);
			if (hook.kind == HookKind::kprobe || hook.kind == HookKind::kretprobe ||
			    hook.kind == HookKind::uprobe || hook.kind == HookKind::uretprobe)
				split_offset(hook);
			hooks.push_back(std::move(hook));
			start = end + 1;
		}
		return hooks;
	}
	// libbpf's own attaching fills maps with where the arguments are.
	if (prefix == "usdt")
		return Error{fmt::format("section \"{}\": not attached here; `anyprobe usdt` traces such probes", section)};
	return Error{fmt::format("section \"{}\": not a kind of hook that can be attached here", section)};
}

const char *name_of(HookKind kind)
{
	switch (kind) {
	case HookKind::tracepoint: return "tracepoint";
	case HookKind::raw_tracepoint: return "raw tracepoint";
	case HookKind::kprobe: return "kprobe";
	case HookKind::kretprobe: return "kretprobe";
	case HookKind::kprobe_multi: return "kprobe.multi";
	case HookKind::kretprobe_multi: return "kretprobe.multi";
	case HookKind::uprobe: return "uprobe";
	case HookKind::uretprobe: return "uretprobe";
	case HookKind::fentry: return "BTF-typed program";
	case HookKind::typed_tracepoint: return "BTF-typed tracepoint";
	case HookKind::perf_event: return "perf event";
	case HookKind::socket_filter: return "socket filter";
	case HookKind::none: break;
	}
	return "no hook";
}

std::string describe(const Hook &hook)
{
	std::string text = name_of(hook.kind);
	if (hook.functions.size())
		text += fmt::format(" on {} functions", hook.functions.size());
	else if (!hook.target.empty())
		text += " " + hook.target;
	if (hook.offset)
		text += fmt::format("+{:#x}", hook.offset);
	if (hook.kind == HookKind::perf_event)
		text += fmt::format(" cpu-clock at {} Hz on CPU {}", hook.frequency, hook.cpu);
	return text;
}
