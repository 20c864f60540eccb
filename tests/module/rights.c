// SPDX-License-Identifier: GPL-2.0-only
/* Who is not root gets nothing: not by opening the device, nor by a descriptor that root has opened. */
#include "module.h"

#include <linux/capability.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static int device, map, program, link_fd, ring;

static void as_nobody(void)
{
	check(!setgid(65534) && !setuid(65534), "as nobody");
	check(open(ANYPROBE_DEVICE, O_RDWR) < 0 && errno == EACCES, "the device cannot be opened");
	check(open(ANYPROBE_DEVICE, O_RDONLY) < 0 && errno == EACCES, "nor for reading");
}

static void without_capability(void)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2];

	syscall(SYS_capget, &header, data);
	data[0].effective &= ~(1U << CAP_SYS_ADMIN);
	data[0].permitted &= ~(1U << CAP_SYS_ADMIN);
	check(!syscall(SYS_capset, &header, data), "as root without CAP_SYS_ADMIN");
	check(open(ANYPROBE_DEVICE, O_RDWR) < 0 && errno == EPERM, "the device cannot be opened");
}

static int refused(int fd, unsigned long command, void *argument)
{
	return ioctl(fd, command, argument) < 0 && errno == EPERM;
}

static void handed_over(void)
{
	const struct bpf_insn nothing[] = {RETURN};
	struct anyprobe_object object;
	struct anyprobe_hello hello;

	check(refused(device, ANYPROBE_IOC_HELLO, &hello), "a device handed over: no hello");
	check(map_create(device, BPF_MAP_TYPE_ARRAY, 4, 8, 1, 0) < 0 && errno == EPERM, "no map");
	check(program_load(device, BPF_PROG_TYPE_KPROBE, nothing, COUNT(nothing), NULL) < 0 && errno == EPERM,
	      "no program");
	check(attach_name(device, program, ANYPROBE_ON_KPROBE, "vfs_read") < 0 && errno == EPERM, "no link");
	check(refused(device, ANYPROBE_IOC_PERF_RING, NULL), "no perf ring");
	check(refused(device, 0x1234, NULL), "nor anything else");
	check(refused(map, ANYPROBE_IOC_OBJECT, &object), "a map handed over tells nothing");
	check(refused(program, ANYPROBE_IOC_OBJECT, &object), "nor a program");
	check(refused(link_fd, ANYPROBE_IOC_OBJECT, &object), "nor a link");
	check(refused(ring, ANYPROBE_IOC_OBJECT, &object), "nor a perf ring");
}

static void in_child(void (*before)(void), void (*what)(void))
{
	int status = -1, counts[2] = {0}, result[2];
	pid_t child;

	fflush(stdout);
	if (pipe(result))
		return;
	child = fork();
	if (!child) {
		checks_passed = checks_failed = 0;
		if (before)
			before();
		if (what)
			what();
		counts[0] = checks_passed;
		counts[1] = checks_failed;
		_exit(write(result[1], counts, sizeof(counts)) != sizeof(counts));
	}
	waitpid(child, &status, 0);
	check(!status && read(result[0], counts, sizeof(counts)) == sizeof(counts), "(child)");
	checks_passed += counts[0];
	checks_failed += counts[1];
	close(result[0]);
	close(result[1]);
}

int main(void)
{
	const struct bpf_insn nothing[] = {RETURN};

	device = device_open();
	map = map_create(device, BPF_MAP_TYPE_ARRAY, 4, 8, 1, 0);
	program = program_load(device, BPF_PROG_TYPE_KPROBE, nothing, COUNT(nothing), NULL);
	link_fd = attach_name(device, program, ANYPROBE_ON_KPROBE, "vfs_read");
	ring = ioctl(device, ANYPROBE_IOC_PERF_RING);
	check(map >= 0 && program >= 0 && link_fd >= 0 && ring >= 0, "root has one of each");
	in_child(as_nobody, handed_over);
	in_child(without_capability, handed_over);
	return checks_end();
}
