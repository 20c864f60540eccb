// SPDX-License-Identifier: GPL-2.0-only
#include "suite.h"

#include "layer/symbols/demangle.h"

namespace
{

struct Pair {
	const char *mangled, *readable;
};

void check_all(std::initializer_list<Pair> pairs)
{
	for (const Pair &pair : pairs)
		CHECK(demangle(pair.mangled) == pair.readable);
}

void reads_cxx()
{
	check_all({{"_Z3foov", "foo()"},
		   {"_ZN2ns5Class6methodEPKc", "ns::Class::method(char const*)"},
		   {"_ZNSt6vectorIiSaIiEE9push_backERKi",
		    "std::vector<int, std::allocator<int> >::push_back(int const&)"},
		   {"_ZNSo3putEc@@GLIBCXX_3.4", "std::ostream::put(char)"},
		   {"_Z3foov.cold", "foo().cold"},
		   {"_Z3foov.llvm.123", "foo()"}});
}

void reads_rust_legacy()
{
	check_all({{"_ZN4core3fmt9Formatter3pad17h0123456789abcdefE", "core::fmt::Formatter::pad"},
		   {"_ZN60_$LT$alloc..string..String$u20$as$u20$core..fmt..Display$GT$3fmt17h0123456789abcdefE",
		    "<alloc::string::String as core::fmt::Display>::fmt"},
		   {"_ZN3std2rt10lang_start28_$u7b$$u7b$closure$u7d$$u7d$17h0123456789abcdefE.llvm.99",
		    "std::rt::lang_start::{{closure}}"}});
}

void reads_rust_v0()
{
	check_all(
		{{"_RNvCs15kBYyAo9fc_7mycrate7example", "mycrate::example"},
		 {"_RNvCs15kBYyAo9fc_7mycrate7example.llvm.1", "mycrate::example"},
		 {"_RINvNtC3std3mem8align_ofjdE", "std::mem::align_of::<usize, f64>"},
		 {"_RNCINvC4core3fooReE0B3_", "core::foo::<&str>::{closure#0}"},
		 {"_RNvMs_C3fooNtB4_3Bar3baz", "<foo::Bar>::baz"},
		 {"_RNvXC3fooNtB2_3BarNtB2_3Qux3baz", "<foo::Bar as foo::Qux>::baz"},
		 {"_RINvC3foo3barAtj8_E", "foo::bar::<[u16; 8]>"},
		 {"_RINvC3foo3barTmmEFEuE", "foo::bar::<(u32, u32), fn()>"},
		 {"_RNvXCs6GmmlP4bgsG_1rINtB2_1SKj5_EINtB2_1TThRecEE2goB2_", "<r::S<5> as r::T<(u8, &str, char)>>::go"},
		 {"_RINvC3foo3barDNtC3foo1TEL_E", "foo::bar::<dyn foo::T>"}});
}

void keeps_other_names()
{
	for (const char *name : {"", "main", "_", "_Z", "_R", "_Zfoo", "_ZN", "_RNv", "_start", "main.main",
				 "_ZN9999999999E", "_RNvB_1a", "_RB_", "_RINvC3foo3barAtjzz_E"})
		CHECK(demangle(name) == name);
}

void survives_hostile_names()
{
	std::string deep = "_R";
	for (int i = 0; i < 50000; i++)
		deep += "M";
	CHECK(demangle(deep) == deep);
	// each back reference doubles what the one before prints
	std::string bomb = "_RINvC1a1b";
	size_t last = bomb.size() - 2;
	bomb += "TuuE";
	for (int i = 0; i < 60; i++) {
		size_t at = bomb.size() - 2;
		std::string digits;
		size_t value = last + (i ? 0 : 2);
		const char *letters = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
		if (value) {
			for (value--; value || digits.empty(); value /= 62)
				digits.insert(digits.begin(), letters[value % 62]);
		}
		bomb += "TB" + digits + "_B" + digits + "_E";
		last = at;
	}
	CHECK(demangle(bomb + "E") == bomb + "E");
	unsigned seed = 1;
	std::string base = "_RINvXs_C3fooNtB4_3BarNtB4_3Qux3bazDNtC3foo1TEL_Atj8_TmmEFEuE";
	for (int i = 0; i < 20000; i++) {
		std::string name = base;
		for (int j = 0; j < 3; j++) {
			seed = seed * 1103515245 + 12345;
			name[2 + (seed >> 8) % (name.size() - 2)] = "BCDEFNTXYIMRQSAsKLGpu0123_"[(seed >> 20) % 26];
		}
		demangle(name);
	}
}

void cuts_parameters()
{
	CHECK(without_parameters("ns::f(int, char)") == "ns::f");
	CHECK(without_parameters("main") == "main");
	CHECK(without_parameters("A::operator()(int) const") == "A::operator()");
	CHECK(without_parameters("(anonymous namespace)::f(int)") == "(anonymous namespace)::f");
	CHECK(without_parameters("f<void (int)>(char)") == "f<void (int)>");
	CHECK(without_parameters("A::operator<(A const&)") == "A::operator<");
}

const Suite suite{"demangle",
		  {{"C++ names are made readable", reads_cxx},
		   {"Rust's legacy names lose their hash", reads_rust_legacy},
		   {"Rust's v0 names are made readable", reads_rust_v0},
		   {"other names stay as they are", keeps_other_names},
		   {"hostile names end in finite time", survives_hostile_names},
		   {"parameters are cut off", cuts_parameters}}};

} // namespace
