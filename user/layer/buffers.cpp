// SPDX-License-Identifier: GPL-2.0-only
#include "layer/buffers.h"
#include "layer/engine/features.h"

#include <bpf/bpf.h>
#include <fmt/format.h>
#include <numeric>
#include <vector>

namespace {

// Per CPU; one reader woken for many records needs room for what comes meanwhile.
constexpr size_t perf_buffer_pages = 64;

class RingBuffer final : public Buffer {
	Deliver deliver_;
	ring_buffer *ring_ = nullptr;

	static int sample(void *context, void *data, size_t size)
	{
		static_cast<RingBuffer *>(context)->deliver_(data, size);
		return 0;
	}

public:
	RingBuffer(int map_fd, Deliver deliver) : deliver_(std::move(deliver))
	{
		ring_ = ring_buffer__new(map_fd, sample, this, nullptr);
	}
	~RingBuffer() override { ring_buffer__free(ring_); }
	bool is_open() const { return ring_; }
	int fd() const override { return ring_buffer__epoll_fd(ring_); }
	void consume() override { ring_buffer__consume(ring_); }
};

class PerfBuffer final : public Buffer {
	Deliver deliver_;
	Lost lost_;
	perf_buffer *perf_ = nullptr;

	static void sample(void *context, int, void *data, __u32 size)
	{
		static_cast<PerfBuffer *>(context)->deliver_(data, size);
	}
	static void lose(void *context, int, __u64 count) { static_cast<PerfBuffer *>(context)->lost_(count); }

public:
	PerfBuffer(int map_fd, Deliver deliver, Lost lost) : deliver_(std::move(deliver)), lost_(std::move(lost))
	{
		perf_ = perf_buffer__new(map_fd, perf_buffer_pages, sample, lose, this, nullptr);
	}
	~PerfBuffer() override { perf_buffer__free(perf_); }
	bool is_open() const { return perf_; }
	int fd() const override { return perf_buffer__epoll_fd(perf_); }
	void consume() override { perf_buffer__consume(perf_); }
};

} // namespace

Result<void> prepare_buffer(bpf_map *map)
{
	if (bpf_map__type(map) != BPF_MAP_TYPE_RINGBUF || features().has(Feature::ring_buffer))
		return {};
	if (auto perf = features().need(Feature::perf_buffer); !perf)
		return perf;
	if (bpf_map__set_type(map, BPF_MAP_TYPE_PERF_EVENT_ARRAY) || bpf_map__set_key_size(map, sizeof(int)) ||
	    bpf_map__set_value_size(map, sizeof(int)) || bpf_map__set_max_entries(map, 0))
		return errno_error("buffer: failed to turn the ring buffer into a perf buffer");
	return {};
}

uint64_t sum_percpu(const bpf_map *map, uint32_t key)
{
	if (!map)
		return 0;
	std::vector<uint64_t> values(static_cast<size_t>(libbpf_num_possible_cpus()));
	if (bpf_map_lookup_elem(bpf_map__fd(map), &key, values.data()) != 0)
		return 0;
	return std::accumulate(values.begin(), values.end(), uint64_t(0));
}

Result<std::unique_ptr<Buffer>> Buffer::open(bpf_map *map, Deliver deliver, Lost lost)
{
	int fd = bpf_map__fd(map);
	if (bpf_map__type(map) == BPF_MAP_TYPE_RINGBUF) {
		auto ring = std::make_unique<RingBuffer>(fd, std::move(deliver));
		if (!ring->is_open())
			return errno_error(fmt::format("buffer: failed to open ring buffer {}", bpf_map__name(map)));
		return std::unique_ptr<Buffer>(std::move(ring));
	}
	if (bpf_map__type(map) == BPF_MAP_TYPE_PERF_EVENT_ARRAY) {
		auto perf = std::make_unique<PerfBuffer>(fd, std::move(deliver), std::move(lost));
		if (!perf->is_open())
			return errno_error(fmt::format("buffer: failed to open perf buffer {}", bpf_map__name(map)));
		return std::unique_ptr<Buffer>(std::move(perf));
	}
	return std::unique_ptr<Buffer>();
}
