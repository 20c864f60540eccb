// SPDX-License-Identifier: GPL-2.0-only
#include "layer/symbols/text_file.h"

#include <fcntl.h>
#include <vector>

#include "layer/unique_fd.h"

namespace
{
constexpr size_t buffer_size = 64 * 1024;
}

Result<void> read_lines(const std::string &path, const char *part, void (*each)(void *, std::string_view), void *data)
{
	UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
	if (!fd)
		return errno_error(std::string(part) + ": failed to open " + path);
	std::vector<char> buffer(buffer_size);
	size_t filled = 0;
	bool cut = false; // inside a line that did not fit
	for (;;) {
		ssize_t got = read(fd.get(), buffer.data() + filled, buffer.size() - filled);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return errno_error(std::string(part) + ": failed to read " + path);
		filled += got;
		std::string_view rest(buffer.data(), filled);
		for (size_t end; (end = rest.find('\n')) != std::string_view::npos; rest.remove_prefix(end + 1)) {
			if (!cut)
				each(data, rest.substr(0, end));
			cut = false;
		}
		if (!rest.empty() && (!got || rest.size() == buffer.size())) {
			if (!cut)
				each(data, rest);
			cut = got;
			rest.remove_prefix(rest.size());
		}
		if (!got)
			return {};
		memmove(buffer.data(), rest.data(), rest.size());
		filled = rest.size();
	}
}

uint64_t take_hex(std::string_view &text)
{
	uint64_t value = 0;
	if (text.substr(0, 2) == "0x")
		text.remove_prefix(2);
	for (; !text.empty(); text.remove_prefix(1)) {
		char c = text.front();
		if (c >= '0' && c <= '9')
			value = value << 4 | (c - '0');
		else if (c >= 'a' && c <= 'f')
			value = value << 4 | (c - 'a' + 10);
		else if (c >= 'A' && c <= 'F')
			value = value << 4 | (c - 'A' + 10);
		else
			break;
	}
	return value;
}
