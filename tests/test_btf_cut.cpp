// SPDX-License-Identifier: GPL-2.0-only
// A BTF cut down must answer as the whole one does.
#include "layer/btf_cache.h"
#include "fake_run.h"
#include "layer/btf_value.h"
#include "suite.h"

#include <filesystem>
#include <fstream>
#include <linux/btf.h>
#include <map>
#include <set>

namespace
{

constexpr const char *kernel_types = "/sys/kernel/btf/vmlinux";

const btf_type *find(const btf *types, const char *name, __u32 kind)
{
	int id = btf__find_by_name_kind(types, name, kind);
	return id > 0 ? btf__type_by_id(types, static_cast<__u32>(id)) : nullptr;
}

// Every member by its name, those of anonymous members too: its place and size in bits.
void places(const btf *types, const btf_type *type, unsigned base, std::map<std::string, std::string> &into)
{
	for (__u32 i = 0; i < btf_vlen(type); i++) {
		const btf_member *member = btf_members(type) + i;
		unsigned at = base + btf_member_bit_offset(type, i), bits = btf_member_bitfield_size(type, i);
		std::string name = btf__name_by_offset(types, member->name_off);
		__u32 id = member->type;
		const btf_type *inner = btf__type_by_id(types, id);
		while (btf_is_mod(inner) || btf_is_typedef(inner))
			inner = btf__type_by_id(types, inner->type);
		if (name.empty() && btf_is_composite(inner))
			places(types, inner, at, into);
		else
			into[name] = fmt::format("bit {}, {} bits, {} bytes, kind {}", at, bits,
						 btf__resolve_size(types, id), btf_kind(inner));
	}
}

std::map<std::string, std::string> places(const btf *types, const char *name)
{
	std::map<std::string, std::string> all;
	if (const btf_type *type = find(types, name, BTF_KIND_STRUCT))
		places(types, type, 0, all);
	return all;
}

// struct whole { int first; struct { long deep; int : 5 bits; }; char text[16]; struct whole *next; enum state; }
int add_whole(btf *types)
{
	int s32 = btf__add_int(types, "int", 4, BTF_INT_SIGNED), s64 = btf__add_int(types, "long", 8, BTF_INT_SIGNED);
	int character = btf__add_int(types, "char", 1, BTF_INT_SIGNED),
	    text = btf__add_array(types, s32, character, 16);
	int state = btf__add_enum(types, "state", 4);
	btf__add_enum_value(types, "RUNNING", 0);
	btf__add_enum_value(types, "GONE", 7);
	int inner = btf__add_struct(types, nullptr, 16);
	btf__add_field(types, "deep", s64, 0, 0);
	btf__add_field(types, "bits", s32, 64, 5);
	btf__add_field(types, "more_bits", s32, 69, 27);
	int pointer = btf__add_ptr(types, 0);
	int other = btf__add_struct(types, "other", 4);
	btf__add_field(types, "unwanted", s32, 0, 0);
	int alias = btf__add_typedef(types, "state_t", btf__add_const(types, state));
	int id = btf__add_struct(types, "whole", 96);
	btf__add_field(types, "first", s32, 0, 0);
	btf__add_field(types, nullptr, inner, 128, 0);
	btf__add_field(types, "text", text, 256, 0);
	btf__add_field(types, "next", pointer, 384, 0);
	btf__add_field(types, "state", alias, 448, 0);
	btf__add_field(types, "left_out", other, 512, 0);
	return id;
}

// What an object that reads `fields` of struct whole would bring.
BtfPtr object_with(const std::vector<const char *> &fields, const char *name = "whole")
{
	BtfPtr object(btf__new_empty());
	int s32 = btf__add_int(object.get(), "int", 4, BTF_INT_SIGNED);
	int state = btf__add_enum(object.get(), "state", 4);
	btf__add_enum_value(object.get(), "GONE", 0);
	(void)state;
	btf__add_struct(object.get(), name, 400);
	unsigned at = 0;
	for (const char *field : fields)
		btf__add_field(object.get(), field, s32, at += 32, 0);
	return object;
}

void keeps_what_is_named_where_it_was()
{
	BtfPtr kernel(btf__new_empty());
	add_whole(kernel.get());
	BtfPtr object = object_with({"first", "deep", "more_bits", "text", "next", "state"});
	auto cut = cut_btf(*btf_view(kernel.get()), {object.get()});
	REQUIRE(cut);
	auto before = places(kernel.get(), "whole"), after = places(cut->get(), "whole");
	CHECK_EQUAL(before.size(), 8);
	CHECK_EQUAL(after.size(), 6);
	for (const auto &[name, place] : after)
		CHECK_EQUAL(place, before[name]);
	CHECK(!after.contains("bits") && !after.contains("left_out"));
	REQUIRE(find(cut->get(), "whole", BTF_KIND_STRUCT));
	CHECK_EQUAL(find(cut->get(), "whole", BTF_KIND_STRUCT)->size, 96);
	CHECK(!find(cut->get(), "other", BTF_KIND_STRUCT));
}

void keeps_enumerators()
{
	BtfPtr kernel(btf__new_empty());
	add_whole(kernel.get());
	BtfPtr object = object_with({});
	auto cut = cut_btf(*btf_view(kernel.get()), {object.get()});
	REQUIRE(cut);
	const btf_type *state = find(cut->get(), "state", BTF_KIND_ENUM);
	REQUIRE(state && btf_vlen(state) == 2);
	CHECK_EQUAL(btf__name_by_offset(cut->get(), btf_enum(state)[1].name_off), "GONE");
	CHECK_EQUAL(btf_enum(state)[1].val, 7);
}

void a_flavour_counts_as_its_plain_name()
{
	BtfPtr kernel(btf__new_empty());
	add_whole(kernel.get());
	BtfPtr object = object_with({"first"}), older = object_with({"text"}, "whole___before_9");
	auto cut = cut_btf(*btf_view(kernel.get()), {object.get(), older.get()});
	REQUIRE(cut);
	auto after = places(cut->get(), "whole");
	CHECK(after.contains("first") && after.contains("text"));
	CHECK_EQUAL(after.size(), 2);
}

void can_be_written_and_read_again()
{
	BtfPtr kernel(btf__new_empty());
	add_whole(kernel.get());
	BtfPtr object = object_with({"first", "deep"});
	auto cut = cut_btf(*btf_view(kernel.get()), {object.get()});
	REQUIRE(cut);
	__u32 size;
	const void *data = btf__raw_data(cut->get(), &size);
	REQUIRE(data);
	BtfPtr again(btf__new(data, size));
	REQUIRE(again);
	CHECK_EQUAL(places(again.get(), "whole").size(), 2);
	CHECK_EQUAL(places(again.get(), "whole")["deep"], places(kernel.get(), "whole")["deep"]);
}

std::vector<std::unique_ptr<Sample>> all_samples(std::vector<const btf *> &types)
{
	std::vector<std::unique_ptr<Sample>> samples;
	for (const SampleEntry *entry : sorted_samples()) {
		samples.push_back(entry->create());
		LIBBPF_OPTS(bpf_object_open_opts, opts);
		auto object = samples.back()->open(opts);
		if (object && *object && bpf_object__btf(*object))
			types.push_back(bpf_object__btf(*object));
	}
	return samples;
}

// On this machine's own kernel: what arrives with BPF_PROG_LOAD must not depend on which of the two was used.
void programs_are_the_same_by_the_cut_and_the_whole()
{
	if (access(kernel_types, R_OK) != 0)
		skip(std::string(kernel_types) + " cannot be read");
	BtfPtr kernel(btf__parse(kernel_types, nullptr));
	REQUIRE(kernel);
	std::vector<const btf *> types;
	auto samples = all_samples(types);
	auto cut = cut_btf(*btf_view(kernel.get()), types);
	REQUIRE(cut);
	__u32 size, whole_size;
	auto *data = static_cast<const char *>(btf__raw_data(cut->get(), &size));
	btf__raw_data(kernel.get(), &whole_size);
	CHECK(size < whole_size / 50);
	MemoryFile file({data, size});

	int compared = 0;
	for (const char *name : {"execsnoop", "opensnoop", "forkcount", "syscount", "runqlat"}) {
		FakeEngine by_whole("cut: whole"), by_cut("cut: cut");
		FakeRun whole(by_whole, *SampleEntry::find(name), {"--btf", kernel_types});
		FakeRun part(by_cut, *SampleEntry::find(name), {"--btf", file.path()});
		CHECK_EQUAL(whole.result ? "" : whole.result.error().message, "");
		CHECK_EQUAL(part.result ? "" : part.result.error().message, "");
		CHECK_EQUAL(by_whole.programs.size(), by_cut.programs.size());
		for (const FakeEngine::Program &program : by_whole.programs) {
			const FakeEngine::Program *same = by_cut.program(program.name);
			REQUIRE(same && same->insns.size() == program.insns.size());
			for (size_t i = 0; i < program.insns.size(); i++) {
				bpf_insn a = program.insns[i], b = same->insns[i];
				if (a.code == (BPF_LD | BPF_DW | BPF_IMM)) // descriptors may differ
					a.imm = b.imm = 0;
				CHECK(memcmp(&a, &b, sizeof(a)) == 0);
				compared++;
			}
		}
	}
	CHECK(compared > 300);
}

void reads_build_ids()
{
	using namespace std::literals;
	std::string note = "\4\0\0\0\5\0\0\0\3\0\0\0GNU\0\xab\xcd\xef\x01\x23\0\0\0"s;
	CHECK_EQUAL(build_id_of_notes(note), "abcdef0123");
	std::string other = "\5\0\0\0\2\0\0\0\1\0\0\0Xen12\0\0\0ab\0\0"s;
	CHECK_EQUAL(build_id_of_notes(other + note), "abcdef0123");
	CHECK_EQUAL(build_id_of_notes(other), "");
	for (size_t length = 0; length < note.size() - 3; length++)
		CHECK_EQUAL(build_id_of_notes(std::string_view(note).substr(0, length)), "");
	CHECK_EQUAL(build_id_of_notes("\xff\xff\xff\xff\xff\xff\xff\xff\3\0\0\0GNU\0"sv), "");
}

// Each build of this program leaves a file of its own for each kernel.
void old_files_go()
{
	namespace fs = std::filesystem;
	const char *where = getenv("TMPDIR");
	std::string folder = std::string(where ? where : "/tmp") + "/anyprobe-cuts-XXXXXX";
	REQUIRE(mkdtemp(folder.data()));
	auto now = fs::file_time_type::clock::now();
	for (const char *name : {"6.1-ab-1.btf", "6.1-ab-2.btf", "6.1-ab-3.btf", "6.1-ab-4.btf.XXXX", "6.2-ab-1.btf"}) {
		std::ofstream(folder + "/" + name) << "types";
		fs::last_write_time(folder + "/" + name, now - std::chrono::hours(name[7] - '0'));
	}
	fs::create_directory(folder + "/6.1-ab-folder");
	drop_old_files(folder, "6.1-ab-", 2);
	drop_old_files(folder + "/none", "6.1-ab-", 2);
	std::set<std::string> left;
	for (const auto &entry : fs::directory_iterator(folder))
		left.insert(entry.path().filename());
	CHECK(left == (std::set<std::string>{"6.1-ab-1.btf", "6.1-ab-2.btf", "6.1-ab-folder", "6.2-ab-1.btf"}));
	fs::remove_all(folder);
}

const Suite suite{
	"btf_cut",
	{{"keeps what is named where it was", keeps_what_is_named_where_it_was},
	 {"keeps enumerators", keeps_enumerators},
	 {"a flavour counts as its plain name", a_flavour_counts_as_its_plain_name},
	 {"can be written and read again", can_be_written_and_read_again},
	 {"programs are the same by the cut and by the whole", programs_are_the_same_by_the_cut_and_the_whole},
	 {"reads build ids", reads_build_ids},
	 {"of many builds' files the newest stay", old_files_go}}};

} // namespace
