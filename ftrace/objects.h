// SPDX-License-Identifier: GPL-2.0-only
// The maps, programs and types that live in this process, each behind a file descriptor.
//
// libbpf dups descriptors and closes them as it likes, so an object is known by its file's inode. Objects stay until the
// engine ends: what libbpf makes for a moment, to see whether it can, is small.
#pragma once

#include "ftrace/anonymous_file.h"
#include "vm/vm.h"

#include <linux/bpf.h>
#include <map>
#include <memory>
#include <string>
#include <vector>

class PerfBuffer;

struct MapObject {
	UniqueFd file;
	Mapping memory; // of arrays and ring buffers: what user space maps too
	vm_map *map = nullptr;
	bool frozen = false;

	MapObject() = default;
	MapObject(const MapObject &) = delete;
	MapObject &operator=(const MapObject &) = delete;
	~MapObject() { vm_map_put(map); }
	const struct vm_map_attr &attr() const { return *vm_map_attr(map); }
};

struct ProgramObject {
	std::string name;
	vm_program *program = nullptr;
	unsigned attach_type = 0; // expected_attach_type
	std::vector<vm_insn> insns; // as libbpf has relocated them
	std::map<int, MapObject *> maps; // by the descriptors that stand in the instructions
	std::vector<vm_line> lines;
	std::string strings; // of its BTF: what `lines` refers to

	ProgramObject() = default;
	ProgramObject(const ProgramObject &) = delete;
	ProgramObject &operator=(const ProgramObject &) = delete;
	~ProgramObject() { vm_program_put(program); }
	unsigned type() const { return vm_program_type(program); }
};

struct TypesObject {
	UniqueFd file;
	std::string bytes; // BTF
};

class Objects {
	std::map<ino_t, std::unique_ptr<MapObject>> maps_;
	std::map<ino_t, TypesObject> types_;
	std::map<ino_t, std::unique_ptr<PerfBuffer>> perf_buffers_;
	std::map<ino_t, std::unique_ptr<ProgramObject>> programs_; // last, for they hold maps

	struct Call;
	// A descriptor, or a negative errno.
	int create_map(struct vm_map_attr &attr);
	int load_program(Call &call, vm_load &load);
	long load_types(const union bpf_attr &attr);

public:
	Objects();
	~Objects();

	// bpf(2), as Engine::bpf.
	long bpf(int command, union bpf_attr *attr, unsigned size);
	// The descriptor of a perf event that a program will send records to (PERF_COUNT_SW_BPF_OUTPUT).
	long open_perf_buffer();
	// As mmap(2), for a descriptor of this process.
	void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset);

	// nullptr: the descriptor is none of ours.
	MapObject *map(int fd);
	ProgramObject *program(int fd);
	PerfBuffer *perf_buffer(int fd);
	bool owns(int fd);
	// Those whose descriptor is still open: libbpf closes that of one that it only tried, or that was unloaded.
	std::vector<const ProgramObject *> programs() const;

	// Is a ring or perf buffer filled by half, or more? Then it is time to let the reader empty it.
	bool is_filling();
};
