// SPDX-License-Identifier: GPL-2.0-only
#include "../suite.h"
#include "anyprobe.h"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <fcntl.h>
#include <fstream>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

constexpr size_t block_size = 4096;
constexpr int reads = 64;
constexpr int stride = 16; // blocks between two reads, so that no two become one
constexpr int device_us = 5000;
constexpr const char *device = "/dev/nullb0";

// A disk that takes 5 ms for everything, and one request at a time.
class SlowDisk {
	bool made_ = false;

public:
	SlowDisk()
	{
		if (access(device, F_OK) == 0)
			skip("somebody uses null_blk here");
		made_ = run_tool({"modprobe", "null_blk", "nr_devices=1", "gb=1", "irqmode=2",
				  fmt::format("completion_nsec={}", device_us * 1000), "submit_queues=1", "hw_queue_depth=1"});
		for (int i = 0; made_ && i < 100 && access(device, R_OK) != 0; i++)
			sleep_seconds(0.05);
		if (!made_ || access(device, R_OK) != 0)
			skip("there is no null_blk module here");
	}
	~SlowDisk()
	{
		if (made_)
			run_tool({"modprobe", "-r", "null_blk"});
	}
	SlowDisk(const SlowDisk &) = delete;
	SlowDisk &operator=(const SlowDisk &) = delete;
};

const char *path_to_read;

// Shared with the reader: how long each read took it, in us.
unsigned long *const took = static_cast<unsigned long *>(
	mmap(nullptr, reads * sizeof(unsigned long), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));

unsigned long now_us()
{
	timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return static_cast<unsigned long>(time.tv_sec) * 1'000'000 + static_cast<unsigned long>(time.tv_nsec) / 1000;
}

int read_blocks()
{
	prctl(PR_SET_NAME, "block-reader");
	int fd = open(path_to_read, O_RDONLY | O_DIRECT | O_CLOEXEC);
	void *block = aligned_alloc(block_size, block_size);
	int got = 0;
	for (int i = 0; i < reads; i++) {
		unsigned long start = now_us();
		got += pread(fd, block, block_size, static_cast<off_t>(i) * stride * block_size) == block_size;
		took[i] = now_us() - start;
	}
	free(block);
	return got == reads ? 0 : 1;
}

// How many reads took that long for their process: the device cannot have taken longer.
int reads_of_at_least(unsigned long us)
{
	return static_cast<int>(std::count_if(took, took + reads, [us](unsigned long one) { return one >= us; }));
}

// Four at once, each with its own part of the disk.
int read_in_four()
{
	for (off_t reader = 0; reader < 4; reader++)
		if (fork() == 0) {
			int fd = open(path_to_read, O_RDONLY | O_DIRECT | O_CLOEXEC);
			void *block = aligned_alloc(block_size, block_size);
			for (off_t i = 0; i < reads / 4; i++)
				if (pread(fd, block, block_size, (reader * reads + i) * stride * block_size) !=
				    block_size)
					_exit(1);
			_exit(0);
		}
	while (wait(nullptr) > 0) {
	}
	return 0;
}

const Json *row_of(const std::vector<Json> &rows, const std::string &disk)
{
	for (const Json &row : rows)
		if (row.value("disk", "") == disk)
			return &row;
	return nullptr;
}

// How many were counted in slots from `low` up to, but without, `high`.
int between(const Json &row, unsigned long low, unsigned long high)
{
	int count = 0;
	for (const Json &bucket : row["buckets"])
		if (bucket["low"] >= low && bucket["low"] < high)
			count += bucket["count"].get<int>();
	return count;
}

double mean(const Json &row)
{
	double total = 0;
	for (const Json &bucket : row["buckets"])
		total += bucket["count"].get<double>() * (bucket["low"].get<double>() + bucket["high"].get<double>()) /
			 2;
	return total / row["count"].get<double>();
}

void counts_each_read_of_a_slow_disk()
{
	need_sample("biolatency");
	SlowDisk disk;
	path_to_read = device;
	sleep_seconds(0.5); // whoever looks at new disks has done so
	Anyprobe usecs({"biolatency", "-D", "--comm", "block-reader", "--output", "json"});
	Anyprobe msecs({"biolatency", "-D", "-m", "--output", "json"});
	CHECK_EQUAL(run_child(read_blocks).status, 0);
	auto rows = usecs.finish(SIGINT).rows();
	const Json *row = row_of(rows, "nullb0");
	REQUIRE(row);
	CHECK_EQUAL(rows.size(), 1);
	CHECK_EQUAL((*row)["count"].get<int>(), reads);
	CHECK_EQUAL(between(*row, 0, 4096), 0);
	// No sooner than the timer, which a busy machine can delay.
	for (unsigned long slot = 8192; slot < 1 << 30; slot *= 2)
		CHECK(between(*row, slot, 1 << 30) <= reads_of_at_least(slot));
	rows = msecs.finish(SIGINT).rows();
	row = row_of(rows, "nullb0");
	REQUIRE(row);
	CHECK_EQUAL((*row)["unit"].get<std::string>(), "msecs");
	CHECK_EQUAL((*row)["count"].get<int>(), reads);
	CHECK_EQUAL(between(*row, 0, 4), 0);
	for (unsigned long slot = 8; slot < 1 << 20; slot *= 2)
		CHECK(between(*row, slot, 1 << 30) <= reads_of_at_least(slot * 1000));
}

void tells_queue_from_device()
{
	need_sample("biolatency");
	SlowDisk disk;
	path_to_read = device;
	std::ofstream("/sys/block/nullb0/queue/scheduler") << "mq-deadline" << std::flush;
	std::string chosen;
	std::getline(std::ifstream("/sys/block/nullb0/queue/scheduler"), chosen);
	if (chosen.find("[mq-deadline]") == chosen.npos)
		skip("this kernel has no mq-deadline");
	sleep_seconds(0.5);
	Anyprobe queued({"biolatency", "-D", "-Q", "--output", "json"});
	Anyprobe without({"biolatency", "-D", "--output", "json"});
	run_child(read_in_four);
	auto rows = queued.finish(SIGINT).rows();
	const Json *row = row_of(rows, "nullb0");
	REQUIRE(row);
	CHECK_EQUAL((*row)["count"].get<int>(), reads);
	CHECK(between(*row, 8192, 1 << 30) >= reads * 3 / 4); // one to three others are before it, 5 ms each
	double with_queue = mean(*row);
	rows = without.finish(SIGINT).rows();
	row = row_of(rows, "nullb0");
	REQUIRE(row);
	CHECK_EQUAL((*row)["count"].get<int>(), reads);
	CHECK_EQUAL(between(*row, 0, 4096), 0);
	CHECK(with_queue >= 1.5 * mean(*row));
}

// No CPU is idle as long as this is there: the kernels of some virtual machines give perf no samples of an idle CPU,
// and a request may well end on one.
class BusyCpus {
	std::vector<pid_t> spinners_;

public:
	BusyCpus()
	{
		for (int cpu = 0; cpu < get_nprocs(); cpu++) {
			pid_t pid = fork();
			if (pid == 0) {
				prctl(PR_SET_PDEATHSIG, SIGKILL);
				sched_param none{};
				cpu_set_t one;
				CPU_ZERO(&one);
				CPU_SET(cpu, &one);
				sched_setaffinity(0, sizeof(one), &one);
				sched_setscheduler(0, SCHED_IDLE, &none);
				for (;;)
					now_us();
			}
			spinners_.push_back(pid);
		}
	}
	~BusyCpus()
	{
		for (pid_t pid : spinners_) {
			kill(pid, SIGKILL);
			waitpid(pid, nullptr, 0);
		}
	}
	BusyCpus(const BusyCpus &) = delete;
	BusyCpus &operator=(const BusyCpus &) = delete;
};

// A file on whatever disk there is: here only the number is known.
void counts_reads_of_a_file()
{
	need_sample("biolatency");
	char path[] = "/var/tmp/anyprobe-test-XXXXXX";
	int fd = mkstemp(path);
	std::string content(block_size * reads * stride, 'x');
	bool written = fd >= 0 && write(fd, content.data(), content.size()) == static_cast<ssize_t>(content.size()) &&
		       fsync(fd) == 0;
	close(fd);
	path_to_read = path;
	bool direct = written && run_child(read_blocks).status == 0;
	if (!direct) {
		unlink(path);
		skip("no file system here reads past the page cache");
	}
	BusyCpus busy;
	Anyprobe biolatency({"biolatency", "--comm", "block-reader", "--output", "json"});
	CHECK_EQUAL(run_child(read_blocks).status, 0);
	auto rows = biolatency.finish(SIGINT).rows();
	unlink(path);
	if (rows.empty())
		skip("the temporary file is on no block device");
	CHECK_EQUAL(rows.size(), 1);
	CHECK_EQUAL(rows[0]["count"].get<int>(), reads);
	CHECK(!rows[0].contains("disk"));
}

const Suite suite{"biolatency",
		  {{"counts each read of a disk that takes 5 ms, in the right slots", counts_each_read_of_a_slow_disk},
		   {"tells the time in the queue from the device's, with -Q", tells_queue_from_device},
		   {"counts the reads of a file on the machine's disk", counts_reads_of_a_file}}};

} // namespace
