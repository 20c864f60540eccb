// SPDX-License-Identifier: GPL-2.0-only
// Does libbpf find in this process's bpf(2) what it finds in the kernel's?
#include "ftrace/memory_image.h"
#include "ftrace/objects.h"
#include "ftrace/perf_buffer.h"
#include "layer/engine/engine.h"
#include "suite.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cerrno>
#include <cstring>
#include <sys/mman.h>

namespace
{

// Just bpf(2) and what its descriptors can do.
class InProcess final : public Engine
{
      public:
	Objects objects;

	InProcess() { activate(this); }
	~InProcess() override { activate(nullptr); }
	const char *name() const override { return "in process"; }
	std::string reason() const override { return "a test"; }
	long bpf(int command, union bpf_attr *attr, unsigned size) override { return objects.bpf(command, attr, size); }
	long perf_event_open(perf_event_attr *, pid_t, int, int, unsigned long) override { return objects.open_perf_buffer(); }
	void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset) override
	{
		return objects.mmap(address, length, protection, flags, fd, offset);
	}
	int ioctl(int, unsigned long, void *) override { return 0; }
	int epoll_ctl(int, int, int, epoll_event *) override { return 0; }
	Result<void> supports(const Hook &) override { return {}; }
	Result<std::unique_ptr<Link>> attach(int, const Hook &) override { return Error{"a test", EINVAL}; }
};

constexpr uint64_t number = 0x1122334455667788;

// A program that hands the 8 bytes of `number` to the helper, ringbuf_output or perf_event_output, for that map.
std::vector<bpf_insn> output_program(int map_fd, int helper)
{
	bool perf = helper == BPF_FUNC_perf_event_output;
	__u8 map = perf ? 2 : 1, data = perf ? 4 : 2, size = perf ? 5 : 3, flags = perf ? 3 : 4;
	return {
		{BPF_LD | BPF_DW | BPF_IMM, 0, 0, 0, static_cast<__s32>(number)},
		{0, 0, 0, 0, static_cast<__s32>(number >> 32)},
		{BPF_STX | BPF_MEM | BPF_DW, 10, 0, -8, 0},
		{BPF_LD | BPF_DW | BPF_IMM, map, BPF_PSEUDO_MAP_FD, 0, map_fd},
		{0, 0, 0, 0, 0},
		{BPF_ALU64 | BPF_MOV | BPF_X, data, 10, 0, 0},
		{BPF_ALU64 | BPF_ADD | BPF_K, data, 0, 0, -8},
		{BPF_ALU64 | BPF_MOV | BPF_K, size, 0, 0, 8},
		{BPF_ALU | BPF_MOV | BPF_K, flags, 0, 0, perf ? -1 : 0},
		{BPF_JMP | BPF_CALL, 0, 0, 0, helper},
		{BPF_JMP | BPF_EXIT, 0, 0, 0, 0},
	};
}

int write_perf(vm_machine *, vm_map *map, u32 cpu, const void *data, u32 size)
{
	auto *buffer = static_cast<PerfBuffer *>(vm_map_object(map, cpu));
	return buffer ? buffer->write(data, size) : -ENOENT;
}

// How many of `times` runs said 0.
int run(InProcess &engine, int program_fd, int times)
{
	static vm_env env{};
	env.perf_output = write_perf;
	vm_machine machine{};
	machine.env = &env;
	int good = 0;
	for (int i = 0; i < times; i++) {
		u64 result = 1;
		good += vm_program_run(engine.objects.program(program_fd)->program, &machine, &result) == 0 && !result;
	}
	return good;
}

int load(const std::vector<bpf_insn> &insns, char *log = nullptr, size_t log_size = 0)
{
	LIBBPF_OPTS(bpf_prog_load_opts, options, .log_level = log ? 1U : 0, .log_size = static_cast<__u32>(log_size),
		    .log_buf = log);
	return bpf_prog_load(BPF_PROG_TYPE_TRACEPOINT, "output", "GPL", insns.data(), insns.size(), &options);
}

void ring_buffers_are_read()
{
	constexpr int rounds = 10, records = 3000; // of 16 bytes each, so the ring is gone round seven times
	InProcess engine;
	int map = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "ring", 0, 0, 64 * 1024, nullptr), seen = 0;
	int program = load(output_program(map, BPF_FUNC_ringbuf_output));
	REQUIRE(map >= 0 && program >= 0);
	auto count = [](void *seen, void *data, size_t size) {
		CHECK_EQUAL(size, 8);
		CHECK(!memcmp(data, &number, 8));
		return ++*static_cast<int *>(seen), 0;
	};
	ring_buffer *ring = ring_buffer__new(map, count, &seen, nullptr);
	REQUIRE(ring);
	for (int i = 0; i < rounds; i++) {
		CHECK_EQUAL(run(engine, program, records), records);
		CHECK(engine.objects.is_filling());
		ring_buffer__consume(ring);
		CHECK(!engine.objects.is_filling());
		CHECK_EQUAL(seen, (i + 1) * records);
	}
	CHECK_EQUAL(run(engine, program, 5000), 64 * 1024 / 16 - 1); // what finds no room fails
	ring_buffer__free(ring);
	close(map);
	close(program);
}

struct Seen {
	uint64_t records = 0, lost = 0;
};

void perf_buffers_are_read()
{
	InProcess engine;
	int map = bpf_map_create(BPF_MAP_TYPE_PERF_EVENT_ARRAY, "perf", 4, 4, static_cast<__u32>(libbpf_num_possible_cpus()),
				 nullptr);
	int program = load(output_program(map, BPF_FUNC_perf_event_output));
	REQUIRE(map >= 0 && program >= 0);
	Seen seen;
	auto count = [](void *seen, int, void *data, __u32 size) {
		CHECK_EQUAL(size, 12); // perf pads to 4 before a multiple of 8
		CHECK(!memcmp(data, &number, 8));
		static_cast<Seen *>(seen)->records++;
	};
	auto lose = [](void *seen, int, __u64 lost) { static_cast<Seen *>(seen)->lost += lost; };
	perf_buffer *perf = perf_buffer__new(map, 1, count, lose, &seen, nullptr);
	REQUIRE(perf);
	uint64_t written = 0, tried = 0;
	for (int i = 0; i < 5; i++, tried += 400) {
		written += static_cast<uint64_t>(run(engine, program, 400)); // of 24 bytes each: more than a page
		perf_buffer__consume(perf);
	}
	run(engine, program, 1); // tells of the last loss
	perf_buffer__consume(perf);
	CHECK_EQUAL(seen.records, written + 1);
	CHECK_EQUAL(seen.lost, tried - written);
	CHECK(written < tried);
	perf_buffer__free(perf);
	close(map);
	close(program);
}

void maps_are_the_kernels()
{
	InProcess engine;
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_MMAPABLE | BPF_F_RDONLY_PROG);
	int array = bpf_map_create(BPF_MAP_TYPE_ARRAY, "array", 4, 12, 3, &options);
	int hash = bpf_map_create(BPF_MAP_TYPE_HASH, "hash", 4, 8, 2, nullptr);
	REQUIRE(array >= 0 && hash >= 0);
	auto *memory = static_cast<char *>(engine.mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, array, 0));
	REQUIRE(memory != MAP_FAILED);
	strcpy(memory + 16, "second"); // values are 8 bytes apart, or a multiple
	uint32_t key = 1;
	char value[12] = "";
	CHECK_EQUAL(bpf_map_lookup_elem(array, &key, value), 0);
	CHECK_EQUAL(std::string(value), "second");
	munmap(memory, 4096);

	int again = dup(array);
	close(array);
	CHECK_EQUAL(bpf_map_freeze(again), 0);
	CHECK_EQUAL(bpf_map_update_elem(again, &key, value, BPF_ANY), -EPERM);
	bpf_map_info info{};
	__u32 size = sizeof(info);
	CHECK_EQUAL(bpf_obj_get_info_by_fd(again, &info, &size), 0);
	CHECK_EQUAL(info.value_size, 12);
	close(again);

	uint64_t number = 5;
	CHECK_EQUAL(bpf_map_lookup_elem(hash, &key, &number), -ENOENT);
	CHECK_EQUAL(bpf_map_update_elem(hash, &key, &number, BPF_EXIST), -ENOENT);
	CHECK_EQUAL(bpf_map_update_elem(hash, &key, &number, BPF_ANY), 0);
	CHECK_EQUAL(bpf_map_update_elem(hash, &key, &number, BPF_NOEXIST), -EEXIST);
	CHECK_EQUAL(bpf_map_lookup_elem(0, &key, &number), -EBADF);
	close(hash);
}

void probes_are_answered()
{
	InProcess engine;
	CHECK_EQUAL(libbpf_probe_bpf_map_type(BPF_MAP_TYPE_RINGBUF, nullptr), 1);
	CHECK_EQUAL(libbpf_probe_bpf_map_type(BPF_MAP_TYPE_DEVMAP, nullptr), 0);
	CHECK_EQUAL(libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_KPROBE, nullptr), 1);
	CHECK_EQUAL(libbpf_probe_bpf_helper(BPF_PROG_TYPE_KPROBE, BPF_FUNC_probe_read_kernel, nullptr), 1);
	CHECK_EQUAL(libbpf_probe_bpf_helper(BPF_PROG_TYPE_KPROBE, BPF_FUNC_override_return, nullptr), 0);
}

void a_wrong_program_is_refused()
{
	InProcess engine;
	char log[512] = "";
	// What libbpf leaves where a CO-RE relocation found nothing.
	CHECK_EQUAL(load({{BPF_JMP | BPF_CALL, 0, 0, 0, 0xbad2310}, {BPF_JMP | BPF_EXIT, 0, 0, 0, 0}}, log, sizeof(log)), -EINVAL);
	CHECK(std::string(log).find("insn 0") != std::string::npos);
	CHECK_EQUAL(load(output_program(-1, BPF_FUNC_ringbuf_output), log, sizeof(log)), -EBADF);
}

void memory_is_pieced_together()
{
	MemoryImage image;
	char bytes[8] = "";
	size_t size = 0;
	image.add(0x1000, "abcd");
	image.add(0x1004, std::string_view("ef\0", 3));
	CHECK(image.read(0x1002, bytes, 4));
	CHECK_EQUAL(std::string_view(bytes, 4), "cdef");
	CHECK(!image.read(0x1005, bytes, 4));
	CHECK(!image.read(0xfff, bytes, 2));
	CHECK(image.find(0x1004, size) && size == 3);
	KeptMemory kept;
	kept.keep(7, 0x1000, "old words");
	kept.keep(7, 0x1000, "new");
	CHECK(kept.read(7, 0x1000, bytes, 3));
	CHECK_EQUAL(std::string_view(bytes, 3), "new");
	kept.keep(7, 0x0ff0, "0123456789abcdef+newest");
	CHECK(kept.read(7, 0x1000, bytes, 3)); // where two overlap, the newer one
	CHECK_EQUAL(std::string_view(bytes, 3), "+ne");
	CHECK(!kept.read(8, 0x1000, bytes, 3));
	kept.forget(7);
	CHECK(!kept.read(7, 0x1000, bytes, 3));
}

const Suite suite{"bpf calls",
		  {{"libbpf reads ring buffers", ring_buffers_are_read},
		   {"libbpf reads perf buffers, and what was lost", perf_buffers_are_read},
		   {"maps answer as the kernel's", maps_are_the_kernels},
		   {"libbpf's questions are answered", probes_are_answered},
		   {"a wrong program is refused with the reason", a_wrong_program_is_refused},
		   {"memory images are pieced together", memory_is_pieced_together}}};

} // namespace
