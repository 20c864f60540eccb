// SPDX-License-Identifier: GPL-2.0-only
#include "layer/output/output_file.h"
#include "layer/unique_fd.h"

#include <fcntl.h>

Result<void> write_output_file(const std::string &path, std::string_view content)
{
	UniqueFd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
	if (!fd)
		return errno_error("output: failed to open " + path);
	while (!content.empty()) {
		ssize_t written = write(fd.get(), content.data(), content.size());
		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return errno_error("output: failed to write " + path);
		content.remove_prefix(static_cast<size_t>(written));
	}
	// Some file systems tell of a full disk only now.
	if (close(fd.release()) != 0)
		return errno_error("output: failed to write " + path);
	return {};
}
