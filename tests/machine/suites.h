/* SPDX-License-Identifier: GPL-2.0-only */
/* The CUnit suites; each registers itself and returns 0. */
#ifndef TESTS_SUITES_H
#define TESTS_SUITES_H

int maps_register(void);
int programs_register(void);

static inline int suites_register(void)
{
	return maps_register() || programs_register();
}

#endif
