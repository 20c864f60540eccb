// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include "layer/output/output.h"

// An address in its usual text form; version 4: of the first four bytes, version 6: of all sixteen.
Cell ip_address(int version, const uint8_t (&bytes)[16]);
