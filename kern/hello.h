/* SPDX-License-Identifier: GPL-2.0-only */
/* How the lines of kern/hello_kern.c begin, among all that come through trace_pipe. */
#pragma once

#define HELLO_MARK "hello from clone"
