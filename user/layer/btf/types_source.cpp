// SPDX-License-Identifier: GPL-2.0-only
#include "layer/btf/types_source.h"
#include "layer/btf/external_program.h"
#include "layer/btf_view.h"
#include "layer/symbols/elf_reader.h"
#include "layer/unique_fd.h"

#include <array>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/btf.h>

namespace {

struct Packer {
	std::string_view magic;
	const char *program;
};

constexpr Packer packers[] = {
	{{"\x1f\x8b", 2}, "gzip"},
	{{"\xfd" "7zXZ\0", 6}, "xz"},
	{{"\x28\xb5\x2f\xfd", 4}, "zstd"},
	{{"\x02\x21\x4c\x18", 4}, "lz4"},
	{"BZh", "bzip2"},
	{{"\x89LZO", 4}, "lzop"},
	{{"\x5d\0\0", 3}, "lzma"},
};

Error no_types(const std::string &path, const char *why)
{
	return {fmt::format("btf: failed to find types in {}: {}", path, why), EINVAL};
}

// Gone when it is closed. (memfd_create is younger than kernels whose types one wants.)
Result<UniqueFd> temporary_file()
{
	const char *directory = getenv("TMPDIR");
	std::string path = fmt::format("{}/anyprobe-XXXXXX", directory && *directory ? directory : "/tmp");
	UniqueFd file(mkostemp(path.data(), O_CLOEXEC));
	if (!file)
		return errno_error("btf: failed to create " + path);
	unlink(path.c_str());
	return file;
}

std::string path_of(const UniqueFd &file)
{
	return fmt::format("/proc/self/fd/{}", file.get());
}

Result<std::string> types_of_elf(const std::string &path, const std::string &name)
{
	auto elf = ElfReader::open(path);
	if (!elf)
		return elf.error();
	const ElfSection *section = elf->section(".BTF");
	if (!section)
		return no_types(name, "it has no .BTF section (a kernel built without CONFIG_DEBUG_INFO_BTF); "
				      "`anyprobe btf make --headers KDIR -o FILE` makes them from the kernel's headers");
	return std::string(elf->bytes(*section));
}

// Where the packed kernel lies in an x86 bzImage. Source: the kernel's Documentation/arch/x86/boot.rst.
std::string_view bzimage_payload(std::string_view image)
{
	constexpr size_t sectors_at = 0x1f1, magic_at = 0x202, offset_at = 0x248, length_at = 0x24c, header_size = 0x250;
	if (image.size() < header_size || image.substr(magic_at, 4) != "HdrS")
		return {};
	uint32_t offset, length;
	memcpy(&offset, &image[offset_at], sizeof(offset));
	memcpy(&length, &image[length_at], sizeof(length));
	unsigned sectors = static_cast<unsigned char>(image[sectors_at]);
	uint64_t start = ((sectors ? sectors : 4) + 1) * 512ULL + offset;
	if (start > image.size() || length > image.size() - start)
		return {};
	return image.substr(start, length);
}

// Four bytes behind the payload say how long it was, which the programs take for garbage: what they make of the rest
// counts, not their exit status.
Result<std::string> types_of_payload(std::string_view payload, const std::string &name)
{
	for (const Packer &packer : packers) {
		if (!payload.starts_with(packer.magic))
			continue;
		auto packed = temporary_file(), unpacked = temporary_file();
		if (!packed || !unpacked)
			return packed ? unpacked.error() : packed.error();
		if (write(packed->get(), payload.data(), payload.size()) != static_cast<ssize_t>(payload.size()) ||
		    lseek(packed->get(), 0, SEEK_SET) != 0)
			return errno_error("btf: failed to unpack " + name);
		auto ran = run_external({packer.program, "-dcq"}, {.in = packed->get(), .out = unpacked->get()});
		if (!ran && ran.error().code == ENOENT)
			return Error{fmt::format("btf: failed to unpack {}: this machine has no {}: install it", name, packer.program), ENOENT};
		return types_of_elf(path_of(*unpacked), name);
	}
	return no_types(name, "its kernel is packed in a way that is not known here");
}

Result<std::string> types_of_package(const std::vector<std::string> &command, const std::string &path)
{
	auto content = temporary_file();
	if (!content)
		return content.error();
	if (auto ran = run_external(command, {.out = content->get(), .err = 2}); !ran)
		return Error{fmt::format("btf: failed to unpack {}: {}", path, ran.error().message), ran.error().code};
	if (lseek(content->get(), 0, SEEK_END) == 0)
		return no_types(path, "the package holds no vmlinux and no vmlinuz");
	return read_types(path_of(*content));
}

// $1 is the package. Its listing is as of ls -l: only plain files count, for beside them lie links to them. Of several, the
// first.
#define CHOOSE_KERNEL "awk '/^-/ && $NF ~ /(^|\\/)vmlinu[xz](-[^\\/]*)?$/ && !/\\.py$/ && !found++ {print $NF}'"
constexpr const char *from_deb = "f=$(dpkg-deb --fsys-tarfile \"$1\" | tar -tv | " CHOOSE_KERNEL "); "
				 "[ -z \"$f\" ] || dpkg-deb --fsys-tarfile \"$1\" | tar -xO \"$f\"";
constexpr const char *from_rpm = "f=$(rpm2cpio \"$1\" | cpio -tv --quiet | " CHOOSE_KERNEL "); "
				 "[ -z \"$f\" ] || rpm2cpio \"$1\" | cpio -i --quiet --to-stdout \"$f\"";

} // namespace

Result<std::string> read_types(const std::string &path)
{
	auto file = FileBytes::open(path);
	if (!file)
		return Error{"btf: " + file.error().message, file.error().code};
	std::string_view bytes(file->bytes().data(), file->bytes().size());
	if (BtfView::over(file->bytes()))
		return std::string(bytes);
	if (bytes.starts_with("\x7f" "ELF"))
		return types_of_elf(path, path);
	if (bytes.starts_with("!<arch>\ndebian"))
		return types_of_package({"sh", "-c", from_deb, "sh", path}, path);
	if (bytes.starts_with("\xed\xab\xee\xdb"))
		return types_of_package({"sh", "-c", from_rpm, "sh", path}, path);
	if (auto payload = bzimage_payload(bytes); !payload.empty())
		return types_of_payload(payload, path);
	return no_types(path, "it is no BTF, no ELF file, no bzImage and no package");
}
