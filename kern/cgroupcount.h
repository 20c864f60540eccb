/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

#define CGROUPS 4096 /* that are counted at a time */
