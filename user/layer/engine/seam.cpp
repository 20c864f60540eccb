// SPDX-License-Identifier: GPL-2.0-only
#include "layer/engine/seam.h"
#include "layer/engine/engine.h"
#include "layer/engine/explain.h"

#include <cerrno>
#include <cstdarg>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace {
Engine *active = nullptr;
}

void activate(Engine *engine)
{
	active = engine;
}

Engine *active_engine()
{
	return active;
}

long Engine::perf_event_open(perf_event_attr *attr, pid_t pid, int cpu, int group, unsigned long flags)
{
	return ::syscall(__NR_perf_event_open, attr, pid, cpu, group, flags);
}

void *Engine::mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset)
{
	return ::mmap(address, length, protection, flags, fd, offset);
}

int Engine::ioctl(int fd, unsigned long request, void *argument)
{
	return ::ioctl(fd, request, argument);
}

int Engine::epoll_ctl(int epoll, int operation, int fd, epoll_event *event)
{
	return ::epoll_ctl(epoll, operation, fd, event);
}

long seam_bpf(int command, union bpf_attr *attr, unsigned size)
{
	long result = active ? active->bpf(command, attr, size) : ::syscall(__NR_bpf, command, attr, size);
	if (explaining()) {
		int saved = errno;
		explain_bpf(command, attr, result);
		errno = saved;
	}
	return result;
}

int seam_perf_event_open(perf_event_attr *attr, pid_t pid, int cpu, unsigned long flags)
{
	long result = active ? active->perf_event_open(attr, pid, cpu, -1, flags)
			     : ::syscall(__NR_perf_event_open, attr, pid, cpu, -1, flags);
	if (explaining()) {
		int saved = errno;
		explain_perf_event_open(*attr, pid, cpu, result);
		errno = saved;
	}
	return static_cast<int>(result);
}

int seam_ioctl(int fd, unsigned long request, void *argument)
{
	int result = active ? active->ioctl(fd, request, argument) : ::ioctl(fd, request, argument);
	if (explaining()) {
		int saved = errno;
		explain_ioctl(fd, request, reinterpret_cast<unsigned long>(argument), result);
		errno = saved;
	}
	return result;
}

extern "C" {

long ap_syscall(long number, ...);
void *ap_mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset);
void *ap_mmap64(void *address, size_t length, int protection, int flags, int fd, off_t offset);
int ap_ioctl(int fd, unsigned long request, ...);
int ap_epoll_ctl(int epoll, int operation, int fd, epoll_event *event);

long ap_syscall(long number, ...)
{
	va_list list;
	va_start(list, number);
	long a[6];
	for (long &argument : a)
		argument = va_arg(list, long);
	va_end(list);

	switch (number) {
	case __NR_bpf:
		return seam_bpf(static_cast<int>(a[0]), reinterpret_cast<union bpf_attr *>(a[1]),
				static_cast<unsigned>(a[2]));
	case __NR_perf_event_open:
		return seam_perf_event_open(reinterpret_cast<perf_event_attr *>(a[0]), static_cast<pid_t>(a[1]),
					    static_cast<int>(a[2]), static_cast<unsigned long>(a[4]));
	default:
		return ::syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
	}
}

void *ap_mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset)
{
	return active ? active->mmap(address, length, protection, flags, fd, offset)
		      : ::mmap(address, length, protection, flags, fd, offset);
}

void *ap_mmap64(void *address, size_t length, int protection, int flags, int fd, off_t offset)
{
	return ap_mmap(address, length, protection, flags, fd, offset);
}

int ap_ioctl(int fd, unsigned long request, ...)
{
	va_list list;
	va_start(list, request);
	void *argument = va_arg(list, void *);
	va_end(list);
	return seam_ioctl(fd, request, argument);
}

int ap_epoll_ctl(int epoll, int operation, int fd, epoll_event *event)
{
	return active ? active->epoll_ctl(epoll, operation, fd, event) : ::epoll_ctl(epoll, operation, fd, event);
}
}
