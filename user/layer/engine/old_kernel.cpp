// SPDX-License-Identifier: GPL-2.0-only
#include "layer/engine/old_kernel.h"
#include "layer/engine/constants.h"
#include "layer/engine/explain.h"

#include <algorithm>
#include <cstdio>
#include <elf.h>
#include <fmt/format.h>
#include <iterator>
#include <link.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace {

long bpf(int command, bpf_attr &attr, unsigned size)
{
	return syscall(__NR_bpf, command, &attr, size);
}

std::span<const bpf_insn> program_of(const bpf_attr &attr)
{
	return {reinterpret_cast<const bpf_insn *>(attr.insns), attr.insn_cnt};
}

// libbpf asks for global data by storing 42 into a map's value.
bool is_question(std::span<const bpf_insn> program)
{
	return program.size() == 5 && program[2].code == (BPF_ST | BPF_DW | BPF_MEM) && program[2].imm == 42;
}

// Yes, if anything can be loaded: as a tracepoint program, for vendors' kernels have no socket filters.
long answer_question()
{
	constexpr bpf_insn return_zero[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0},
		{.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0},
	};
	bpf_attr attr{};
	attr.prog_type = BPF_PROG_TYPE_TRACEPOINT;
	attr.insns = reinterpret_cast<__u64>(return_zero);
	attr.insn_cnt = std::size(return_zero);
	attr.license = reinterpret_cast<__u64>("GPL");
	return bpf(BPF_PROG_LOAD, attr, sizeof(attr));
}

// Where the verifier would have said why.
void write_log(const bpf_attr &attr, const std::string &why)
{
	explain(why);
	if (attr.log_buf && attr.log_size)
		snprintf(reinterpret_cast<char *>(attr.log_buf), attr.log_size, "%s\n", why.c_str());
}

} // namespace

long OldKernel::create_map(const bpf_attr &attr, unsigned size)
{
	bpf_attr plain{};
	memcpy(&plain, &attr, std::min<size_t>(size, sizeof(plain)));
	if (!(attr.map_flags & BPF_F_RDONLY_PROG))
		return -1;
	long fd = -1;
	for (__u32 unknown : {BPF_F_MMAPABLE, BPF_F_RDONLY_PROG}) { // 5.5, 5.2
		plain.map_flags &= ~unknown;
		if (fd < 0)
			fd = bpf(BPF_MAP_CREATE, plain, sizeof(plain));
	}
	if (fd < 0)
		return fd;
	frozen_.erase(static_cast<int>(fd));
	plain_.insert(static_cast<int>(fd));
	constants_size_ = attr.value_size;
	return fd;
}

long OldKernel::freeze_map(const bpf_attr &attr)
{
	auto fd = static_cast<int>(attr.map_fd);
	std::vector<unsigned char> value((constants_size_ + 7) / 8 * 8);
	__u32 zero = 0;
	bpf_attr lookup{};
	lookup.map_fd = attr.map_fd;
	lookup.key = reinterpret_cast<__u64>(&zero);
	lookup.value = reinterpret_cast<__u64>(value.data());
	if (!constants_size_ || bpf(BPF_MAP_LOOKUP_ELEM, lookup, sizeof(lookup)) != 0)
		return -1;
	value.resize(constants_size_);
	constants_size_ = 0;
	frozen_[fd] = std::move(value);
	return 0;
}

long OldKernel::load_program(const bpf_attr &attr, unsigned size)
{
	bpf_attr plain{};
	memcpy(&plain, &attr, std::min<size_t>(size, sizeof(plain)));
	auto program = program_of(attr);
	std::vector<bpf_insn> folded;
	if (reads_global_data(program)) {
		if (is_question(program))
			return answer_question();
		auto constants = [this](int fd) {
			auto found = frozen_.find(fd);
			return found == frozen_.end() ? nullptr : &found->second;
		};
		auto done = fold_constants(program, constants);
		if (!done)
			return write_log(attr, done.error().message), errno = EINVAL, -1;
		folded = std::move(*done);
		explain(fmt::format("constants written into the instructions, {} of them instead of {}", folded.size(), program.size()));
		plain.insns = reinterpret_cast<__u64>(folded.data());
		plain.insn_cnt = static_cast<__u32>(folded.size());
		plain.func_info = plain.line_info = 0;
		plain.func_info_cnt = plain.line_info_cnt = plain.func_info_rec_size = plain.line_info_rec_size = plain.prog_btf_fd = 0;
	} else if (errno != EINVAL || !version_of_vdso() || attr.kern_version == version_of_vdso() || attr.prog_type != BPF_PROG_TYPE_KPROBE) {
		return -1;
	}
	if (version_of_vdso())
		plain.kern_version = version_of_vdso();
	return bpf(BPF_PROG_LOAD, plain, sizeof(plain));
}

long OldKernel::answer(int command, const bpf_attr &attr, unsigned size)
{
	int refused = errno;
	long result = -1;
	if (refused == EINVAL && command == BPF_MAP_CREATE)
		result = create_map(attr, size);
	else if (refused == EINVAL && command == BPF_MAP_FREEZE)
		result = freeze_map(attr);
	else if ((refused == EINVAL || refused == EACCES || refused == E2BIG) && command == BPF_PROG_LOAD)
		result = load_program(attr, size);
	if (result < 0 && command != BPF_PROG_LOAD)
		errno = refused;
	return result;
}

uint32_t version_of_vdso()
{
	auto *start = reinterpret_cast<const char *>(getauxval(AT_SYSINFO_EHDR));
	if (!start)
		return 0;
	auto *header = reinterpret_cast<const ElfW(Ehdr) *>(start);
	auto *parts = reinterpret_cast<const ElfW(Phdr) *>(start + header->e_phoff);
	for (unsigned i = 0; i < header->e_phnum; i++) {
		if (parts[i].p_type != PT_NOTE)
			continue;
		const char *at = start + parts[i].p_offset, *end = at + parts[i].p_filesz;
		while (at + sizeof(ElfW(Nhdr)) <= end) {
			ElfW(Nhdr) note;
			memcpy(&note, at, sizeof(note));
			const char *name = at + sizeof(note), *value = name + (note.n_namesz + 3) / 4 * 4;
			uint32_t version;
			if (note.n_type == 0 && note.n_namesz == 6 && !memcmp(name, "Linux", 6) && note.n_descsz == sizeof(version) &&
			    value + sizeof(version) <= end)
				return memcpy(&version, value, sizeof(version)), version;
			at = value + (note.n_descsz + 3) / 4 * 4;
		}
	}
	return 0;
}
