// SPDX-License-Identifier: GPL-2.0-only
#include "fake_engine.h"

#include <bpf/libbpf.h>
#include <cstring>
#include <fmt/format.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>

namespace
{

// libbpf marks an instruction whose CO-RE relocation found no field so; the kernel's verifier then says
// that it knows no such function.
constexpr int unresolved = 0xbad2310;
constexpr size_t perf_pages = 65; // a control page and the layer's 64

size_t page_size()
{
	return static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

uint64_t inode(int fd)
{
	struct stat status;
	return fstat(fd, &status) == 0 ? status.st_ino : 0;
}

bool is_percpu(bpf_map_type type)
{
	return type == BPF_MAP_TYPE_PERCPU_ARRAY || type == BPF_MAP_TYPE_PERCPU_HASH;
}

bool is_array(bpf_map_type type)
{
	return type == BPF_MAP_TYPE_ARRAY || type == BPF_MAP_TYPE_PERCPU_ARRAY;
}

// Bytes of one element as bpf(2) hands it over, and as the memfd holds it.
size_t element_size(const FakeEngine::Map &map)
{
	return is_percpu(map.type) ? (map.value_size + 7) / 8 * 8 * static_cast<size_t>(libbpf_num_possible_cpus())
				   : map.value_size;
}

size_t stride(const FakeEngine::Map &map)
{
	return (element_size(map) + 7) / 8 * 8;
}

size_t file_size(const FakeEngine::Map &map)
{
	if (map.type == BPF_MAP_TYPE_RINGBUF) // consumer, producer, the data twice
		return 2 * page_size() + 2 * map.max_entries;
	if (map.type == BPF_MAP_TYPE_PERF_EVENT_ARRAY)
		return 0;
	return is_array(map.type) ? stride(map) * map.max_entries : 0;
}

long fail(int code)
{
	errno = code;
	return -1;
}

std::string bytes(__u64 address, size_t size)
{
	return {reinterpret_cast<const char *>(address), size};
}

void put(__u64 address, const std::string &value)
{
	memcpy(reinterpret_cast<void *>(address), value.data(), value.size());
}

std::string fixed(const char *text, size_t size)
{
	return {text, strnlen(text, size)};
}

void write_at(const UniqueFd &file, const void *data, size_t size, size_t offset)
{
	if (pwrite(file.get(), data, size, static_cast<off_t>(offset)) != static_cast<ssize_t>(size))
		abort();
}

class FakeLink final : public Link
{
	int &links_;

      public:
	explicit FakeLink(int &links) : links_(links) { links_++; }
	~FakeLink() override { links_--; }
};

} // namespace

FakeEngine::Map *FakeEngine::map(const std::string &name)
{
	for (auto &[inode, map] : maps_)
		if (map.name == name)
			return &map;
	return nullptr;
}

FakeEngine::Map *FakeEngine::map_of_fd(int fd)
{
	auto at = maps_.find(inode(fd));
	return at == maps_.end() ? nullptr : &at->second;
}

const FakeEngine::Program *FakeEngine::program(const std::string &name) const
{
	for (const Program &program : programs)
		if (program.name == name)
			return &program;
	return nullptr;
}

long FakeEngine::bpf(int command, union bpf_attr *attr, unsigned)
{
	commands.insert(command);
	switch (command) {
	case BPF_MAP_CREATE:
		return create_map(attr);
	case BPF_MAP_LOOKUP_ELEM:
	case BPF_MAP_UPDATE_ELEM:
	case BPF_MAP_DELETE_ELEM:
	case BPF_MAP_GET_NEXT_KEY:
		return map_element(command, attr);
	case BPF_MAP_FREEZE:
		if (Map *map = map_of_fd(static_cast<int>(attr->map_fd)))
			return map->frozen = true, 0;
		return fail(EBADF);
	case BPF_PROG_LOAD:
		return load_program(attr);
	case BPF_OBJ_GET_INFO_BY_FD:
		return info(attr);
	default:
		return fail(EINVAL);
	}
}

long FakeEngine::create_map(const union bpf_attr *attr)
{
	Map map{};
	map.type = static_cast<bpf_map_type>(attr->map_type);
	if (refused_maps.contains(map.type))
		return fail(EINVAL);
	map.name = fixed(attr->map_name, sizeof(attr->map_name));
	map.key_size = attr->key_size;
	map.value_size = attr->value_size;
	map.max_entries = attr->max_entries;
	map.flags = attr->map_flags;
	UniqueFd fd(memfd_create(map.name.c_str(), MFD_CLOEXEC));
	map.file = UniqueFd(dup(fd.get()));
	map.ready = UniqueFd(eventfd(0, EFD_CLOEXEC));
	if (!map.ready || ftruncate(fd.get(), static_cast<off_t>(file_size(map))) != 0)
		return fail(ENOMEM);
	// A probe's map is not kept: else its memfd would stay open.
	if (!map.name.empty() && !map.name.starts_with("libbpf_"))
		maps_.emplace(inode(fd.get()), std::move(map));
	return fd.release();
}

long FakeEngine::array_element(int command, union bpf_attr *attr, Map &map)
{
	uint32_t index = 0;
	memcpy(&index,
	       reinterpret_cast<const void *>(
		       command == BPF_MAP_GET_NEXT_KEY && !attr->key ? reinterpret_cast<__u64>(&index) : attr->key),
	       sizeof(index));
	if (command == BPF_MAP_GET_NEXT_KEY) {
		uint32_t next = !attr->key || index >= map.max_entries ? 0 : index + 1;
		if (next >= map.max_entries)
			return fail(ENOENT);
		return put(attr->next_key, {reinterpret_cast<const char *>(&next), sizeof(next)}), 0;
	}
	if (command == BPF_MAP_DELETE_ELEM)
		return fail(EINVAL);
	if (index >= map.max_entries)
		return fail(command == BPF_MAP_UPDATE_ELEM ? E2BIG : ENOENT);
	if (command == BPF_MAP_UPDATE_ELEM && map.frozen)
		return fail(EPERM);
	auto *value = reinterpret_cast<void *>(attr->value);
	off_t at = static_cast<off_t>(index * stride(map));
	ssize_t size = static_cast<ssize_t>(element_size(map));
	ssize_t done = command == BPF_MAP_UPDATE_ELEM ? pwrite(map.file.get(), value, element_size(map), at)
						      : pread(map.file.get(), value, element_size(map), at);
	return done == size ? 0 : fail(EIO);
}

long FakeEngine::map_element(int command, union bpf_attr *attr)
{
	Map *map = map_of_fd(static_cast<int>(attr->map_fd));
	if (!map)
		return fail(EBADF);
	if (is_array(map->type))
		return array_element(command, attr, *map);
	if (command == BPF_MAP_GET_NEXT_KEY) {
		auto next =
			attr->key ? map->entries.upper_bound(bytes(attr->key, map->key_size)) : map->entries.begin();
		if (next == map->entries.end())
			return fail(ENOENT);
		return put(attr->next_key, next->first), 0;
	}
	std::string key = bytes(attr->key, map->key_size);
	if (command == BPF_MAP_UPDATE_ELEM) {
		map->entries[key] = bytes(attr->value, element_size(*map));
		return 0;
	}
	auto at = map->entries.find(key);
	if (at == map->entries.end())
		return fail(ENOENT);
	if (command == BPF_MAP_LOOKUP_ELEM)
		put(attr->value, at->second);
	else
		map->entries.erase(at);
	return 0;
}

long FakeEngine::load_program(const union bpf_attr *attr)
{
	Program program;
	program.name = fixed(attr->prog_name, sizeof(attr->prog_name));
	program.type = static_cast<bpf_prog_type>(attr->prog_type);
	auto *insns = reinterpret_cast<const bpf_insn *>(attr->insns);
	program.insns.assign(insns, insns + attr->insn_cnt);
	program.license = reinterpret_cast<const char *>(attr->license);
	for (size_t i = 0; i < program.insns.size(); i++) {
		const bpf_insn &insn = program.insns[i];
		if (!refuses_unresolved || insn.code != (BPF_JMP | BPF_CALL) || insn.imm != unresolved)
			continue;
		// As a verifier does.
		if (attr->log_buf && attr->log_size)
			snprintf(reinterpret_cast<char *>(attr->log_buf), attr->log_size,
				 "%zu: (85) call unknown#%d\ninvalid func unknown#%d\nprocessed %zu insns (limit "
				 "1000000)\n",
				 i, unresolved, unresolved, i + 1);
		return fail(EINVAL);
	}
	UniqueFd fd(memfd_create(program.name.c_str(), MFD_CLOEXEC));
	loaded_[inode(fd.get())] = program.name;
	if (!program.name.empty() && !program.name.starts_with("libbpf_") && program.name != "test")
		programs.push_back(std::move(program));
	return fd.release();
}

long FakeEngine::info(union bpf_attr *attr)
{
	const Map *map = map_of_fd(static_cast<int>(attr->info.bpf_fd));
	if (!map)
		return fail(EINVAL);
	bpf_map_info info{};
	info.type = map->type;
	info.key_size = static_cast<__u32>(map->key_size);
	info.value_size = static_cast<__u32>(map->value_size);
	info.max_entries = static_cast<__u32>(map->max_entries);
	attr->info.info_len = std::min<__u32>(attr->info.info_len, sizeof(info));
	memcpy(reinterpret_cast<void *>(attr->info.info), &info, attr->info.info_len);
	return 0;
}

// The perf event of a perf buffer's CPU is a memfd that the ring lies in.
long FakeEngine::perf_event_open(perf_event_attr *, pid_t, int, int, unsigned long)
{
	UniqueFd fd(memfd_create("perf", MFD_CLOEXEC));
	Map ring{};
	ring.name = "perf event";
	ring.file = UniqueFd(dup(fd.get()));
	ring.ready = UniqueFd(eventfd(0, EFD_CLOEXEC));
	if (ftruncate(fd.get(), static_cast<off_t>(perf_pages * page_size())) != 0)
		return fail(ENOMEM);
	maps_.emplace(inode(fd.get()), std::move(ring));
	return fd.release();
}

void *FakeEngine::mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset)
{
	if (Map *map = map_of_fd(fd))
		mapped.insert(map->name);
	return Engine::mmap(address, length, protection, flags, fd, offset);
}

int FakeEngine::ioctl(int, unsigned long, void *)
{
	return 0;
}

int FakeEngine::epoll_ctl(int epoll, int operation, int fd, epoll_event *event)
{
	Map *map = map_of_fd(fd);
	return ::epoll_ctl(epoll, operation, map ? map->ready.get() : fd, event);
}

void FakeEngine::push(const std::string &name, const void *data, size_t size)
{
	Map &ring = *map(name);
	if (ring.type != BPF_MAP_TYPE_RINGBUF) {
		uint32_t raw_size = static_cast<uint32_t>(size);
		std::string raw(reinterpret_cast<const char *>(&raw_size), sizeof(raw_size));
		raw.append(static_cast<const char *>(data), size);
		push_perf(name, PERF_RECORD_SAMPLE, raw.data(), raw.size());
		return;
	}
	uint32_t header[2] = {static_cast<uint32_t>(size), 0}; // its length without the busy bit, and a page number
	size_t at = 2 * page_size() + ring.written;
	write_at(ring.file, header, sizeof(header), at);
	write_at(ring.file, data, size, at + sizeof(header));
	ring.written += (sizeof(header) + size + 7) / 8 * 8;
	uint64_t produced = ring.written;
	write_at(ring.file, &produced, sizeof(produced), page_size());
	eventfd_write(ring.ready.get(), 1);
}

void FakeEngine::push_lost(const std::string &name, uint64_t count)
{
	uint64_t record[2] = {0, count}; // of which event, how many
	push_perf(name, PERF_RECORD_LOST, record, sizeof(record));
}

void FakeEngine::push_perf(const std::string &name, uint32_t type, const void *data, size_t size)
{
	int fd;
	memcpy(&fd, map(name)->entries.begin()->second.data(), sizeof(fd));
	Map &ring = *map_of_fd(fd);
	size_t padded = (size + 7) / 8 * 8;
	perf_event_header header{type, 0, static_cast<__u16>(sizeof(header) + padded)};
	size_t at = page_size() + ring.written;
	write_at(ring.file, &header, sizeof(header), at);
	write_at(ring.file, data, size, at + sizeof(header));
	ring.written += header.size;
	uint64_t head = ring.written;
	write_at(ring.file, &head, sizeof(head), offsetof(perf_event_mmap_page, data_head));
	eventfd_write(ring.ready.get(), 1);
}

Result<void> FakeEngine::supports(const Hook &hook)
{
	return on_supports ? on_supports(hook) : Result<void>();
}

Result<std::unique_ptr<Link>> FakeEngine::attach(int program_fd, const Hook &hook)
{
	if (int code = on_attach ? on_attach(hook) : 0)
		return errno_error("fake: failed to attach to " + describe(hook), code);
	attached.push_back({loaded_[inode(program_fd)], hook});
	if (attached_all)
		attached_all();
	return std::unique_ptr<Link>(std::make_unique<FakeLink>(links));
}
