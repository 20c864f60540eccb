// SPDX-License-Identifier: GPL-2.0-only
/*
 * Probes that programs have built in (sys/sdt.h), with their arguments.
 *
 * A note in the program's file says where each argument is at each place: a constant, a register, or
 * memory near one. The user side has written that into `places`. Which place was hit, a cookie tells
 * (5.15); before, the last twelve bits of its address, which a program mapped by pages keeps.
 */
#include "emit.h"
#include "filter.h"
#include "registers.h"
#include "usdt.h"

const volatile bool with_cookies = true;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, USDT_PLACES);
	__type(key, __u32);
	__type(value, struct usdt_place);
} places SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, USDT_PLACES);
	__type(key, __u32);   /* last twelve bits of the address */
	__type(value, __u32); /* number of the place */
} by_page_offset SEC(".maps");

/* An event is too large for a program's stack. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct usdt_event);
} scratch SEC(".maps");

static __always_inline __u64 read_register(struct pt_regs *ctx, __s16 offset)
{
	__u64 value = 0;

	if (offset >= 0)
		bpf_probe_read_kernel(&value, sizeof(value), (void *)ctx + offset);
	return value;
}

static __always_inline long read_operand(struct pt_regs *ctx, const struct usdt_operand *operand, __u64 *result)
{
	__u64 value = operand->value, address;
	__u32 size = operand->size & 15;
	long err = 0;

	if (operand->kind == USDT_REGISTER) {
		value = read_register(ctx, operand->base) >> (operand->shift & 63);
	} else if (operand->kind == USDT_MEMORY) {
		address = value + read_register(ctx, operand->base) +
			  read_register(ctx, operand->index) * operand->scale;
		value = 0;
		if (size <= sizeof(value))
			err = bpf_probe_read_user(&value, size, (void *)address);
	}
	value <<= operand->skipped & 63;
	if (operand->is_signed)
		*result = (__s64)value >> (operand->skipped & 63);
	else
		*result = value >> (operand->skipped & 63);
	return err;
}

static __always_inline struct usdt_place *find_place(struct pt_regs *ctx, __u32 *number)
{
	if (with_cookies) {
		*number = bpf_get_attach_cookie(ctx) - 1;
	} else {
		__u32 offset = PT_REGS_IP(ctx) & 0xfff;
		__u32 *found = bpf_map_lookup_elem(&by_page_offset, &offset);

		if (!found)
			return NULL;
		*number = *found;
	}
	return bpf_map_lookup_elem(&places, number);
}

SEC("uprobe")
int hit(struct pt_regs *ctx)
{
	__u32 zero = 0, number = 0, text = 0;
	struct usdt_event *event;
	struct usdt_place *place;

	if (!wanted())
		return 0;
	place = find_place(ctx, &number);
	event = bpf_map_lookup_elem(&scratch, &zero);
	if (!place || !event)
		return 0;
	event->time = bpf_ktime_get_ns();
	event->pid = bpf_get_current_pid_tgid() >> 32;
	event->tid = bpf_get_current_pid_tgid();
	event->place = number;
	event->unread = 0;
	bpf_get_current_comm(event->comm, sizeof(event->comm));

#pragma unroll
	for (__u32 i = 0; i < USDT_ARGUMENTS; i++) {
		if (i >= place->count)
			break;
		if (read_operand(ctx, &place->operands[i], &event->arguments[i]))
			event->unread |= 1u << i;
		if (!(place->strings & (1u << i)) || text >= USDT_STRINGS)
			continue;
		if (bpf_probe_read_user_str(event->text[text & (USDT_STRINGS - 1)], USDT_TEXT,
					    (void *)event->arguments[i]) < 0)
			event->unread |= 1u << i;
		text++;
	}
	emit(ctx, event, sizeof(*event));
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
