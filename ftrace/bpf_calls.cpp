// SPDX-License-Identifier: GPL-2.0-only
// bpf(2), answered in this process: what libbpf asks, with the kernel's errors.
#include "ftrace/objects.h"
#include "ftrace/perf_buffer.h"
#include "layer/engine/refusal.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>

namespace {

long fail(int code)
{
	errno = code;
	return -1;
}

// The vm's way: 0 or more, or a negative errno.
long answer(long result)
{
	return result < 0 ? fail(static_cast<int>(-result)) : result;
}

template <class T> T *pointer(__u64 address)
{
	return reinterpret_cast<T *>(address);
}

template <size_t N> std::string fixed_string(const char (&text)[N])
{
	return std::string(text, strnlen(text, N));
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

} // namespace

long Objects::bpf(int command, union bpf_attr *attr, unsigned size)
{
	union bpf_attr whole{};
	memcpy(&whole, attr, std::min<size_t>(size, sizeof(whole)));
	switch (command) {
	case BPF_MAP_CREATE:
		return create_map(whole);
	case BPF_MAP_LOOKUP_ELEM:
	case BPF_MAP_UPDATE_ELEM:
	case BPF_MAP_DELETE_ELEM:
	case BPF_MAP_GET_NEXT_KEY:
	case BPF_MAP_LOOKUP_AND_DELETE_ELEM:
	case BPF_MAP_FREEZE:
		return map_element(command, &whole);
	case BPF_PROG_LOAD:
		return load_program(whole);
	case BPF_BTF_LOAD:
		return load_types(whole);
	case BPF_OBJ_GET_INFO_BY_FD:
		return info(attr);
	case BPF_PROG_BIND_MAP:
		return 0;
	default:
		return fail(EINVAL);
	}
}

long Objects::create_map(const union bpf_attr &a)
{
	struct vm_map_attr attr{};
	attr.type = a.map_type;
	attr.key_size = a.key_size;
	attr.value_size = a.value_size;
	attr.max_entries = a.max_entries;
	attr.flags = a.map_flags;
	attr.extra = a.map_extra;
	memcpy(attr.name, a.map_name, sizeof(attr.name));
	attr.objects = &perf_buffer_ops;
	if (attr.type == VM_MAP_ARRAY_OF_MAPS || attr.type == VM_MAP_HASH_OF_MAPS) {
		MapObject *inner = map(static_cast<int>(a.inner_map_fd));
		if (!inner)
			return fail(EBADF);
		attr.inner = inner->map;
	}
	auto object = std::make_unique<MapObject>();
	if (!make_memory(*object, attr))
		return fail(ENOMEM);
	attr.memory = object->memory.start();
	if (int err = vm_map_create(&attr, &object->map))
		return answer(err);
	long fd = descriptor_of(object->file);
	if (fd >= 0)
		maps_[inode_of(static_cast<int>(fd))] = std::move(object);
	return fd;
}

// The value is bytes, or the descriptor of what a map of objects is to hold.
long Objects::update_element(const union bpf_attr &a, MapObject &object)
{
	const void *key = pointer<void>(a.key), *value = pointer<void>(a.value);
	int fd = -1;
	switch (object.attr().type) {
	case VM_MAP_PERF_EVENT_ARRAY:
	case VM_MAP_PROG_ARRAY:
	case VM_MAP_ARRAY_OF_MAPS:
	case VM_MAP_HASH_OF_MAPS:
		memcpy(&fd, value, sizeof(fd));
		break;
	default:
		return answer(vm_map_update(object.map, key, value, a.flags));
	}
	void *held = nullptr;
	if (object.attr().type == VM_MAP_PERF_EVENT_ARRAY) {
		held = perf_buffer(fd);
	} else if (object.attr().type == VM_MAP_PROG_ARRAY) {
		ProgramObject *program_object = program(fd);
		held = program_object ? program_object->program : nullptr;
		if (held)
			vm_program_get(program_object->program);
	} else if (MapObject *inner = map(fd)) {
		held = inner->map;
		vm_map_get(inner->map);
	}
	if (!held)
		return fail(EBADF);
	int err = vm_map_set_object(object.map, key, held, a.flags);
	if (err)
		vm_map_put_object(object.map, held);
	return answer(err);
}

long Objects::map_element(int command, union bpf_attr *a)
{
	MapObject *object = map(static_cast<int>(a->map_fd));
	if (!object)
		return fail(EBADF);
	const void *key = pointer<void>(a->key);
	switch (command) {
	case BPF_MAP_LOOKUP_ELEM:
		return answer(vm_map_lookup(object->map, key, pointer<void>(a->value), a->flags));
	case BPF_MAP_LOOKUP_AND_DELETE_ELEM:
		return answer(vm_map_pop(object->map, key, pointer<void>(a->value), a->flags));
	case BPF_MAP_DELETE_ELEM:
		return answer(vm_map_delete(object->map, key));
	case BPF_MAP_GET_NEXT_KEY:
		return answer(vm_map_next_key(object->map, key, pointer<void>(a->next_key)));
	case BPF_MAP_FREEZE:
		object->frozen = true;
		return answer(vm_map_freeze(object->map));
	default:
		return update_element(*a, *object);
	}
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

namespace {

struct MapFinder {
	Objects &objects;
	ProgramObject &program;

	static int find(void *data, int fd, vm_map **map)
	{
		auto *self = static_cast<MapFinder *>(data);
		MapObject *object = self->objects.map(fd);
		if (!object)
			return -EBADF;
		self->program.maps[fd] = object;
		vm_map_get(object->map);
		*map = object->map;
		return 0;
	}
};

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

void write_log(const union bpf_attr &a, const char *why)
{
	if (!a.log_buf || !a.log_size)
		return;
	snprintf(pointer<char>(a.log_buf), a.log_size, "%s", refusal_log(why).c_str());
}

} // namespace

long Objects::load_program(const union bpf_attr &a)
{
	auto object = std::make_unique<ProgramObject>();
	object->name = fixed_string(a.prog_name);
	object->attach_type = a.expected_attach_type;
	object->insns.assign(pointer<const vm_insn>(a.insns), pointer<const vm_insn>(a.insns) + a.insn_cnt);
	if (auto types = types_.find(inode_of(static_cast<int>(a.prog_btf_fd))); a.line_info && types != types_.end()) {
		object->lines = lines_of(a);
		object->strings = strings_of(types->second.bytes);
	}
	char log[512] = "";
	MapFinder finder{*this, *object};
	vm_load load{};
	load.type = a.prog_type;
	load.insns = object->insns.data();
	load.insn_count = a.insn_cnt;
	memcpy(load.name, a.prog_name, sizeof(load.name) - 1);
	load.map_by_fd = MapFinder::find;
	load.data = &finder;
	load.lines = object->lines.data();
	load.line_count = static_cast<u32>(object->lines.size());
	load.strings = object->strings.data();
	load.strings_size = static_cast<u32>(object->strings.size());
	load.log = log;
	load.log_size = sizeof(log);
	if (int err = vm_program_load(&load, &object->program)) {
		write_log(a, log);
		return answer(err);
	}
	UniqueFd file = anonymous_file(object->name.empty() ? "program" : object->name.c_str(), 0);
	if (!file)
		return -1;
	programs_[inode_of(file.get())] = std::move(object);
	return file.release();
}

long Objects::info(union bpf_attr *attr)
{
	const MapObject *object = map(static_cast<int>(attr->info.bpf_fd));
	if (!object)
		return fail(EINVAL);
	const struct vm_map_attr &of = object->attr();
	bpf_map_info info{};
	info.type = of.type;
	info.id = vm_map_id(object->map);
	info.key_size = of.key_size;
	info.value_size = of.value_size;
	info.max_entries = of.max_entries;
	info.map_flags = of.flags;
	memcpy(info.name, of.name, sizeof(of.name));
	attr->info.info_len = std::min<__u32>(attr->info.info_len, sizeof(info));
	memcpy(pointer<void>(attr->info.info), &info, attr->info.info_len);
	return 0;
}
