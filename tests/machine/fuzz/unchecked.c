// SPDX-License-Identifier: GPL-2.0-only
/* Any bytes run without the checker: the run-time checks alone must keep the program inside. */
#include "run_program.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	fuzz_run(data, size, VM_LOAD_UNCHECKED);
	return 0;
}
