// SPDX-License-Identifier: GPL-2.0-only
#include "suite.h"

#include <array>
#include <nlohmann/json.hpp>

#include "layer/output/histogram.h"

namespace
{

// Printed by runqlat of libbpf-tools 0.26.
constexpr const char *runqlat = "     usecs               : count    distribution\n"
				"         0 -> 1          : 0        |                                        |\n"
				"         2 -> 3          : 5        |**********                              |\n"
				"         4 -> 7          : 7        |**************                          |\n"
				"         8 -> 15         : 5        |**********                              |\n"
				"        16 -> 31         : 19       |****************************************|\n"
				"        32 -> 63         : 10       |*********************                   |\n";

void draws_like_libbpf_tools()
{
	std::array<uint32_t, 26> slots{0, 5, 7, 5, 19, 10};
	CHECK_EQUAL(Histogram::log2("usecs", slots).draw(), runqlat);
}

void widens_for_large_values()
{
	std::array<uint32_t, 40> slots{};
	slots[32] = 3;
	std::string text = Histogram::log2("nsecs", slots).draw();
	CHECK(text.find("4294967296 -> 8589934591 : 3        |" + std::string(40, '*') + "|\n") != std::string::npos);
	slots[33] = 6;
	text = Histogram::log2("nsecs", slots).draw();
	CHECK_EQUAL(text.substr(0, text.find('\n')),
		    "               nsecs                         : count    distribution");
	CHECK(text.find("                   0 -> 1                    : 0        |                    |\n") !=
	      std::string::npos);
	CHECK(text.find("          4294967296 -> 8589934591           : 3        |**********          |\n") !=
	      std::string::npos);
}

void draws_linear()
{
	std::array<uint32_t, 6> slots{0, 3, 0, 6, 1, 0};
	CHECK_EQUAL(Histogram::linear("msecs", slots, 10, 5).draw(),
		    "     msecs         : count     distribution\n"
		    "        15         : 3        |********************                    |\n"
		    "        25         : 6        |****************************************|\n"
		    "        30         : 1        |******                                  |\n");
}

void draws_nothing_for_nothing()
{
	std::array<uint32_t, 4> slots{};
	CHECK_EQUAL(Histogram::log2("usecs", slots).draw(), "");
	CHECK_EQUAL(Histogram::linear("usecs", slots, 0, 1).draw(), "");
	CHECK_EQUAL(Histogram::log2("usecs", {}).draw(), "");
	CHECK(Histogram::log2("usecs", slots).empty());
	CHECK_EQUAL(Histogram::log2("usecs", slots).json().dump(), R"({"unit":"usecs","count":0,"buckets":[]})");
}

void survives_the_largest_numbers()
{
	std::array<uint32_t, 64> slots{};
	slots[0] = slots[63] = UINT32_MAX;
	Histogram histogram = Histogram::log2("nsecs", slots);
	CHECK_EQUAL(histogram.count(), 2LL * UINT32_MAX);
	CHECK(histogram.draw().find(" 9223372036854775808 -> 18446744073709551615 : 4294967295 |" +
				    std::string(20, '*')) != std::string::npos);
}

void says_it_in_json()
{
	std::array<uint32_t, 5> slots{0, 2, 0, 3, 0};
	CHECK_EQUAL(Histogram::log2("usecs", slots).json().dump(),
		    R"({"unit":"usecs","count":5,"buckets":[{"low":2,"high":3,"count":2},{"low":4,"high":7,"count":0},)"
		    R"({"low":8,"high":15,"count":3}]})");
	CHECK_EQUAL(Histogram::linear("msecs", slots, 10, 5).json()["buckets"][0].dump(),
		    R"({"low":15,"high":19,"count":2})");
	std::array<uint32_t, 1> one{7};
	CHECK_EQUAL(Histogram::log2("usecs", one).json()["buckets"].dump(), R"([{"low":0,"high":1,"count":7}])");
}

const Suite suite{"histogram",
		  {{"powers of two are drawn as libbpf-tools draw them", draws_like_libbpf_tools},
		   {"large values get room", widens_for_large_values},
		   {"equal steps are drawn by what counts", draws_linear},
		   {"nothing is drawn for nothing", draws_nothing_for_nothing},
		   {"the largest numbers do no harm", survives_the_largest_numbers},
		   {"JSON leaves empty ends away", says_it_in_json}}};

} // namespace
