// SPDX-License-Identifier: GPL-2.0-only
// BTF out of every kind of file, and what the samples read of it.
#include "fake_run.h"
#include "layer/btf/core_fields.h"
#include "layer/btf/external_program.h"
#include "layer/btf/make_types.h"
#include "layer/btf/types_source.h"
#include "layer/symbols/elf_reader.h"
#include "suite.h"

#include <fcntl.h>
#include <fstream>
#include <iterator>

namespace {

std::string file_bytes(const std::string &path)
{
	std::ifstream stream(path, std::ios::binary);
	return {std::istreambuf_iterator<char>(stream), {}};
}

std::string section_bytes(const std::string &path, const char *name)
{
	auto elf = ElfReader::open(path);
	const ElfSection *section = elf ? elf->section(name) : nullptr;
	return section ? std::string(elf->bytes(*section)) : "";
}

void put(std::string &image, size_t at, uint32_t value)
{
	memcpy(&image[at], &value, sizeof(value));
}

// As the kernel's build makes one: setup code, the packed vmlinux, and behind it how long that was.
std::string bzimage(const std::string &packed)
{
	constexpr unsigned setup_sectors = 3, offset = 0x40;
	std::string image((setup_sectors + 1) * 512 + offset, '\0');
	image[0x1f1] = setup_sectors;
	memcpy(&image[0x202], "HdrS", 4);
	put(image, 0x248, offset);
	put(image, 0x24c, static_cast<uint32_t>(packed.size() + 4));
	return image + packed + std::string("\x10\x20\x30\0", 4) + std::string(512, '\x7f');
}

void reads_elf_and_raw()
{
	std::string types = section_bytes(test_object("ring"), ".BTF");
	REQUIRE(!types.empty());
	auto from_elf = read_types(test_object("ring"));
	REQUIRE(from_elf);
	CHECK(*from_elf == types);
	auto from_raw = read_types(MemoryFile(types).path());
	REQUIRE(from_raw);
	CHECK(*from_raw == types);
}

void unpacks_bzimages()
{
	std::string vmlinux = file_bytes(test_object("ring"));
	MemoryFile plain(vmlinux);
	int unpacked = 0;
	for (const char *packer : {"gzip", "xz", "zstd", "lz4", "bzip2"}) {
		UniqueFd in(open(plain.path().c_str(), O_RDONLY | O_CLOEXEC)), out(memfd_create("out", MFD_CLOEXEC));
		std::string option = packer == std::string("lz4") ? "-lc" : "-c"; // the kernel's lz4 is the old format
		auto ran = run_external({packer, option}, {.in = in.get(), .out = out.get()});
		if (!ran) {
			CHECK_EQUAL(ran.error().code, ENOENT);
			continue;
		}
		MemoryFile image(bzimage(file_bytes("/proc/self/fd/" + std::to_string(out.get()))));
		auto types = read_types(image.path());
		CHECK_EQUAL(types ? "" : types.error().message, "");
		CHECK(types && *types == section_bytes(test_object("ring"), ".BTF"));
		unpacked++;
	}
	CHECK(unpacked >= 1);
}

// $1: the kernel, $2: a folder for it, $3: the package to make. Kernels lie beside links to them, and beside other names.
constexpr const char *make_deb = R"(set -e; cd "$2"; mkdir -p d/DEBIAN d/boot d/usr/lib/modules/1.2.3
cp "$1" d/usr/lib/modules/1.2.3/vmlinuz; ln -s /usr/lib/modules/1.2.3/vmlinuz d/boot/vmlinuz-1.2.3; echo no >d/boot/vmlinux-gdb.py
printf 'Package: k\nVersion: 1\nArchitecture: all\nMaintainer: n <n@n>\nDescription: d\n' >d/DEBIAN/control
dpkg-deb --root-owner-group -b d k.deb >&2)";
constexpr const char *make_rpm = R"(set -e; cd "$2"
cat >k.spec <<-END
Name: k
Version: 1
Release: 1
Summary: s
License: GPL
%description
d
%install
mkdir -p %{buildroot}/boot %{buildroot}/lib/modules/1.2.3
cp $1 %{buildroot}/lib/modules/1.2.3/vmlinuz
ln -s /lib/modules/1.2.3/vmlinuz %{buildroot}/boot/vmlinuz-1.2.3
%files
/boot
/lib/modules
END
HOME=$2 rpmbuild -bb --define "_topdir $2" --define '__os_install_post %{nil}' --define 'debug_package %{nil}' --define '_dbpath %{_topdir}/db' k.spec >&2
mv RPMS/*/*.rpm k.rpm)";

// The types of a kernel, after it went through such a package.
void check_package(const char *script, const char *program, const char *unpacker, const std::string &name)
{
	for (const char *needed : {program, unpacker})
		if (!run_external({"sh", "-c", "command -v $0 >/dev/null", needed}))
			skip(fmt::format("there is no {} here", needed));
	char folder[] = "/tmp/anyprobe-test-XXXXXX";
	REQUIRE(mkdtemp(folder));
	MemoryFile kernel(file_bytes(test_object("ring")));
	auto made = run_external({"sh", "-c", script, "sh", kernel.path_for_others(), folder});
	auto types = read_types(std::string(folder) + "/" + name);
	(void)run_external({"rm", "-rf", folder});
	CHECK_EQUAL(made ? "" : made.error().message, "");
	CHECK_EQUAL(types ? "" : types.error().message, "");
	CHECK(types && *types == section_bytes(test_object("ring"), ".BTF"));
}

void unpacks_deb_packages()
{
	check_package(make_deb, "dpkg-deb", "tar", "k.deb");
}

void unpacks_rpm_packages()
{
	check_package(make_rpm, "rpmbuild", "cpio", "k.rpm");
}

std::string refusal(std::string_view content)
{
	MemoryFile file(content);
	auto types = read_types(file.path());
	std::string message = types ? "read" : types.error().message;
	if (auto at = message.find(file.path()); at != message.npos)
		message.replace(at, file.path().size(), "FILE");
	return message;
}

void says_what_holds_no_types()
{
	std::string image = bzimage("\xfd" "7z");
	CHECK_EQUAL(refusal("text"), "btf: failed to find types in FILE: it is no BTF, no ELF file, no bzImage and no package");
	CHECK_EQUAL(refusal(image), "btf: failed to find types in FILE: its kernel is packed in a way that is not known here");
	CHECK_EQUAL(refusal(std::string_view(image).substr(0, 700)),
		    "btf: failed to find types in FILE: it is no BTF, no ELF file, no bzImage and no package");
	CHECK_EQUAL(refusal(""), "btf: failed to find types in FILE: it is no BTF, no ELF file, no bzImage and no package");
	auto missing = read_types("/nonexistent/vmlinux");
	CHECK_EQUAL(missing ? "" : missing.error().message, "btf: failed to open /nonexistent/vmlinux: No such file or directory");
	auto headers = make_types("/nonexistent/build");
	CHECK(!headers && headers.error().message.starts_with("btf: failed to find kernel headers in /nonexistent/build (install "));
}

Result<std::vector<CoreField>> fields_of(const char *sample)
{
	std::string_view bytes = SampleEntry::find(sample)->create()->elf();
	auto elf = ElfReader::from_memory(const_cast<char *>(bytes.data()), bytes.size(), sample);
	if (!elf)
		return elf.error();
	return core_fields(elf->bytes(*elf->section(".BTF")), elf->bytes(*elf->section(".BTF.ext")));
}

bool reads(const std::vector<CoreField> &fields, const std::string &type, const std::vector<std::string> &path)
{
	return std::any_of(fields.begin(), fields.end(),
			   [&](const CoreField &field) { return field.type == type && field.path == path; });
}

void knows_what_samples_read()
{
	auto fields = fields_of("execsnoop");
	REQUIRE(fields);
	CHECK(reads(*fields, "task_struct", {"real_parent"}));
	CHECK(reads(*fields, "task_struct", {"tgid"}));
	fields = fields_of("tcpconnect");
	REQUIRE(fields);
	CHECK(reads(*fields, "sock", {"__sk_common", "skc_daddr"}));
	fields = fields_of("core_fields"); // through an array of structs
	REQUIRE(fields);
	CHECK(reads(*fields, "pid", {"numbers", "nr"}));
	auto damaged = core_fields("", "");
	CHECK(!damaged);
}

// Both records of block_rq_complete, of which a kernel has one.
void one_of_two_will_do()
{
	auto fields = fields_of("biolatency");
	REQUIRE(fields);
	auto missing = [&fields](HandMadeBtf &types) {
		std::string bytes = file_bytes(types.file().path());
		auto view = BtfView::over(bytes);
		std::set<std::string> names;
		for (const CoreField &field : *fields)
			if (view && field.type.starts_with("trace_event_raw_block_rq_comple") && !finds(*view, field))
				names.insert(field.type);
		return names;
	};
	using enum HandMadeBtf::Field::Kind;
	std::vector<HandMadeBtf::Field> record = {{"dev", int_kind, 8}, {"sector", long_kind, 16}, {"nr_sector", int_kind, 24}};
	HandMadeBtf old, fresh, neither;
	old.add("trace_event_raw_block_rq_complete", record);
	fresh.add("trace_event_raw_block_rq_completion", record);
	neither.add("something_else", record);
	CHECK(missing(old).empty());
	CHECK(missing(fresh).empty());
	CHECK(missing(neither) == std::set<std::string>{"trace_event_raw_block_rq_complete"});
}

void finds_members_of_members()
{
	btf *types = btf__new_empty();
	int number = btf__add_int(types, "int", 4, BTF_INT_SIGNED);
	int inner = btf__add_struct(types, nullptr, 8);
	btf__add_field(types, "low", number, 0, 0);
	btf__add_field(types, "high", number, 32, 0);
	int named = btf__add_struct(types, "pair", 8);
	btf__add_field(types, "b", number, 32, 0);
	int alias = btf__add_typedef(types, "pair_t", named);
	btf__add_struct(types, "whole", 24);
	btf__add_field(types, nullptr, inner, 64, 0);
	btf__add_field(types, "pair", alias, 128, 0);
	auto view = btf_view(types);
	REQUIRE(view);
	CHECK_EQUAL(bit_offset(*view, "whole", {"high"}), 96);
	CHECK_EQUAL(bit_offset(*view, "whole", {"pair", "b"}), 160);
	CHECK_EQUAL(bit_offset(*view, "whole", {}), 0);
	CHECK_EQUAL(bit_offset(*view, "whole", {"pair", "c"}), -1);
	CHECK_EQUAL(bit_offset(*view, "nothing", {}), -1);
	btf__free(types);
}

const Suite suite{"btf files",
		  {{"reads ELF files and BTF as it is", reads_elf_and_raw},
		   {"unpacks the kernel of a bzImage", unpacks_bzimages},
		   {"unpacks the kernel of a .deb", unpacks_deb_packages},
		   {"unpacks the kernel of a .rpm", unpacks_rpm_packages},
		   {"says what holds no types", says_what_holds_no_types},
		   {"knows what samples read of kernel structs", knows_what_samples_read},
		   {"one of two types that stand for each other will do", one_of_two_will_do},
		   {"finds members of members", finds_members_of_members}}};

} // namespace
