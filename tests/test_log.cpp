// SPDX-License-Identifier: GPL-2.0-only
// One line out of the many that libbpf prints.
#include "layer/log.h"
#include "capture.h"
#include "layer/engine/explain.h"
#include "suite.h"

#include <bpf/libbpf.h>

namespace
{

libbpf_print_fn_t printer()
{
	log_start();
	libbpf_print_fn_t ours = libbpf_set_print(nullptr);
	libbpf_set_print(ours);
	return ours;
}

void print(libbpf_print_level level, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	libbpf_print_fn_t ours = libbpf_set_print(nullptr);
	libbpf_set_print(ours);
	ours(level, format, arguments);
	va_end(arguments);
}

void says_what_the_verifier_said_last()
{
	printer();
	// Recorded on 6.1 from libbpf 1.1.
	print(LIBBPF_WARN, "libbpf: prog '%s': BPF program load failed: Permission denied\n", "reads");
	print(LIBBPF_WARN,
	      "libbpf: prog 'reads': -- BEGIN PROG LOAD LOG --\n"
	      "0: R1=ctx(off=0,imm=0) R10=fp0\n"
	      "; return *(int *)(ctx + 9999); @ a.c:3\n"
	      "0: (61) r0 = *(u32 *)(r1 +9999)\n"
	      "invalid bpf_context access off=9999 size=4\n"
	      "processed 1 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0\n"
	      "-- END PROG LOAD LOG --\n");
	print(LIBBPF_WARN, "libbpf: prog 'reads': failed to load: -13\n");
	print(LIBBPF_WARN, "libbpf: failed to load object 'a'\n");
	CHECK_EQUAL(log_error("object: failed to load", EACCES).message,
		    "object: failed to load: Permission denied (the verifier says: invalid bpf_context access off=9999 "
		    "size=4)");
	CHECK_EQUAL(log_error("object: failed to load", EACCES).code, EACCES);
}

void says_what_libbpf_said_first()
{
	printer();
	print(LIBBPF_INFO, "libbpf: loading a.o\n");
	print(LIBBPF_DEBUG, "libbpf: sec_cnt is 12\n");
	print(LIBBPF_WARN, "libbpf: map '%s': failed to create: Invalid argument(-22)\n", "table");
	print(LIBBPF_WARN, "libbpf: failed to load object 'a'\n");
	CHECK_EQUAL(log_error("object: failed to load", EINVAL).message,
		    "object: failed to load: Invalid argument (map 'table': failed to create: Invalid argument(-22))");
}

void does_not_say_it_twice()
{
	printer();
	print(LIBBPF_WARN, "libbpf: elf: failed to open /a/file: No such file or directory\n");
	CHECK_EQUAL(log_error("object: failed to open", ENOENT).message,
		    "object: failed to open: elf: failed to open /a/file: No such file or directory");
}

void translates_libbpfs_own_numbers()
{
	printer();
	std::string alone = log_error("object: failed to open", LIBBPF_ERRNO__FORMAT).message;
	CHECK(alone.starts_with("object: failed to open: "));
	CHECK_EQUAL(alone.find("nknown"), std::string::npos);
	print(LIBBPF_WARN, "libbpf: elf: 'a' is not a proper ELF object\n");
	CHECK_EQUAL(log_error("object: failed to open", LIBBPF_ERRNO__FORMAT).message,
		    "object: failed to open: elf: 'a' is not a proper ELF object");
}

void forgets_at_the_next_start()
{
	printer();
	print(LIBBPF_WARN, "libbpf: something\n");
	log_start();
	CHECK_EQUAL(log_error("object: failed", EPERM).message, "object: failed: Operation not permitted");
}

void shows_all_of_it_with_explain_alone()
{
	printer();
	Capture quiet(stderr);
	print(LIBBPF_WARN, "libbpf: a warning\n");
	CHECK_EQUAL(quiet.text(), "");
	set_explaining(true);
	Capture explained(stderr);
	print(LIBBPF_WARN, "libbpf: a warning\n");
	print(LIBBPF_DEBUG, "libbpf: for its authors\n");
	std::string text = explained.text();
	set_explaining(false);
	CHECK_EQUAL(text, "explain: libbpf: a warning\n");
}

const Suite suite{"log",
		  {{"says what the verifier said last", says_what_the_verifier_said_last},
		   {"says what libbpf said first", says_what_libbpf_said_first},
		   {"does not say it twice", does_not_say_it_twice},
		   {"translates libbpf's own numbers", translates_libbpfs_own_numbers},
		   {"forgets at the next start", forgets_at_the_next_start},
		   {"shows all of it with --explain alone", shows_all_of_it_with_explain_alone}}};

} // namespace
