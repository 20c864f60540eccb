// SPDX-License-Identifier: GPL-2.0-only
#include "layer/engine/module_file.h"
#include "layer/unique_fd.h"

#include <climits>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#ifndef MODULE_INIT_COMPRESSED_FILE
#define MODULE_INIT_COMPRESSED_FILE 4
#endif

namespace {

std::string release()
{
	utsname name{};
	uname(&name);
	return name.release;
}

std::string own_folder()
{
	char path[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path));
	std::string own(path, static_cast<size_t>(length > 0 ? length : 0));
	return own.substr(0, own.rfind('/'));
}

bool exists(const std::string &path)
{
	struct stat status;
	return stat(path.c_str(), &status) == 0;
}

std::string first_line(const char *path)
{
	FILE *file = fopen(path, "re");
	char line[128] = "";
	if (file) {
		if (!fgets(line, sizeof(line), file))
			line[0] = '\0';
		fclose(file);
	}
	return line;
}

// Why root may not: all of these give EPERM.
std::string forbidden_to_root()
{
	// "none [integrity] confidentiality": the one in brackets is on.
	std::string lockdown = first_line("/sys/kernel/security/lockdown");
	if (!lockdown.empty() && lockdown.find("[none]") == std::string::npos)
		return "the kernel is locked down and takes signed modules only: sign it with a key that the machine knows "
		       "(docs/module.md)";
	if (first_line("/proc/sys/kernel/modules_disabled")[0] == '1')
		return "kernel.modules_disabled is 1: no module can be loaded until the next boot";
	return "not permitted, even to root: the kernel may be locked down (dmesg says why), or this is a container";
}

Error explained(const std::string &file, int code)
{
	std::string failed = fmt::format("module: failed to load {}: ", file);
	switch (code) {
	case EPERM:
		return {failed + (geteuid() == 0 ? forbidden_to_root() : "not permitted: run as root (sudo)"), code};
	case ENOKEY:
	case EKEYREJECTED:
	case EBADMSG:
		return {failed + "the kernel (secure boot) takes signed modules only: sign it with a key that the machine knows "
				 "(docs/module.md)",
			code};
	case ENOEXEC:
		return {failed + fmt::format("it was built for another kernel than {} (dmesg says more): make modules", release()), code};
	case EINVAL:
	case ENOENT:
		return {failed + "the kernel lacks what it was built against (dmesg says what): make modules", code};
	case ENOSYS:
		return {failed + "this kernel loads no modules (needs CONFIG_MODULES)", code};
	default:
		return errno_error(failed.substr(0, failed.size() - 2), code);
	}
}

} // namespace

bool module_is_loaded()
{
	return exists("/sys/module/anyprobe") || exists("/dev/anyprobe");
}

Result<std::string> find_module_file()
{
	std::string modules = "/lib/modules/" + release();
	for (const std::string &path : {own_folder() + "/module/" + release() + "/anyprobe.ko", own_folder() + "/anyprobe.ko",
					modules + "/updates/dkms/anyprobe.ko", modules + "/extra/anyprobe.ko"})
		for (const char *packed : {"", ".xz", ".zst", ".gz"})
			if (exists(path + packed))
				return path + packed;
	std::string headers = exists(modules + "/build/Makefile") ? "" : fmt::format(
		"; first install the kernel's headers (linux-headers-{0} or kernel-devel-{0})", release());
	return Error{fmt::format("module: failed to find anyprobe.ko for Linux {}: build it with `make modules`{}", release(), headers),
		     ENOENT};
}

Result<void> load_module(const std::string &given)
{
	if (module_is_loaded())
		return {};
	std::string file = given;
	if (file.empty()) {
		auto found = find_module_file();
		if (!found)
			return found.error();
		file = *found;
	}
	UniqueFd fd(open(file.c_str(), O_RDONLY | O_CLOEXEC));
	if (!fd)
		return errno_error("module: failed to open " + file);
	int flags = file.ends_with(".ko") ? 0 : MODULE_INIT_COMPRESSED_FILE;
	if (syscall(__NR_finit_module, fd.get(), "", flags) != 0 && errno != EEXIST)
		return explained(file, errno);
	return {};
}

Result<void> unload_module()
{
	if (syscall(__NR_delete_module, "anyprobe", O_NONBLOCK) == 0)
		return {};
	switch (errno) {
	case ENOENT: return Error{"module: failed to unload anyprobe: it is not loaded", ENOENT};
	case EBUSY:
	case EAGAIN:
		return Error{"module: failed to unload anyprobe: it is in use: end the programs that have /dev/anyprobe open", EBUSY};
	case EPERM: return Error{"module: failed to unload anyprobe: not permitted: run as root (sudo)", EPERM};
	default: return errno_error("module: failed to unload anyprobe");
	}
}
