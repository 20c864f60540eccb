/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's sockets, as far as the samples read them, and the way from a file descriptor to one.
 */
#pragma once

#include "kernel.h"

#include <linux/in.h>
#include <linux/in6.h>
#include <linux/net.h> /* socket_state */

#define AF_INET	 2
#define AF_INET6 10

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct sock_common {
	unsigned short skc_family;
	__be16 skc_dport;
	__be32 skc_daddr;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
};

struct sock {
	struct sock_common __sk_common;
	unsigned short sk_protocol; /* before 5.6 a bit field */
	int sk_err;
};

struct inet_sock {
	__be32 inet_saddr;
	__be16 inet_sport; /* keeps its value when the connection ends */
};

struct file {
	void *private_data;
};

struct socket {
	socket_state state;
	struct file *file;
	struct sock *sk;
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

#pragma clang attribute pop

/* The socket behind a file descriptor of the current task; NULL if it is something else. */
static __always_inline struct socket *socket_of(__u32 fd)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	struct file **files, *file = NULL;
	struct socket *socket;

	if (fd >= BPF_CORE_READ(table, max_fds))
		return NULL;
	files = BPF_CORE_READ(table, fd);
	bpf_probe_read_kernel(&file, sizeof(file), &files[fd]);
	socket = BPF_CORE_READ(file, private_data);
	/* private_data can be anything; a socket points back. */
	return socket && BPF_CORE_READ(socket, file) == file ? socket : NULL;
}

static __always_inline bool is_tcp(struct sock *sk)
{
	__u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);

	return (family == AF_INET || family == AF_INET6) &&
	       BPF_CORE_READ_BITFIELD_PROBED(sk, sk_protocol) == IPPROTO_TCP;
}
