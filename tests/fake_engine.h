// SPDX-License-Identifier: GPL-2.0-only
// An engine that answers bpf(2) in this process, so that libbpf loads objects against it without root.
//
// Maps are memfds (libbpf mmaps them) and are known by their inode, for libbpf duplicates descriptors.
// What arrives is kept for the test to look at; what it answers can be set.
#pragma once

#include "layer/engine/engine.h"
#include "layer/unique_fd.h"

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

class FakeEngine : public Engine
{
      public:
	struct Map {
		bpf_map_type type;
		std::string name;
		size_t key_size, value_size, max_entries;
		uint32_t flags;
		bool frozen = false;
		std::map<std::string, std::string> entries; // of hash maps and perf event arrays, by the key's bytes
		UniqueFd file;				    // what libbpf has, once more
		UniqueFd ready;				    // an eventfd: memfds refuse epoll
		size_t written = 0;			    // ring buffer: bytes produced
	};
	struct Program {
		std::string name;
		bpf_prog_type type;
		std::vector<bpf_insn> insns;
		std::string license;
	};
	struct Attached {
		std::string program;
		Hook hook;
	};

	// What is known about an engine's features is kept under its name.
	explicit FakeEngine(std::string name) : name_(std::move(name)) {}

	// Answers, to be set by the test.
	std::set<bpf_map_type> refused_maps;
	bool refuses_unresolved = false; // CO-RE relocations, as a verifier does where the code can be reached
	std::function<Result<void>(const Hook &)> on_supports; // unset: everything
	std::function<int(const Hook &)> on_attach;	       // 0, or the errno with which it fails
	std::function<void()> attached_all;		       // called at each attach

	// What arrived. Programs and maps without those of probes: these have no name, or one of libbpf's.
	std::vector<Program> programs;
	std::vector<Attached> attached; // ever
	std::multiset<int> commands;
	int links = 0;			   // alive now
	std::multiset<std::string> mapped; // names of maps that were mmapped

	Map *map(const std::string &name);
	Map *map_of_fd(int fd);
	const Program *program(const std::string &name) const;

	// A record as the kernel would leave it in the ring buffer or in the first CPU's perf buffer.
	void push(const std::string &map, const void *data, size_t size);
	// A perf record that says so many were lost.
	void push_lost(const std::string &map, uint64_t count);

	const char *name() const override { return name_.c_str(); }
	std::string reason() const override { return "a test"; }
	long bpf(int command, union bpf_attr *attr, unsigned size) override;
	long perf_event_open(perf_event_attr *attr, pid_t pid, int cpu, int group, unsigned long flags) override;
	void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset) override;
	int ioctl(int fd, unsigned long request, void *argument) override;
	int epoll_ctl(int epoll, int operation, int fd, epoll_event *event) override;
	Result<void> supports(const Hook &hook) override;
	Result<std::unique_ptr<Link>> attach(int program_fd, const Hook &hook) override;

      private:
	std::string name_;
	std::map<uint64_t, Map> maps_;		 // by inode
	std::map<uint64_t, std::string> loaded_; // programs' names by inode

	long create_map(const union bpf_attr *attr);
	long map_element(int command, union bpf_attr *attr);
	long array_element(int command, union bpf_attr *attr, Map &map);
	long load_program(const union bpf_attr *attr);
	long info(union bpf_attr *attr);
	void push_perf(const std::string &map, uint32_t type, const void *data, size_t size);
};
