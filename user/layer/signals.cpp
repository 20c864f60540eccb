// SPDX-License-Identifier: GPL-2.0-only
#include "layer/signals.h"

#include <csignal>
#include <initializer_list>

namespace {
volatile sig_atomic_t came = 0;

void remember(int)
{
	came = 1;
}
}

void catch_signals()
{
	struct sigaction action{};
	action.sa_handler = remember; // no SA_RESTART: poll() is to return
	for (int number : {SIGINT, SIGTERM, SIGHUP})
		sigaction(number, &action, nullptr);
	signal(SIGPIPE, SIG_IGN);
}

bool signalled()
{
	return came;
}
