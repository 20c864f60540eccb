// SPDX-License-Identifier: GPL-2.0-only
#include "layer/symbols/syscall_name.h"

#include <iterator>

namespace {

struct NamedCall {
	unsigned number;
	const char *name;
};

// Written by the Makefile from <asm/unistd.h>.
constexpr NamedCall calls[] = {
#include "syscall_names.inc"
};

// Since 5.1 a new call has one number on all architectures. Those that an older <asm/unistd.h> lacks.
constexpr unsigned first_common = 451;
constexpr const char *common[] = {
	"cachestat",	     "fchmodat2",     "map_shadow_stack", "futex_wake",	    "futex_wait",
	"futex_requeue",     "statmount",     "listmount",	  "lsm_get_self_attr", "lsm_set_self_attr",
	"lsm_list_modules",  "mseal",	      "setxattrat",	  "getxattrat",	    "listxattrat",
	"removexattrat",     "open_tree_attr", "file_getattr",	  "file_setattr",
};

} // namespace

std::string syscall_name(unsigned number)
{
	for (const NamedCall &call : calls)
		if (call.number == number)
			return call.name;
	if (number >= first_common && number - first_common < std::size(common))
		return common[number - first_common];
	return "syscall_" + std::to_string(number);
}
