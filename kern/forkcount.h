/* SPDX-License-Identifier: GPL-2.0-only */
/* The slots in which kern/forkcount_kern.c counts; user/forkcount_user.cpp reads them. */
#pragma once

enum fork_kind {
	FORK_PROCESS,
	FORK_THREAD,
	FORK_KINDS,
};
