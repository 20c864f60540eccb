// SPDX-License-Identifier: GPL-2.0-only
// Kernel types compiled from headers, beside those that the same kernel carries. scripts/test makes them for its guests.
#include "../suite.h"
#include "started.h"

#include <sstream>
#include <sys/utsname.h>
#include <unistd.h>

namespace {

void lie_where_the_kernel_has_them()
{
	utsname kernel;
	uname(&kernel);
	std::string tests = own_path().substr(0, own_path().rfind('/'));
	std::string path = fmt::format("{}/btf/{}.btf", tests.substr(0, tests.rfind('/')), kernel.release);
	if (access(path.c_str(), R_OK) != 0)
		skip("nobody made types from this kernel's headers");
	if (access("/sys/kernel/btf/vmlinux", R_OK) != 0)
		skip("this kernel carries no types to compare with");
	Run run = run_anyprobe({"btf", "check", path});
	CHECK_EQUAL(run.err, "");
	CHECK_EQUAL(run.status, 0);
	std::string fits = fmt::format("fits this kernel ({}): ", kernel.release);
	size_t at = run.out.find(fits);
	REQUIRE(at != run.out.npos);
	CHECK(atoi(run.out.c_str() + at + fits.size()) >= 40); // fields that were found on both sides
	// Every sample can read what it wants to read.
	int fit = 0;
	std::istringstream lines(run.out);
	for (std::string line, sample, fits_it; std::getline(lines, line);)
		if (std::istringstream(line) >> sample >> fits_it)
			fit += fits_it == "yes";
	CHECK_EQUAL(fit, lines_in(run_anyprobe({"list"}).out));
}

const Suite suite{"kernel types", {{"made from headers they lie where the kernel has them", lie_where_the_kernel_has_them}}};

} // namespace
