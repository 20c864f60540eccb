// SPDX-License-Identifier: GPL-2.0-only
/*
 * What runs on each CPU, at every tick of a software clock: the stacks, counted.
 *
 * Equal stacks get one number from the kernel (bpf_get_stackid), so that a sample costs a hash and no
 * copy. Two stacks whose hashes meet cannot both be kept: the second one is counted as lost.
 */
#include "emit.h"
#include "filter.h"
#include "profile.h"

const volatile bool with_idle = false;
const volatile bool no_kernel = false;
const volatile bool no_user = false;

struct {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(max_entries, 16384);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, PROFILE_DEPTH * sizeof(__u64));
} stacks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, struct profile_key);
	__type(value, __u64);
} samples SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, struct profile_process);
	__type(value, __u8);
} announced SEC(".maps");

static __always_inline void announce(void *ctx, const struct profile_key *key)
{
	struct profile_process process = {.pid = key->pid};
	__u8 yes = 1;

	__builtin_memcpy(process.comm, key->comm, sizeof(process.comm));
	if (bpf_map_lookup_elem(&announced, &process))
		return;
	keep(&announced, &process, &yes);
	emit(ctx, &process, sizeof(process));
}

SEC("perf_event")
int sample(void *ctx)
{
	struct profile_key key = {};
	__u64 one = 1, *count;

	key.pid = bpf_get_current_pid_tgid() >> 32;
	if (!wanted() || (!key.pid && !with_idle))
		return 0;
	bpf_get_current_comm(key.comm, sizeof(key.comm));
	key.kernel_stack = no_kernel ? -1 : bpf_get_stackid(ctx, &stacks, 0);
	key.user_stack = no_user ? -1 : bpf_get_stackid(ctx, &stacks, BPF_F_USER_STACK);
	if (key.kernel_stack == -17 || key.user_stack == -17) /* EEXIST: another stack has its place */
		count_lost();

	count = bpf_map_lookup_elem(&samples, &key);
	if (count) {
		__sync_fetch_and_add(count, 1);
		return 0;
	}
	if (key.user_stack >= 0)
		announce(ctx, &key);
	if (bpf_map_update_elem(&samples, &key, &one, BPF_NOEXIST)) {
		count = bpf_map_lookup_elem(&samples, &key); /* another CPU was faster, or it is full */
		if (count)
			__sync_fetch_and_add(count, 1);
		else
			count_lost();
	}
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
