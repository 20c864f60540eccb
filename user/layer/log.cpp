// SPDX-License-Identifier: GPL-2.0-only
#include "layer/log.h"
#include "layer/engine/explain.h"

#include <bpf/libbpf.h>
#include <cstdarg>
#include <cstdio>
#include <fmt/format.h>
#include <sstream>
#include <string_view>

namespace {

std::string *kept = nullptr; // warnings since log_start()

int keep(libbpf_print_level level, const char *format, va_list arguments)
{
	if (level == LIBBPF_DEBUG)
		return 0;
	char *text = nullptr;
	int length = vasprintf(&text, format, arguments);
	if (length < 0)
		return 0;
	std::string line(text, static_cast<size_t>(length));
	free(text);
	if (level == LIBBPF_WARN)
		*kept += line;
	if (!line.empty() && line.back() == '\n')
		line.pop_back();
	explain(line);
	return 0;
}

// The verifier's reason is the last line before its statistics; libbpf's own warnings start with "libbpf:".
std::string reason()
{
	std::istringstream lines(*kept);
	std::string line, own, verifier;
	bool in_log = false;
	while (std::getline(lines, line)) {
		if (line.find("-- BEGIN PROG LOAD LOG --") != line.npos)
			in_log = true;
		else if (line.find("-- END PROG LOAD LOG --") != line.npos)
			in_log = false;
		else if (in_log && !line.starts_with("processed ") && !line.starts_with("verification time") &&
			 !line.starts_with("stack depth") && !line.empty() && !isdigit(static_cast<unsigned char>(line[0])))
			verifier = line;
		else if (!in_log && line.starts_with("libbpf: ") && own.empty())
			own = line.substr(8);
	}
	if (!verifier.empty())
		return "the verifier says: " + verifier;
	return own;
}

std::string text_of(int code)
{
	char text[128] = "";
	libbpf_strerror(code, text, sizeof(text));
	return text;
}

} // namespace

void log_start()
{
	static std::string text;
	kept = &text;
	text.clear();
	libbpf_set_print(keep);
}

Error log_error(const std::string &what, int code)
{
	std::string why = kept ? reason() : "";
	std::string errno_text = text_of(code);
	if (why.empty() || why.ends_with(errno_text))
		return {what + ": " + (why.empty() ? errno_text : why), code};
	// libbpf's own numbers say less than its words.
	if (code >= __LIBBPF_ERRNO__START)
		return {what + ": " + why, code};
	return {fmt::format("{}: {} ({})", what, errno_text, why), code};
}
