// SPDX-License-Identifier: GPL-2.0-only
/*
 * How long block devices take for a request: from issue (or insertion into the queue) to completion.
 *
 * The classic tracepoints name a request by its device and first sector. A request without sectors
 * (a flush, a command passed through) has no such name and is left out.
 */
#include "filter.h"
#include "histogram.h"

const volatile bool per_disk = false;
const volatile bool with_queue = false;
const volatile __u32 unit_ns = 1000;

struct request_key {
	__u64 sector;
	__u64 dev; /* major << 20 | minor */
};

struct request {
	__u64 since;   /* ns */
	__u64 sectors; /* yet to be done */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 10240);
	__type(key, struct request_key);
	__type(value, struct request);
} requests SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32); /* device; 0: all */
	__type(value, struct hist);
} latencies SEC(".maps");

/* Without a filter nobody is left out, for a request may go out while any task is current. */
static __always_inline bool submitter_wanted(void)
{
	return (!filter_tgid && !filter_comm[0]) || wanted();
}

static __always_inline void begin(const struct request_key *key, __u32 sectors)
{
	struct request request = {bpf_ktime_get_ns(), sectors};

	if (sectors)
		keep(&requests, key, &request);
}

/* Loaded with -Q, and with a filter: the submitter is current here, at the issue it need not be. */
SEC("tracepoint/block/block_rq_insert")
int insert(struct trace_event_raw_block_rq *ctx)
{
	struct request_key key = {ctx->sector, ctx->dev};

	if (submitter_wanted())
		begin(&key, ctx->nr_sector);
	return 0;
}

/* Likewise. The second of two queued requests that become one is never issued. */
SEC("?tracepoint/block/block_rq_merge") /* 5.11 */
int merge(struct trace_event_raw_block_rq *ctx)
{
	struct request_key key = {ctx->sector, ctx->dev};

	bpf_map_delete_elem(&requests, &key);
	return 0;
}

SEC("tracepoint/block/block_rq_issue")
int issue(struct trace_event_raw_block_rq *ctx)
{
	struct request_key key = {ctx->sector, ctx->dev};
	struct request *inserted = bpf_map_lookup_elem(&requests, &key);

	if (!inserted) { /* not all requests go through a queue */
		if (submitter_wanted())
			begin(&key, ctx->nr_sector);
		return 0;
	}
	inserted->sectors = ctx->nr_sector; /* others may have been merged into it */
	if (!with_queue)
		inserted->since = bpf_ktime_get_ns();
	return 0;
}

static __always_inline int end(struct request_key *key, __u32 sectors)
{
	struct request *request = bpf_map_lookup_elem(&requests, key);
	struct request rest;
	__u32 disk;

	if (!request)
		return 0;
	rest = *request;
	bpf_map_delete_elem(&requests, key);
	if (sectors < rest.sectors) { /* done in parts: the rest goes by its own first sector */
		rest.sectors -= sectors;
		key->sector += sectors;
		keep(&requests, key, &rest);
		return 0;
	}
	disk = per_disk ? key->dev : 0;
	hist_add(&latencies, &disk, (bpf_ktime_get_ns() - rest.since) / unit_ns);
	return 0;
}

SEC("tracepoint/block/block_rq_complete")
int complete(void *ctx)
{
	struct trace_event_raw_block_rq_completion *new = ctx;
	struct trace_event_raw_block_rq_complete *old = ctx;
	struct request_key key = {};

	if (bpf_core_type_exists(struct trace_event_raw_block_rq_completion)) {
		key.sector = new->sector;
		key.dev = new->dev;
		return end(&key, new->nr_sector);
	}
	key.sector = old->sector;
	key.dev = old->dev;
	return end(&key, old->nr_sector);
}

char LICENSE[] SEC("license") = "GPL";
