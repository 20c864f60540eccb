// SPDX-License-Identifier: GPL-2.0-only
/* The names of the two copies of place_vm.c. */
#include <string.h>
#include "machine.h"

extern const char user_place_name[], kernel_style_place_name[];
const char user_place_name[] = "vm in user space", kernel_style_place_name[] = "vm built as for the kernel";

int compare_elements(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct element));
}
