// SPDX-License-Identifier: GPL-2.0-only
// The contract between the common layer and an engine: an engine is whoever answers bpf(2).
//
// libbpf stays the only loader. Its private copy (Makefile) calls ap_syscall() and friends, which
// hand every call to the active engine. The kernel engine passes them on; another engine answers
// them itself.
#pragma once

#include "layer/engine/hook.h"
#include "layer/result.h"

#include <cstdint>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <memory>
#include <optional>
#include <string>
#include <sys/epoll.h>
#include <sys/types.h>

enum class Feature; // features.h

// A program that is attached. Destroying it detaches.
class Link {
public:
	virtual ~Link() = default;
};

class Engine {
public:
	virtual ~Engine() = default;

	virtual const char *name() const = 0;

	// Why this engine can work here, in a few words: the first line of every run shows them.
	virtual std::string reason() const = 0;

	// As bpf(2): an fd or 0, or -1 with errno. `attr` has `size` bytes and stays the caller's.
	virtual long bpf(int command, union bpf_attr *attr, unsigned size) = 0;

	// The other system calls by which libbpf reaches what bpf(2) gave: for an engine whose maps and
	// programs are not the kernel's. Each is as its system call; the default is the kernel's own.
	virtual long perf_event_open(perf_event_attr *attr, pid_t pid, int cpu, int group, unsigned long flags);
	virtual void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset);
	virtual int ioctl(int fd, unsigned long request, void *argument);
	virtual int epoll_ctl(int epoll, int operation, int fd, epoll_event *event);

	// Can programs be attached to such a hook here? An error names the missing feature, the version that
	// brought it, and how a kernel gets it. For a tracepoint the target counts too: errno ENOENT says
	// that this kernel does not have that one.
	virtual Result<void> supports(const Hook &hook) = 0;

	// Attach the loaded program `program_fd` (the caller's). Error code ENOENT: no such place here.
	virtual Result<std::unique_ptr<Link>> attach(int program_fd, const Hook &hook) = 0;

	// Has the engine this feature by itself, or lacks it whatever the kernel has? None: ask (features.h).
	virtual std::optional<bool> has(Feature) { return {}; }

	// Can this loaded program be attached there? For an engine whose answer depends on the instructions:
	// checks_programs() says so, and then it is asked for every program before any is attached.
	virtual bool checks_programs() const { return false; }
	virtual Result<void> check(int program_fd, const Hook &hook) { return (void)program_fd, (void)hook, Result<void>(); }

	// For an engine that runs programs in this process, over what the kernel has captured. The caller polls fd()
	// (-1: nothing to wait for) and calls process(), which runs them. Ring and perf buffers get records then, and only
	// then; they are to be emptied after each call. True: more is waiting, that would not have fitted into them.
	// After the last link is gone, it is called until it says false.
	virtual int fd() const { return -1; }
	virtual bool process() { return false; }
	// Events that no program saw, for want of room or time, since the engine was opened.
	virtual uint64_t lost() const { return 0; }
	// Where bpf_trace_printk's text comes out, in trace_pipe's layout, to be read; -1: the kernel's own trace_pipe.
	virtual int printed() { return -1; }
};

// The engine that answers libbpf's calls from now on; the caller keeps it alive. nullptr: the kernel.
void activate(Engine *engine);
Engine *active_engine();
