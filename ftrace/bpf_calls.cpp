// SPDX-License-Identifier: GPL-2.0-only
// bpf(2), which is the vm's, with what is this process's of it: memory that user space maps too, and descriptors.
#include "ftrace/objects.h"
#include "ftrace/perf_buffer.h"
#include "layer/engine/refusal.h"
#include "vm/bpf.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>

namespace {

long fail(int code)
{
	errno = code;
	return -1;
}

template <class T> T *pointer(__u64 address)
{
	return reinterpret_cast<T *>(address);
}

// In the order of the file: consumer's page, producer's page, data.
bool make_ring_memory(MapObject &object, size_t size)
{
	object.file = anonymous_file("ring buffer", 2 * page_size() + size);
	if (!object.file)
		return false;
	void *start = map_ring(object.file.get(), 0, 2 * page_size(), size, PROT_READ | PROT_WRITE);
	if (start == MAP_FAILED)
		return false;
	object.memory = Mapping::own(start, 2 * page_size() + 2 * size);
	return true;
}

// The file that stands for the map; for what user space can map, with the map's memory in it.
bool make_memory(MapObject &object, const struct vm_map_attr &attr)
{
	if (attr.type == VM_MAP_RINGBUF && attr.max_entries && attr.max_entries % page_size() == 0)
		return make_ring_memory(object, attr.max_entries);
	size_t size = 0;
	if (attr.type == VM_MAP_ARRAY && (attr.flags & VM_F_MMAPABLE)) {
		size = (size_t(attr.value_size) + 7) / 8 * 8 * attr.max_entries;
		size = (size + page_size() - 1) / page_size() * page_size();
	}
	object.file = anonymous_file(attr.name[0] ? attr.name : "map", size);
	if (object.file && size)
		object.memory = Mapping::of(object.file.get(), size);
	return object.file && (!size || object.memory);
}

long descriptor_of(const UniqueFd &file)
{
	return fcntl(file.get(), F_DUPFD_CLOEXEC, 3);
}

void object_forget(void *)
{
}

// Perf buffers belong to the table of objects: a map only refers to them.
constexpr vm_object_ops perf_buffer_ops = {.put = object_forget, .id = nullptr};

int copy_in(void *to, u64 from, u64 size)
{
	memcpy(to, pointer<void>(from), size);
	return 0;
}

int copy_out(u64 to, const void *from, u64 size)
{
	memcpy(pointer<void>(to), from, size);
	return 0;
}

// The header of BTF, as far as it is needed to find the strings.
struct BtfHeader {
	__u16 magic;
	__u8 version, flags;
	__u32 header_size, type_offset, type_size, string_offset, string_size;
};

std::string strings_of(const std::string &btf)
{
	BtfHeader header;
	if (btf.size() < sizeof(header))
		return "";
	memcpy(&header, btf.data(), sizeof(header));
	size_t start = size_t(header.header_size) + header.string_offset;
	return start < btf.size() ? btf.substr(start, header.string_size) : "";
}

std::vector<vm_line> lines_of(const union bpf_attr &a)
{
	std::vector<vm_line> lines;
	if (!a.line_info || a.line_info_rec_size < sizeof(vm_line))
		return lines;
	lines.resize(a.line_info_cnt);
	for (__u32 i = 0; i < a.line_info_cnt; i++)
		memcpy(&lines[i], pointer<const char>(a.line_info) + size_t(i) * a.line_info_rec_size, sizeof(vm_line));
	return lines;
}

} // namespace

// One call that the vm answers.
struct Objects::Call {
	Objects &objects;
	const union bpf_attr &attr; // all of it: the vm does not know about types
	ProgramObject *program = nullptr; // that is being loaded

	static Call &of(void *data) { return *static_cast<Call *>(data); }

	static int map_by_fd(void *data, int fd, vm_map **map)
	{
		MapObject *object = of(data).objects.map(fd);
		if (!object)
			return -EBADF;
		if (of(data).program)
			of(data).program->maps[fd] = object;
		vm_map_get(object->map);
		*map = object->map;
		return 0;
	}

	static int program_by_fd(void *data, int fd, vm_program **program)
	{
		ProgramObject *object = of(data).objects.program(fd);
		if (!object)
			return -EBADF;
		vm_program_get(object->program);
		*program = object->program;
		return 0;
	}

	static int object_by_fd(void *data, int fd, void **object)
	{
		*object = of(data).objects.perf_buffer(fd);
		return *object ? 0 : -EBADF;
	}

	static int map_create(void *data, struct vm_map_attr *attr) { return of(data).objects.create_map(*attr); }

	static int map_freeze(void *data, int fd)
	{
		MapObject *object = of(data).objects.map(fd);
		if (!object)
			return -EBADF;
		object->frozen = true;
		return vm_map_freeze(object->map);
	}

	static int program_load(void *data, vm_load *load) { return of(data).objects.load_program(of(data), *load); }
};

long Objects::bpf(int command, union bpf_attr *attr, unsigned size)
{
	union bpf_attr whole{};
	memcpy(&whole, attr, std::min<size_t>(size, sizeof(whole)));
	if (command == BPF_BTF_LOAD)
		return load_types(whole);
	if (command == BPF_PROG_BIND_MAP)
		return 0;
	Call call{*this, whole};
	const struct vm_bpf calls = {.copy_in = copy_in,
				     .copy_out = copy_out,
				     .map_by_fd = Call::map_by_fd,
				     .program_by_fd = Call::program_by_fd,
				     .object_by_fd = Call::object_by_fd,
				     .map_create = Call::map_create,
				     .program_load = Call::program_load,
				     .map_freeze = Call::map_freeze,
				     .program_test = nullptr,
				     .data = &call};
	int result = vm_bpf(&calls, static_cast<u32>(command), reinterpret_cast<u64>(attr), size);
	if (result < 0 && command == BPF_PROG_LOAD)
		explain_refusal(whole);
	return result < 0 ? fail(-result) : result;
}

int Objects::create_map(struct vm_map_attr &attr)
{
	attr.objects = &perf_buffer_ops;
	auto object = std::make_unique<MapObject>();
	if (!make_memory(*object, attr))
		return -ENOMEM;
	attr.memory = object->memory.start();
	if (int err = vm_map_create(&attr, &object->map))
		return err;
	long fd = descriptor_of(object->file);
	if (fd < 0)
		return -errno;
	maps_[inode_of(static_cast<int>(fd))] = std::move(object);
	return static_cast<int>(fd);
}

long Objects::load_types(const union bpf_attr &a)
{
	TypesObject types;
	types.file = anonymous_file("btf", 0);
	if (!types.file)
		return -1;
	types.bytes.assign(pointer<const char>(a.btf), a.btf_size);
	long fd = descriptor_of(types.file);
	if (fd >= 0)
		types_[inode_of(static_cast<int>(fd))] = std::move(types);
	return fd;
}

int Objects::load_program(Call &call, vm_load &load)
{
	auto object = std::make_unique<ProgramObject>();
	const union bpf_attr &a = call.attr;
	object->name = std::string(load.name, strnlen(load.name, sizeof(load.name)));
	object->attach_type = a.expected_attach_type;
	object->insns.assign(load.insns, load.insns + load.insn_count);
	if (auto types = types_.find(inode_of(static_cast<int>(a.prog_btf_fd))); a.line_info && types != types_.end()) {
		object->lines = lines_of(a);
		object->strings = strings_of(types->second.bytes);
	}
	call.program = object.get();
	load.lines = object->lines.data();
	load.line_count = static_cast<u32>(object->lines.size());
	load.strings = object->strings.data();
	load.strings_size = static_cast<u32>(object->strings.size());
	if (int err = vm_program_load(&load, &object->program))
		return err;
	UniqueFd file = anonymous_file(object->name.empty() ? "program" : object->name.c_str(), 0);
	if (!file)
		return -errno;
	programs_[inode_of(file.get())] = std::move(object);
	return file.release();
}
