// SPDX-License-Identifier: GPL-2.0-only
#include "../suite.h"
#include "anyprobe.h"

#include <csignal>
#include <cstdio>
#include <sys/wait.h>
#include <unistd.h>

extern "C" {
__attribute__((section(".probes"), used)) volatile unsigned short usdt_test_semaphore = 0;
}

namespace {

constexpr int hits = 12;

// A probe as sys/sdt.h makes them, with a semaphore; written out, for not every machine has that header.
__attribute__((noinline)) void hit(int number, const char *text, long in_memory)
{
	__asm__ volatile("990:	nop\n"
			 ".pushsection .note.stapsdt,\"\",\"note\"\n"
			 "	.balign 4\n"
			 "	.4byte 992f-991f, 994f-993f, 3\n"
			 "991:	.asciz \"stapsdt\"\n"
			 "992:	.balign 4\n"
			 "993:	.8byte 990b, 0, usdt_test_semaphore\n"
			 "	.asciz \"anyprobe_test\"\n"
			 "	.asciz \"hit\"\n"
			 "	.asciz \"-4@%0 8@%1 -8@%2 -2@$-7\"\n"
			 "994:	.balign 4\n"
			 ".popsection\n"
			 :
			 : "r"(number), "r"(text), "m"(in_memory)
			 : "memory");
}

int hit_probe()
{
	if (!usdt_test_semaphore)
		return 1;
	for (int i = 0; i < hits; i++) {
		char text[8]; // on the stack: a tracer reads only what is in memory already
		snprintf(text, sizeof(text), "%s", i % 2 ? "odd" : "even");
		hit(-i, text, -1'000'000'000'000 - i);
	}
	return 0;
}

void lists_probes()
{
	Run run = run_anyprobe({"usdt", "-l", own_path(), "anyprobe_test:*", "--output", "json"});
	CHECK_EQUAL(run.status, 0);
	auto rows = run.rows();
	REQUIRE(rows.size() == 1);
	CHECK_EQUAL(rows[0]["probe"].get<std::string>(), "anyprobe_test:hit");
	CHECK_EQUAL(rows[0]["semaphore"].get<uint64_t>(), reinterpret_cast<uint64_t>(&usdt_test_semaphore));
	run = run_anyprobe({"usdt", "-l", "-p", std::to_string(getpid())});
	CHECK(run.out.find("anyprobe_test:hit") != std::string::npos);
}

void check_hits(const std::vector<Json> &rows, pid_t pid)
{
	int seen = 0;
	for (const Json &row : rows) {
		if (row["pid"] != pid)
			continue;
		CHECK_EQUAL(row["probe"].get<std::string>(), "anyprobe_test:hit");
		const Json &arguments = row["arguments"];
		REQUIRE(arguments.size() == 4);
		CHECK_EQUAL(arguments[0].get<long>(), -seen);
		CHECK_EQUAL(arguments[1].get<std::string>(), seen % 2 ? "odd" : "even");
		CHECK_EQUAL(arguments[2].get<long>(), -1'000'000'000'000 - seen);
		CHECK_EQUAL(arguments[3].get<long>(), -7);
		seen++;
	}
	CHECK_EQUAL(seen, hits);
}

void traces_a_program()
{
	need_sample("usdt");
	Anyprobe usdt({"usdt", own_path(), "anyprobe_test:*", "-s", "2", "--output", "json"});
	Child child = run_child(hit_probe);
	CHECK_EQUAL(child.status, 0); // the semaphore was up
	usdt.wait_for_lines(hits);
	Run run = usdt.finish(SIGINT);
	CHECK_EQUAL(run.status, 0);
	check_hits(run.rows(), child.pid);
}

void traces_a_process()
{
	need_sample("usdt");
	CHECK_EQUAL(usdt_test_semaphore, 0);
	Anyprobe usdt({"usdt", "-p", std::to_string(getpid()), own_path(), "hit", "-s", "2", "--output", "json"});
	CHECK_EQUAL(usdt_test_semaphore, 1);
	CHECK_EQUAL(hit_probe(), 0);
	usdt.wait_for_lines(hits);
	check_hits(usdt.finish(SIGINT).rows(), getpid());
	CHECK_EQUAL(usdt_test_semaphore, 0);
}

void names_what_is_not_there()
{
	auto refused = [](std::vector<std::string> arguments, int status) {
		arguments.insert(arguments.begin(), {"usdt", "-q"});
		Run run = run_anyprobe(std::move(arguments));
		CHECK_EQUAL(run.status, status);
		CHECK_EQUAL(std::count(run.err.begin(), run.err.end(), '\n'), 1);
		return run.err;
	};
	CHECK(refused({"-l", own_path(), "nothing"}, 1).find("no probe of") != std::string::npos);
	CHECK(refused({"-l", "/proc/version"}, 1).find("is no ELF file") != std::string::npos);
	CHECK(refused({}, 2).find("name a BINARY") != std::string::npos);
	CHECK(refused({own_path(), "-s", "13"}, 2).find("1 to 12") != std::string::npos);
}

const Suite suite{"usdt",
		  {{"the probes of a program and of a process are listed", lists_probes},
		   {"every hit is seen with its arguments, the semaphore is up", traces_a_program},
		   {"-p shows one process, and takes the semaphore down again", traces_a_process},
		   {"what is not there is named", names_what_is_not_there}}};

} // namespace
