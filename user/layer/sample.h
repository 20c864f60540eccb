// SPDX-License-Identifier: GPL-2.0-only
// What a sample is made of. A sample's file derives from EventSample (rows as they happen) or
// ReportSample (counts and histograms from maps) and ends in a Register object; it says nothing about engines.
#pragma once

#include "layer/engine/features.h"
#include "layer/log.h"
#include "layer/options.h"
#include "layer/output/output.h"
#include "layer/result.h"
#include "layer/trace.h"

#include <bpf/libbpf.h>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <unistd.h>

struct SampleInfo {
	const char *name;
	const char *summary;	 // one line
	const char *description; // a paragraph or two, for --help and the manual page
	std::span<const Column> columns;
	const char *example; // a command and what it really printed
	const char *instead; // what would do where its hooks are missing; "" for nothing
};

class Sample {
public:
	virtual ~Sample() = default;

	virtual void options(Options &) {}
	// What the options' values cannot be, seen together. Called before anything is opened.
	virtual Result<void> check(const CommonOptions &) { return {}; }
	// What can be said without an engine (a list): print it and return true, and nothing is traced.
	virtual Result<bool> answer(const CommonOptions &, Output &) { return false; }

	// The object, in libbpf's order: open, (the layer chooses among its programs), configure, load, attach.
	// nullptr: there is none, and configure() loads programs in its own way.
	virtual Result<bpf_object *> open(const bpf_object_open_opts &opts) = 0;
	// Without an object: can its programs be attached here? An error says what is missing.
	virtual Result<void> supported(Engine &) { return {}; }
	// The first part of configure(), for who only wants to see whether it loads: the constants that all samples share.
	virtual void set_constants(const CommonOptions &) {}
	virtual Result<void> configure(Trace &) { return {}; }
	virtual int load() = 0; // 0 or a negative errno
	// The ELF file that is compiled in; empty where there is none.
	virtual std::string_view elf() const { return {}; }
	// CONFIG_NAME=VALUE lines for the object's __kconfig constants where this kernel does not tell its configuration.
	virtual const char *kconfig() const { return nullptr; }
	virtual void close() = 0;
	virtual Result<void> attach(Trace &trace) { return trace.attach_all(); }

	// One record from the ring or perf buffer `map`; `data` is valid during the call.
	virtual void record(Trace &, bpf_map *, const void *data, size_t size) { (void)data, (void)size; }
	// Called every interval() seconds, and at the end.
	virtual Result<void> report(Trace &, bool last) { (void)last; return {}; }
	virtual double interval() const { return 0; }
	// Rows come as things happen, and the summary counts them.
	virtual bool streams() const { return false; }

	// Set by Register.
	const SampleInfo *info = nullptr;
};

// A sample whose object is compiled in; K is its skeleton.
template <class K> class KernSample : public Sample {
	struct Destroy {
		void operator()(K *k) const { K::destroy(k); }
	};
	std::unique_ptr<K, Destroy> kern_;

public:
	Result<bpf_object *> open(const bpf_object_open_opts &opts) final
	{
		kern_.reset(K::open(&opts));
		if (!kern_)
			return log_error("object: failed to open the program that is built in", errno);
		return kern_->obj;
	}
	void set_constants(const CommonOptions &options) final;
	Result<void> configure(Trace &trace) final
	{
		set_constants(trace.options());
		return configure(kern(), trace);
	}
	int load() final { return K::load(&kern()); }
	std::string_view elf() const final
	{
		size_t size = 0;
		auto *bytes = static_cast<const char *>(K::elf_bytes(&size));
		return {bytes, size};
	}
	void close() final { kern_.reset(); }

protected:
	K &kern() { return *kern_; }
	// Fill in the constants (rodata) and choose the programs (autoload), before the load.
	virtual Result<void> configure(K &, Trace &) { return {}; }
};

// The constants that kern/include/ declares, as far as this object has them.
template <class K> void KernSample<K>::set_constants(const CommonOptions &options)
{
	K &k = kern();
	if constexpr (requires { k.rodata->filter_tgid; }) {
		k.rodata->filter_tgid = static_cast<uint32_t>(options.pid);
		k.rodata->own_tgid = static_cast<uint32_t>(getpid());
		memcpy(k.rodata->filter_comm, options.comm.data(), options.comm.size());
	}
	if constexpr (requires { k.rodata->events_in_ring; })
		k.rodata->events_in_ring = features().has(Feature::ring_buffer);
	if constexpr (requires { k.rodata->with_cookies; })
		k.rodata->with_cookies = features().has(Feature::attach_cookie);
}

// Rows as they happen. E is the record that the program emits; its first member is `time`, in ns of
// CLOCK_MONOTONIC. A record may be shorter than E (the rest is then 0), never longer.
template <class K, class E> class EventSample : public KernSample<K> {
public:
	virtual void print(const E &event, Row &row) = 0;

	void record(Trace &trace, bpf_map *, const void *data, size_t size) final
	{
		E event{};
		memcpy(&event, data, std::min(size, sizeof(event)));
		Row row;
		print(event, row);
		trace.event_row(event.time, row);
	}
	bool streams() const final { return true; }
};

// Counts and histograms: report() reads the maps, every interval and at the end.
template <class K> class ReportSample : public KernSample<K> {
	double interval_ = 0;

public:
	double interval() const override { return interval_; }

protected:
	void interval_option(Options &o, double by_default = 0)
	{
		interval_ = by_default;
		o.value("-i,--interval", interval_, "SECONDS", "report so often; else once, at the end");
	}
};

// The list of samples, filled by static Register objects.
struct SampleEntry {
	SampleInfo info;
	std::unique_ptr<Sample> (*create)();
	const SampleEntry *next;

	static const SampleEntry *first;
	static const SampleEntry *find(std::string_view name);
};

template <class S> struct Register {
	SampleEntry entry;

	explicit Register(const SampleInfo &info)
		: entry{info, [] { return std::unique_ptr<Sample>(std::make_unique<S>()); }, SampleEntry::first}
	{
		SampleEntry::first = &entry;
	}
};
