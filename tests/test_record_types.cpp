// SPDX-License-Identifier: GPL-2.0-only
// Which struct a record is, for the objects of tests/objects/.
#include "layer/record_types.h"
#include "fake_run.h"
#include "suite.h"

namespace
{

struct Close {
	void operator()(bpf_object *object) const { bpf_object__close(object); }
};
using Object = std::unique_ptr<bpf_object, Close>;

Object open_object(const std::string &name)
{
	return Object(bpf_object__open_file(test_object(name).c_str(), nullptr));
}

std::string decode(const Object &object, const RecordTypes &types, const char *map, const std::string &bytes)
{
	return types.decode(bpf_object__find_map_by_name(object.get(), map), bytes.data(), bytes.size()).json;
}

std::string error_of(const Object &object, const std::string &choice)
{
	auto types = RecordTypes::open(object.get(), {choice});
	return types ? "" : types.error().message;
}

void finds_the_one_struct_of_its_size()
{
	Object object = open_object("ring");
	REQUIRE(object);
	auto types = RecordTypes::open(object.get(), {});
	REQUIRE(types);
	std::string record(96, 0);
	record[0] = 9;
	CHECK_EQUAL(decode(object, *types, "rb", record), R"({"pid":9,"uid":0,"flags":0,"comm":"","path":""})");
	// A ring's records come as they were written, so another size is another record.
	CHECK_EQUAL(decode(object, *types, "rb", std::string(97, 0)).front(), '"');
	CHECK_EQUAL(decode(object, *types, "rb", std::string(40, 0)), '"' + std::string(80, '0') + '"');
	CHECK_EQUAL(decode(object, *types, "rb", ""), "\"\"");
}

void takes_perfs_padding_off()
{
	Object object = open_object("perf");
	auto types = RecordTypes::open(object.get(), {});
	REQUIRE(types);
	for (size_t size : {24, 25, 28, 31})
		CHECK_EQUAL(decode(object, *types, "pb", std::string(size, 0)), R"({"pid":0,"mode":0,"path":""})");
	CHECK_EQUAL(decode(object, *types, "pb", std::string(32, 0)).front(), '"');
	CHECK_EQUAL(decode(object, *types, "pb", std::string(23, 0)).front(), '"');
}

void two_of_a_size_are_neither()
{
	Object object = open_object("kprobe");
	auto types = RecordTypes::open(object.get(), {});
	REQUIRE(types);
	CHECK_EQUAL(decode(object, *types, "twins", std::string(32, 0)), '"' + std::string(64, '0') + '"');
	auto chosen = RecordTypes::open(object.get(), {"twins=left"});
	REQUIRE(chosen);
	CHECK_EQUAL(decode(object, *chosen, "twins", std::string(32, 0)), R"({"pid":0,"result":0,"reserved":[0,0]})");
	// Shorter than what was chosen.
	CHECK_EQUAL(decode(object, *chosen, "twins", std::string(8, 1)), R"({"pid":16843009})");
}

void what_maps_hold_is_no_record()
{
	Object object = open_object("maps");
	auto types = RecordTypes::open(object.get(), {});
	REQUIRE(types);
	// struct stat is by_process's value; as a record of 16 bytes nothing is known.
	CHECK_EQUAL(decode(object, *types, "never_used", std::string(16, 0)).front(), '0');
	Object ring = open_object("ring");
	auto ring_types = RecordTypes::open(ring.get(), {});
	// The context's struct is 64 bytes long.
	CHECK_EQUAL(decode(ring, *ring_types, "rb", std::string(64, 0)).front(), '"');
}

void says_what_is_wrong_with_a_choice()
{
	Object object = open_object("ring");
	CHECK_EQUAL(error_of(object, "rb"), "--type rb: it takes MAP=STRUCT");
	CHECK_EQUAL(error_of(object, "no=event"), "--type no=event: the object has no map \"no\"");
	CHECK_EQUAL(error_of(object, "rb=no"), "--type rb=no: the object's BTF has no struct \"no\"");
	CHECK_EQUAL(error_of(object, "rb="), "--type rb=: the object's BTF has no struct \"\"");
	CHECK_EQUAL(error_of(object, "rb=event"), "");
}

const Suite suite{"record_types",
		  {{"finds the one struct of its size", finds_the_one_struct_of_its_size},
		   {"takes perf's padding off", takes_perfs_padding_off},
		   {"two structs of a size are neither", two_of_a_size_are_neither},
		   {"what maps hold is no record", what_maps_hold_is_no_record},
		   {"says what is wrong with a choice", says_what_is_wrong_with_a_choice}}};

} // namespace
