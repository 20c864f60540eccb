// SPDX-License-Identifier: GPL-2.0-only
// usdt: probes that programs have built in, listed or traced.
#include "layer/sample.h"
#include "layer/symbols/usdt_values.h"
#include "usdt.skel.h"

#include <bpf/bpf.h>
#include <fmt/format.h>

namespace {

constexpr Column columns[] = {
	{"PID", 7, "process id"},
	{"COMM", -16, "name of the thread"},
	{"PROBE", -32, "provider:name"},
	{"ARGUMENTS", 0, "the probe's arguments in their order; in JSON an array, null for what could not be read"},
};

constexpr Column list_columns[] = {
	{"PROBE", -40, "provider:name"},
	{"ADDRESS", 14, "where it is, as linked"},
	{"SEMAPHORE", 14, "address of its counter, 0 for none"},
	{"ARGUMENTS", -40, "as the assembler's operands, with their sizes"},
	{"FILE", 0, "the file that holds it"},
};

class Usdt final : public EventSample<usdt_kern, usdt_event> {
	bool list_ = false;
	std::string binary_, probe_;
	std::vector<std::string> string_arguments_;
	uint32_t strings_ = 0;
	std::vector<UsdtPlace> places_;

	void options(Options &o) override
	{
		o.argument("BINARY", binary_, "program or library; with -p it may be left out", false);
		o.argument("PROBE", probe_, "NAME or PROVIDER:NAME, with * and ?; all if not given", false);
		o.flag("-l,--list", list_, "list the probes and end");
		o.value("-s,--string", string_arguments_, "N", "argument N, from 1, is the address of a string (4 at most)");
	}

	Result<void> check(const CommonOptions &common) override
	{
		if (binary_.empty() && !common.pid)
			return Error{"name a BINARY, or a process with -p", EINVAL};
		auto strings = usdt_string_bits(string_arguments_);
		if (!strings)
			return strings.error();
		strings_ = *strings;
		return {};
	}

	Result<bool> answer(const CommonOptions &common, Output &output) override
	{
		if (!list_)
			return false;
		auto probes = select_usdt_probes(binary_, probe_, common.pid);
		if (!probes)
			return probes.error();
		for (const UsdtProbe &probe : *probes)
			output.row(list_columns, Row() << probe.provider + ":" + probe.name << hexadecimal(probe.address)
						       << hexadecimal(probe.semaphore_address) << probe.arguments << probe.path);
		return true;
	}

	static Cell hexadecimal(uint64_t number) { return {fmt::format("{:#x}", number), std::to_string(number)}; }

	Result<void> configure(usdt_kern &, Trace &trace) override
	{
		auto places = select_usdt_places(binary_, probe_, trace.options().pid);
		if (!places)
			return places.error();
		places_ = std::move(*places);
		if (places_.size() > USDT_PLACES)
			return Error{fmt::format("{} places match: {} at most", places_.size(), USDT_PLACES)};
		return {};
	}

	Result<void> attach(Trace &trace) override
	{
		std::vector<Hook> hooks;
		bool with_cookies = features().has(Feature::attach_cookie);
		for (uint32_t number = 0; number < places_.size(); number++) {
			usdt_place place = usdt_place_of(places_[number], strings_);
			if (bpf_map_update_elem(bpf_map__fd(kern().maps.places), &number, &place, BPF_ANY) != 0)
				return errno_error("usdt: failed to set up a probe");
			uint32_t page_offset = places_[number].probe.file_offset & 0xfff;
			if (!with_cookies && bpf_map_update_elem(bpf_map__fd(kern().maps.by_page_offset), &page_offset, &number,
								 BPF_NOEXIST) != 0)
				return Error{"two of these places cannot be told apart without attach cookies (Linux 5.15): name one probe"};
			hooks.push_back(hook_of(places_[number], with_cookies ? number + 1 : 0, trace.options().pid));
		}
		return trace.attach_each(kern().progs.hit, hooks);
	}

	void print(const usdt_event &e, Row &row) override
	{
		if (e.place >= places_.size())
			return;
		const UsdtPlace &place = places_[e.place];
		row << e.pid << e.comm << place.probe.provider + ":" + place.probe.name << usdt_arguments_cell(place, strings_, e);
	}
};

const Register<Usdt> sample{{
	.name = "usdt",
	.summary = "probes that programs have built in: listed, or traced with their arguments",
	.description = "Many programs and libraries (Python, Java, PostgreSQL, libc, libstdc++) have probes built in, made with "
		       "sys/sdt.h or systemtap's dtrace. -l shows which; traced, each hit is a row. A probe with a "
		       "semaphore is switched on in the program as long as it is traced (Linux 4.20). An argument in memory that "
		       "the program itself has not touched yet cannot be read, and is shown as ?.",
	.columns = columns,
	.example = R"($ anyprobe usdt -l /usr/bin/python3.11 'function*'
PROBE                                           ADDRESS      SEMAPHORE ARGUMENTS                                FILE
python:function__entry                         0x4f20a1       0xa84260 8@%rbp 8@%r12 -4@%eax                    /usr/bin/python3.11
python:function__return                        0x4f20d4       0xa84262 8@%rbp 8@%r12 -4@%eax                    /usr/bin/python3.11
$ anyprobe usdt -q -d 4 /usr/bin/python3.11 'function__*' -s 1 -s 2
    PID COMM             PROBE                            ARGUMENTS
  22475 python3.11       python:function__return          "/tmp/shop.py", "price", 2
  22475 python3.11       python:function__return          "/tmp/shop.py", "sell", 3
)",
	.instead = "",
}};

} // namespace
