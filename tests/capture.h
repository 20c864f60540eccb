// SPDX-License-Identifier: GPL-2.0-only
// What this process prints, caught for a while.
#pragma once

#include "layer/unique_fd.h"

#include <cstdio>
#include <string>
#include <sys/mman.h>

class Capture
{
	FILE *stream_;
	UniqueFd kept_, file_;

      public:
	// `stream` is stdout or stderr.
	explicit Capture(FILE *stream) : stream_(stream), file_(memfd_create("capture", MFD_CLOEXEC))
	{
		fflush(stream_);
		kept_ = UniqueFd(dup(fileno(stream_)));
		dup2(file_.get(), fileno(stream_));
	}
	~Capture() { restore(); }

	// Ends it; what was printed.
	std::string text()
	{
		restore();
		std::string text;
		char block[4096];
		for (ssize_t got;
		     (got = pread(file_.get(), block, sizeof(block), static_cast<off_t>(text.size()))) > 0;)
			text.append(block, static_cast<size_t>(got));
		return text;
	}

      private:
	void restore()
	{
		if (!kept_)
			return;
		fflush(stream_);
		dup2(kept_.get(), fileno(stream_));
		kept_.reset();
	}
};
