// SPDX-License-Identifier: GPL-2.0-only
/* Decoder and checker on any bytes; what the checker lets through must run as well. */
#include "run_program.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	fuzz_run(data, size, 0);
	return 0;
}
