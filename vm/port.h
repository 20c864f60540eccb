/* SPDX-License-Identifier: GPL-2.0-only */
/* Where the vm lives: the one place that asks. Both ports define the same names. */
#ifndef VM_PORT_H
#define VM_PORT_H

#include "types.h"

#ifdef __KERNEL__
#include "port_kernel.h"
#else
#include "port_user.h"
#endif

#endif
