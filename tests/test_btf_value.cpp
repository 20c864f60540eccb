// SPDX-License-Identifier: GPL-2.0-only
// Bytes shown as C types. The types are this file's own: the compiler lays the values out, BTF describes them.
#include "layer/btf_value.h"
#include "suite.h"

#include <cstddef>
#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>

namespace
{

struct Types {
	btf *types = btf__new_empty();
	int s32 = btf__add_int(types, "int", 4, BTF_INT_SIGNED);
	int u64 = btf__add_int(types, "unsigned long", 8, 0);
	int character = btf__add_int(types, "char", 1, BTF_INT_SIGNED);
	int byte = btf__add_int(types, "unsigned char", 1, 0);
	int truth = btf__add_int(types, "_Bool", 1, BTF_INT_BOOL);

	~Types() { btf__free(types); }
	int array(int of, unsigned count) { return btf__add_array(types, s32, of, count); }
	template <class T> Cell show(int id, const T &value, size_t size = sizeof(T))
	{
		return btf_value(types, static_cast<__u32>(id),
				 {reinterpret_cast<const unsigned char *>(&value), size});
	}
};

void shows_numbers()
{
	Types t;
	CHECK_EQUAL(t.show(t.s32, int32_t(-5)).text, "-5");
	CHECK_EQUAL(t.show(t.s32, int32_t(-5)).json, "-5");
	CHECK_EQUAL(t.show(t.u64, UINT64_MAX).json, "18446744073709551615");
	CHECK_EQUAL(t.show(t.truth, true).json, "true");
	CHECK_EQUAL(t.show(t.character, char(-1)).json, "-1");
	int single = btf__add_float(t.types, "float", 4), twice = btf__add_float(t.types, "double", 8);
	CHECK_EQUAL(t.show(single, 0.25f).json, "0.25");
	CHECK_EQUAL(t.show(twice, -1e100).json, "-1e+100");
	int pointer = btf__add_ptr(t.types, t.s32);
	CHECK_EQUAL(t.show(pointer, uint64_t(0xffffffff81000000)).json, "\"0xffffffff81000000\"");
}

void looks_through_typedefs_and_qualifiers()
{
	Types t;
	int id = btf__add_typedef(t.types, "pid_t", btf__add_const(t.types, btf__add_volatile(t.types, t.s32)));
	CHECK_EQUAL(t.show(id, int32_t(77)).json, "77");
}

void shows_structs_by_their_members()
{
	struct Pair {
		int32_t pid;
		char comm[8];
		uint64_t when;
	} pair{12, "a \"b\"", 5};
	Types t;
	int comm = t.array(t.character, 8);
	int id = btf__add_struct(t.types, "pair", sizeof(Pair));
	btf__add_field(t.types, "pid", t.s32, offsetof(Pair, pid) * 8, 0);
	btf__add_field(t.types, "comm", comm, offsetof(Pair, comm) * 8, 0);
	btf__add_field(t.types, "when", t.u64, offsetof(Pair, when) * 8, 0);
	CHECK_EQUAL(t.show(id, pair).text, R"(pid=12 comm="a \"b\"" when=5)");
	CHECK_EQUAL(t.show(id, pair).json, R"({"pid":12,"comm":"a \"b\"","when":5})");
	// Shorter than the type: what is not there is left out.
	CHECK_EQUAL(t.show(id, pair, offsetof(Pair, when)).json, R"({"pid":12,"comm":"a \"b\""})");
	CHECK_EQUAL(t.show(id, pair, 0).json, "{}");
}

void shows_anonymous_members_and_nested_ones()
{
	struct Outer {
		int32_t kind;
		union {
			struct {
				int32_t x, y;
			};
			uint64_t both;
		};
		struct {
			int32_t z;
		} named;
	} outer{};
	outer.kind = 1, outer.x = 2, outer.y = 3, outer.named.z = 4;
	Types t;
	int inner = btf__add_struct(t.types, nullptr, 8);
	btf__add_field(t.types, "x", t.s32, 0, 0);
	btf__add_field(t.types, "y", t.s32, 32, 0);
	int either = btf__add_union(t.types, nullptr, 8);
	btf__add_field(t.types, nullptr, inner, 0, 0);
	btf__add_field(t.types, "both", t.u64, 0, 0);
	int named = btf__add_struct(t.types, "named", 4);
	btf__add_field(t.types, "z", t.s32, 0, 0);
	int id = btf__add_struct(t.types, "outer", sizeof(Outer));
	btf__add_field(t.types, "kind", t.s32, 0, 0);
	btf__add_field(t.types, nullptr, either, offsetof(Outer, both) * 8, 0);
	btf__add_field(t.types, "named", named, offsetof(Outer, named) * 8, 0);
	CHECK_EQUAL(t.show(id, outer).json, R"({"kind":1,"x":2,"y":3,"both":12884901890,"named":{"z":4}})");
	CHECK_EQUAL(t.show(id, outer).text, R"(kind=1 x=2 y=3 both=12884901890 named={"z":4})");
}

void shows_bitfields()
{
	struct Bits {
		int32_t a : 3;
		uint32_t b : 7;
		uint32_t c : 22;
	} bits{-2, 100, 0x2aaaaa};
	Types t;
	int u32 = btf__add_int(t.types, "unsigned int", 4, 0);
	int id = btf__add_struct(t.types, "bits", sizeof(Bits));
	btf__add_field(t.types, "a", t.s32, 0, 3);
	btf__add_field(t.types, "b", u32, 3, 7);
	btf__add_field(t.types, "c", u32, 10, 22);
	CHECK_EQUAL(t.show(id, bits).json, R"({"a":-2,"b":100,"c":2796202})");
}

void names_enumerators()
{
	Types t;
	int id = btf__add_enum(t.types, "state", 4);
	btf__add_enum_value(t.types, "RUNNING", 0);
	btf__add_enum_value(t.types, "GONE", -1);
	CHECK_EQUAL(t.show(id, int32_t(-1)).json, "\"GONE\"");
	CHECK_EQUAL(t.show(id, int32_t(0)).text, "RUNNING");
	CHECK_EQUAL(t.show(id, int32_t(9)).json, "9");
	int wide = btf__add_enum64(t.types, "wide", 8, false);
	btf__add_enum64_value(t.types, "HUGE_ONE", 1ULL << 40);
	CHECK_EQUAL(t.show(wide, uint64_t(1) << 40).json, "\"HUGE_ONE\"");
}

void tells_strings_from_bytes()
{
	Types t;
	int text = t.array(t.character, 6), bytes = t.array(t.byte, 6), numbers = t.array(t.s32, 3);
	CHECK_EQUAL(t.show(text, "hello").json, "\"hello\"");
	CHECK_EQUAL(t.show(text, "hi\0\0\0").json, "\"hi\"");
	CHECK_EQUAL(t.show(text, "\xff\x01\0\0\0").json, "[-1,1,0,0,0,0]");
	CHECK_EQUAL(t.show(text, "full!!", 6).json, "\"full!!\"");
	CHECK_EQUAL(t.show(bytes, "\1\2\0\0\0").json, "[1,2,0,0,0,0]");
	int32_t three[] = {1, -2, 3};
	CHECK_EQUAL(t.show(numbers, three).json, "[1,-2,3]");
	CHECK_EQUAL(t.show(numbers, three, 8).json, "[1,-2]");
	int flexible = t.array(t.s32, 0);
	CHECK_EQUAL(t.show(flexible, three).json, "[1,-2,3]");
}

void keeps_control_characters_from_the_terminal()
{
	Types t;
	int text = t.array(t.character, 8);
	int id = btf__add_struct(t.types, "named", 8);
	btf__add_field(t.types, "text", text, 0, 0);
	for (char c : t.show(id, "a\x1b[2J\n\0").text)
		CHECK(static_cast<unsigned char>(c) >= 0x20);
}

void shows_hex_without_a_type()
{
	unsigned char bytes[] = {0, 0x0a, 0xff};
	CHECK_EQUAL(hex_value(bytes).text, "00 0a ff");
	CHECK_EQUAL(hex_value(bytes).json, "\"000aff\"");
	CHECK_EQUAL(btf_value(nullptr, 5, bytes).text, "00 0a ff");
	Types t;
	CHECK_EQUAL(btf_value(t.types, 0, bytes).text, "00 0a ff");
	CHECK_EQUAL(btf_value(t.types, 9999, bytes).json, "null");
	CHECK_EQUAL(hex_value({}).json, "\"\"");
}

const Suite suite{"btf_value",
		  {{"shows numbers", shows_numbers},
		   {"looks through typedefs and qualifiers", looks_through_typedefs_and_qualifiers},
		   {"shows structs by their members", shows_structs_by_their_members},
		   {"shows anonymous members, and nested ones", shows_anonymous_members_and_nested_ones},
		   {"shows bit fields", shows_bitfields},
		   {"names enumerators", names_enumerators},
		   {"tells strings from bytes", tells_strings_from_bytes},
		   {"keeps control characters from the terminal", keeps_control_characters_from_the_terminal},
		   {"shows hex without a type", shows_hex_without_a_type}}};

} // namespace
