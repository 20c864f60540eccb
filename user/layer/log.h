// SPDX-License-Identifier: GPL-2.0-only
// libbpf's messages: kept, so that a failure can be told in one line; shown as they come with --explain.
#pragma once

#include "layer/result.h"

#include <string>

void log_start();
// `what`, and why: the text of `code` (an errno, or one of libbpf's own), and what libbpf or the verifier said.
Error log_error(const std::string &what, int code);
