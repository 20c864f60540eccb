// SPDX-License-Identifier: GPL-2.0-only
// BTF read where it lies must be what libbpf reads, and damaged BTF an error.
#include "layer/btf_view.h"
#include "suite.h"

#include <fstream>
#include <iterator>
#include <memory>
#include <unistd.h>

namespace {

constexpr const char *kernel_types = "/sys/kernel/btf/vmlinux";

struct Free {
	void operator()(btf *types) const { btf__free(types); }
};

// One type of each kind that kernels use.
std::unique_ptr<btf, Free> one_of_each()
{
	btf *types = btf__new_empty();
	int number = btf__add_int(types, "int", 4, BTF_INT_SIGNED);
	btf__add_ptr(types, number);
	btf__add_array(types, number, number, 3);
	btf__add_struct(types, "pair", 8);
	btf__add_field(types, "a", number, 0, 0);
	btf__add_field(types, "b", number, 32, 0);
	btf__add_union(types, "either", 4);
	btf__add_field(types, "a", number, 0, 0);
	btf__add_enum(types, "state", 4);
	btf__add_enum_value(types, "GONE", 7);
	btf__add_enum64(types, "wide", 8, false);
	btf__add_enum64_value(types, "FAR", 1ULL << 40);
	btf__add_fwd(types, "later", BTF_FWD_STRUCT);
	btf__add_typedef(types, "number_t", number);
	btf__add_volatile(types, btf__add_const(types, btf__add_restrict(types, number)));
	int prototype = btf__add_func_proto(types, number);
	btf__add_func_param(types, "x", number);
	int function = btf__add_func(types, "call", BTF_FUNC_GLOBAL, prototype);
	btf__add_float(types, "float", 4);
	int variable = btf__add_var(types, "seen", BTF_VAR_STATIC, number);
	btf__add_datasec(types, ".bss", 4);
	btf__add_datasec_var_info(types, variable, 0, 4);
	btf__add_decl_tag(types, "tag", function, 0);
	btf__add_type_tag(types, "tag", number);
	return std::unique_ptr<btf, Free>(types);
}

void check_same(const BtfView &view, const btf *types)
{
	CHECK_EQUAL(view.type_count(), btf__type_cnt(types));
	__u32 different = 0;
	for (__u32 id = 1; id < view.type_count(); id++) {
		const btf_type *mine = view.type(id), *theirs = btf__type_by_id(types, id);
		different += mine->info != theirs->info || mine->size != theirs->size ||
			     strcmp(view.name(mine->name_off), btf__name_by_offset(types, theirs->name_off)) != 0;
	}
	CHECK_EQUAL(different, 0);
}

void reads_every_kind()
{
	auto types = one_of_each();
	auto view = btf_view(types.get());
	REQUIRE(view);
	check_same(*view, types.get());
	CHECK_EQUAL(btf_kind(view->type(0)), BTF_KIND_UNKN);
	CHECK_EQUAL(btf_kind(view->type(view->type_count())), BTF_KIND_UNKN);
	CHECK_EQUAL(std::string(view->name(1 << 30)), "");
}

void reads_this_kernels()
{
	if (access(kernel_types, R_OK) != 0)
		skip(std::string(kernel_types) + " cannot be read");
	auto file = FileBytes::open(kernel_types);
	REQUIRE(file);
	std::ifstream stream(kernel_types, std::ios::binary);
	std::string read{std::istreambuf_iterator<char>(stream), {}};
	CHECK(std::string_view(file->bytes().data(), file->bytes().size()) == read);
	auto view = BtfView::over(file->bytes());
	REQUIRE(view);
	std::unique_ptr<btf, Free> whole(btf__new(read.data(), static_cast<__u32>(read.size())));
	REQUIRE(whole);
	check_same(*view, whole.get());
}

void refuses_what_is_cut_off()
{
	auto types = one_of_each();
	__u32 size;
	auto *data = static_cast<const char *>(btf__raw_data(types.get(), &size));
	for (__u32 length = 0; length < size; length++) {
		std::string part(data, length); // of its own, so that a sanitizer sees a read beyond it
		CHECK(!BtfView::over({part.data(), part.size()}));
	}
}

// Whatever a byte is changed to: an error, or types and names that can be read.
void no_crash_on_what_is_damaged()
{
	auto types = one_of_each();
	__u32 size;
	auto *data = static_cast<const char *>(btf__raw_data(types.get(), &size));
	size_t length = 0;
	for (__u32 at = 0; at < size; at++)
		for (int value : {0, 1, 0x7f, 0xff}) {
			std::string bytes(data, size);
			bytes[at] = static_cast<char>(value);
			auto view = BtfView::over({bytes.data(), bytes.size()});
			for (__u32 id = 0; view && id < view->type_count(); id++)
				length += strlen(view->name(view->type(id)->name_off)) + btf_vlen(view->type(id));
		}
	CHECK(length > 0);
}

void says_what_cannot_be_read()
{
	auto missing = FileBytes::open("/nonexistent/btf");
	REQUIRE(!missing);
	CHECK_EQUAL(missing.error().message, "failed to open /nonexistent/btf: No such file or directory");
	char zeroes[64] = {};
	auto view = BtfView::over(zeroes);
	REQUIRE(!view);
	CHECK_EQUAL(view.error().message, "btf: failed to read types: no BTF of this machine's byte order");
}

const Suite suite{"btf_view",
		  {{"reads every kind of type as libbpf does", reads_every_kind},
		   {"reads this kernel's types as libbpf does", reads_this_kernels},
		   {"refuses what is cut off anywhere", refuses_what_is_cut_off},
		   {"no crash on what is damaged anywhere", no_crash_on_what_is_damaged},
		   {"says what cannot be read", says_what_cannot_be_read}}};

} // namespace
