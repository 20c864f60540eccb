// SPDX-License-Identifier: GPL-2.0-only
// Lines as kernels print them (kernel/trace/trace_output.c: trace_print_context and lat_print_generic).
#include "layer/trace_pipe.h"
#include "suite.h"

namespace
{

// "task|pid|cpu|ns|function|message", or "none".
std::string read(std::string_view text)
{
	auto line = parse_trace_line(text);
	if (!line)
		return "none";
	return fmt::format("{}|{}|{}|{}|{}|{}", line->task, line->pid, line->cpu, line->time, line->function,
			   line->message);
}

void reads_the_formats_of_all_kernels()
{
	// 2.6.32 to 2.6.38, and any with the option irq-info off: no flags
	CHECK_EQUAL(read("            bash-1994  [000]  4342.324898: sys_open: hello"),
		    "bash|1994|0|4342324898000|sys_open|hello");
	// 3.10: flags behind the CPU; bpf_trace_printk came with 4.1 and was shown by its address, 0x1 since 4.17
	CHECK_EQUAL(read("          <idle>-0     [001] d.h3  6734.123456: 0x00000001: from an interrupt"),
		    "<idle>|0|1|6734123456000|0x00000001|from an interrupt");
	CHECK_EQUAL(read("           a.out-2310  [003] d...   512.000001: : hello"),
		    "a.out|2310|3|512000001000||hello");
	// 4.12 with record-tgid
	CHECK_EQUAL(read("            bash-1977  (   1977) [000] .... 17284.993652: 0: hello"),
		    "bash|1977|0|17284993652000|0|hello");
	CHECK_EQUAL(read("            bash-1977  (-------) [000] .... 17284.993652: 0: hello"),
		    "bash|1977|0|17284993652000|0|hello");
	// 5.9: bpf_trace_printk is an event of its own
	CHECK_EQUAL(read("            node-3142    [000] d... 17284.993652: bpf_trace_printk: hello from clone"),
		    "node|3142|0|17284993652000|bpf_trace_printk|hello from clone");
	// 5.16: a fifth flag; 6.x: letters for bottom halves
	CHECK_EQUAL(read("            node-3142    [000] d..21 17284.993652: bpf_trace_printk: hello"),
		    "node|3142|0|17284993652000|bpf_trace_printk|hello");
	CHECK_EQUAL(read("           <...>-31420   [127] DNZff 99917284.993652: bpf_trace_printk: hello"),
		    "<...>|31420|127|99917284993652000|bpf_trace_printk|hello");
}

void reads_any_name()
{
	CHECK_EQUAL(read("  tmux: server-21   [001] d..1    1.000000: bpf_trace_printk: x"),
		    "tmux: server|21|1|1000000000|bpf_trace_printk|x");
	CHECK_EQUAL(read("     my-task-2-99   [001] d..1    1.000000: bpf_trace_printk: x"),
		    "my-task-2|99|1|1000000000|bpf_trace_printk|x");
	CHECK_EQUAL(read("    kworker/0:1-17  [000] d..1    1.000000: bpf_trace_printk: x"),
		    "kworker/0:1|17|0|1000000000|bpf_trace_printk|x");
	CHECK_EQUAL(read("       [odd] [7]-8  [002] d..1    1.000000: bpf_trace_printk: x"),
		    "[odd] [7]|8|2|1000000000|bpf_trace_printk|x");
	CHECK_EQUAL(read("    a-1 [000] b-12  [002] d..1    1.000000: bpf_trace_printk: x"),
		    "a-1 [000] b|12|2|1000000000|bpf_trace_printk|x");
	CHECK_EQUAL(read("          (x) (y)-5 [002] d..1    1.000000: bpf_trace_printk: x"),
		    "(x) (y)|5|2|1000000000|bpf_trace_printk|x");
	CHECK_EQUAL(read("                -77 [002] d..1    1.000000: bpf_trace_printk: x"),
		    "|77|2|1000000000|bpf_trace_printk|x");
}

void keeps_the_message_as_it_is()
{
	constexpr const char *start = "            bash-1994    [000] d..21    10.500000: bpf_trace_printk: ";
	for (const char *message :
	     {"a: b: c", "x-1 [003] d..1 5.000000: y: z", "[LOST 3 EVENTS]", "colon:", "5.000000"})
		CHECK_EQUAL(read(std::string(start) + message),
			    std::string("bash|1994|0|10500000000|bpf_trace_printk|") + message);
	CHECK_EQUAL(read(std::string(start) + "with its newline\n"),
		    "bash|1994|0|10500000000|bpf_trace_printk|with its newline");
	CHECK_EQUAL(read(start), "bash|1994|0|10500000000|bpf_trace_printk|");
}

void refuses_other_lines()
{
	for (const char *line :
	     {"", "\n", "CPU:1 [LOST 42 EVENTS]", "# tracer: nop", "#           TASK-PID     CPU#  |||||  TIMESTAMP",
	      "bash-1994 [000", "bash-1994 [000]", "bash [000] d..1 1.0: f: m", "bash-x [000] d..1 1.0: f: m",
	      "bash-1 [x] d..1 1.0: f: m", "bash-1 [000] d..1 1x0: f: m", "bash-1 [000] d..1 1.0 f m", "[", "]",
	      "-[0]"})
		CHECK_EQUAL(read(line), "none");
}

void counts_lost_events()
{
	CHECK_EQUAL(parse_lost_line("CPU:1 [LOST 42 EVENTS]"), 42);
	CHECK_EQUAL(parse_lost_line("CPU:15 [LOST 18446744073709551615 EVENTS]\n"), -1);
	// How many it was the kernel does not always know.
	CHECK_EQUAL(parse_lost_line("CPU:1 [LOST EVENTS]"), 0);
	CHECK_EQUAL(parse_lost_line("            bash-1994 [000] d..1 1.0: f: CPU:1 [LOST 42 EVENTS]"), 0);
	CHECK_EQUAL(parse_lost_line(""), 0);
	CHECK_EQUAL(parse_lost_line("CPU:1 [LOST x EVENTS]"), 0);
	CHECK_EQUAL(parse_lost_line("CPU:1 [LOST 42"), 42);
}

const Suite suite{"trace_pipe",
		  {{"reads the formats of all kernels", reads_the_formats_of_all_kernels},
		   {"reads any task's name", reads_any_name},
		   {"keeps the message as it is", keeps_the_message_as_it_is},
		   {"refuses other lines", refuses_other_lines},
		   {"counts lost events", counts_lost_events}}};

} // namespace
