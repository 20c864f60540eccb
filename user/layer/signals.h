// SPDX-License-Identifier: GPL-2.0-only
// SIGINT and SIGTERM end a trace in good order; SIGPIPE is an error of the write instead.
#pragma once

void catch_signals();
// One of them came.
bool signalled();
