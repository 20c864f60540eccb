// SPDX-License-Identifier: GPL-2.0-only
/*
 * What perf can deliver to a module: a tracepoint's record in its classic layout, and a clock's ticks. A
 * counter of our own on each CPU (the clock: on one), whose overflow at each event calls us.
 */
#include <linux/cpumask.h>
#include <linux/perf_event.h>
#include <linux/ptrace.h>
#include "anyprobe.h"

struct counters {
	u32 count;
	struct perf_event *event[];
};

/* In BPF the header of 8 bytes is nobody's, and the number has a word of its own. */
static void hit_syscall(struct ap_hit *hit, const char *record, u32 size)
{
	u64 context[8] = {0};
	s32 number;

	if (size < 16)
		return;
	memcpy(&number, record + 8, sizeof(number));
	context[1] = (s64)number;
	memcpy(&context[2], record + 16, min_t(u32, size - 16, 6 * sizeof(u64)));
	ap_run(hit, context, sizeof(context));
}

static void hit_record(struct perf_event *event, struct perf_sample_data *data, struct pt_regs *regs)
{
	struct ap_link *link = ap_perf_context(event);
	struct ap_hit hit PORT_UNINITIALIZED;
	u32 size = 0;
	void *record = ap_perf_record(data, &size);

	if (!record)
		return;
	ap_hit_init(&hit, link, regs, 0);
	if (link->flags & ANYPROBE_AS_SYSCALL)
		hit_syscall(&hit, record, size);
	else
		ap_run(&hit, record, size);
}

/* struct bpf_perf_event_data: registers, period, address. */
struct tick {
	struct pt_regs regs;
	u64 period;
	u64 address;
};

static void hit_tick(struct perf_event *event, struct perf_sample_data *data, struct pt_regs *regs)
{
	struct ap_link *link = ap_perf_context(event);
	struct tick tick = {.regs = *regs};
	struct ap_hit hit PORT_UNINITIALIZED;

	ap_hit_init(&hit, link, regs, 0);
	ap_run(&hit, &tick, sizeof(tick));
}

static AP_PERF_HANDLER(record_handler, hit_record)
static AP_PERF_HANDLER(tick_handler, hit_tick)

static int add(struct counters *counters, struct perf_event_attr *attr, int cpu, ap_perf_handler_t handler,
	       struct ap_link *link)
{
	struct perf_event *event = ap_perf_create(attr, cpu, handler, link);

	if (IS_ERR(event))
		return PTR_ERR(event);
	counters->event[counters->count++] = event;
	return 0;
}

static int attach(struct ap_link *link, struct anyprobe_attach *attach, char *names)
{
	struct perf_event_attr attr = {.size = sizeof(attr), .sample_period = 1};
	struct counters *counters = link->own;
	int err, cpu;

	if (attach->kind == ANYPROBE_ON_CLOCK) {
		attr.type = PERF_TYPE_SOFTWARE;
		attr.config = PERF_COUNT_SW_CPU_CLOCK;
		attr.freq = 1;
		attr.sample_freq = attach->frequency;
		if (!attach->frequency || attach->frequency > 100000 || attach->cpu < 0 || attach->cpu >= (int)nr_cpu_ids)
			return -EINVAL;
		return cpu_online(attach->cpu) ? add(counters, &attr, attach->cpu, tick_handler, link) : -ENODEV;
	}
	attr.type = PERF_TYPE_TRACEPOINT;
	attr.config = attach->event;
	attr.sample_type = PERF_SAMPLE_RAW;
	/* Without the lock against hotplug: the kernel takes it itself in here. A CPU may be gone meanwhile. */
	for_each_online_cpu(cpu) {
		err = add(counters, &attr, cpu, record_handler, link);
		if (err && cpu_online(cpu))
			return err;
	}
	return 0;
}

/* Releasing a counter waits for its handlers. */
static void detach(struct ap_link *link)
{
	struct counters *counters = link->own;

	while (counters->count)
		perf_event_release_kernel(counters->event[--counters->count]);
	port_synchronize();
}

const struct ap_link_ops ap_perf_ops = {sizeof(struct counters), sizeof(struct perf_event *), attach, detach};
