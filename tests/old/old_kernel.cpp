// SPDX-License-Identifier: GPL-2.0-only
// Runs anyprobe on this kernel, whose bpf(2) then answers as RHEL 7.9's 3.10 does: old-kernel [ARGUMENTS of anyprobe].
//
// Not by anything in anyprobe: a second process is asked by seccomp (user notification, 5.5) about every bpf(2) call and
// refuses what a kernel so old does not know. What it lets pass the real kernel does. The live tests take this as
// ANYPROBE, for the process that they start becomes anyprobe itself.
#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <elf.h>
#include <iterator>
#include <link.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <string>
#include <sys/auxv.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace {

constexpr size_t attr_size = 48;      // without names, BTF and what came with them
constexpr unsigned most_insns = 4096; // for everybody, until 5.2
constexpr int helpers[] = {1, 2, 3, 4, 5, 6, 7, 8, 12, 14, 15, 16, 22, 25, 27, 35, 36, 42, 45, 55, 58, 67};

template <size_t n> bool is_one_of(int value, const int (&list)[n])
{
	return std::find(std::begin(list), std::end(list), value) != std::end(list);
}

bool read_memory(pid_t pid, uint64_t address, void *to, size_t size)
{
	iovec local{to, size}, remote{reinterpret_cast<void *>(address), size};
	return process_vm_readv(pid, &local, 1, &remote, 1, 0) == static_cast<ssize_t>(size);
}

// With the NUL behind it, if there is room.
void write_memory(pid_t pid, uint64_t address, size_t room, const std::string &text)
{
	iovec local{const_cast<char *>(text.c_str()), text.size() + 1}, remote{reinterpret_cast<void *>(address), text.size() + 1};
	if (address && text.size() < room)
		process_vm_writev(pid, &local, 1, &remote, 1, 0);
}

// LINUX_VERSION_CODE as the kernel's vDSO has it in its notes.
uint32_t running_version()
{
	auto *start = reinterpret_cast<const char *>(getauxval(AT_SYSINFO_EHDR));
	auto *header = reinterpret_cast<const ElfW(Ehdr) *>(start);
	for (unsigned i = 0; start && i < header->e_phnum; i++) {
		auto *part = reinterpret_cast<const ElfW(Phdr) *>(start + header->e_phoff) + i;
		const char key[20] = {6, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 'L', 'i', 'n', 'u', 'x', 0, 0, 0};
		for (size_t at = 0; part->p_type == PT_NOTE && at + sizeof(key) + 4 <= part->p_filesz; at += 4) {
			uint32_t version;
			memcpy(&version, start + part->p_offset + at + sizeof(key), sizeof(version));
			if (!memcmp(start + part->p_offset + at, key, sizeof(key)))
				return version;
		}
	}
	return 0;
}

int judge_map(const bpf_attr &attr)
{
	constexpr int types[] = {BPF_MAP_TYPE_HASH, BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_PROG_ARRAY, BPF_MAP_TYPE_PERF_EVENT_ARRAY,
				 BPF_MAP_TYPE_PERCPU_HASH, BPF_MAP_TYPE_PERCPU_ARRAY, BPF_MAP_TYPE_STACK_TRACE};
	return is_one_of(static_cast<int>(attr.map_type), types) && !(attr.map_flags & ~static_cast<unsigned>(BPF_F_NO_PREALLOC)) ? 0 : EINVAL;
}

// What the verifier of then would not have understood; the rest the real one judges.
int judge_insn(const bpf_insn &insn)
{
	unsigned group = BPF_CLASS(insn.code), operation = BPF_OP(insn.code);
	if (insn.code == (BPF_LD | BPF_DW | BPF_IMM))
		return insn.src_reg > BPF_PSEUDO_MAP_FD ? EINVAL : 0;
	if (group == BPF_JMP32 || (group == BPF_STX && BPF_MODE(insn.code) == BPF_ATOMIC && insn.imm != BPF_ADD))
		return EINVAL;
	if (group != BPF_JMP || operation == BPF_EXIT)
		return 0;
	if (operation == BPF_CALL)
		return insn.src_reg || !is_one_of(insn.imm, helpers) ? EINVAL : 0;
	return operation >= BPF_JLT && operation <= BPF_JSLE ? EINVAL : 0; // comparisons that came with 4.14
}

// Can it come back to where it was? A jump backwards alone is no loop. By depth first search, as the verifier does it.
bool has_loop(const std::vector<bpf_insn> &insns)
{
	enum : char { unseen, open, done };
	std::vector<char> state(insns.size(), unseen);
	std::vector<std::pair<size_t, int>> path = {{0, 0}}; // instruction, and which of its successors is next
	while (!path.empty()) {
		auto &[at, next] = path.back();
		const bpf_insn &insn = insns[at];
		bool is_jump = BPF_CLASS(insn.code) == BPF_JMP && BPF_OP(insn.code) != BPF_CALL && BPF_OP(insn.code) != BPF_EXIT;
		bool goes_on = insn.code != (BPF_JMP | BPF_JA) && insn.code != (BPF_JMP | BPF_EXIT);
		size_t to = insns.size();
		state[at] = open;
		if (next == 0 && goes_on)
			to = at + (insn.code == (BPF_LD | BPF_DW | BPF_IMM) ? 2 : 1);
		else if (next == 1 && is_jump)
			to = at + 1 + static_cast<size_t>(static_cast<long>(insn.off));
		if (next++ == 2) {
			state[at] = done;
			path.pop_back();
		} else if (to < insns.size() && state[to] == open) {
			return true;
		} else if (to < insns.size() && state[to] == unseen) {
			path.emplace_back(to, 0);
		}
	}
	return false;
}

int judge_program(pid_t pid, const bpf_attr &attr)
{
	constexpr int types[] = {BPF_PROG_TYPE_KPROBE, BPF_PROG_TYPE_TRACEPOINT, BPF_PROG_TYPE_PERF_EVENT};
	if (!is_one_of(static_cast<int>(attr.prog_type), types) || attr.prog_flags)
		return EINVAL;
	if (attr.prog_type == BPF_PROG_TYPE_KPROBE && attr.kern_version != running_version())
		return EINVAL;
	if (attr.insn_cnt > most_insns)
		return E2BIG;
	std::vector<bpf_insn> insns(attr.insn_cnt);
	if (!read_memory(pid, attr.insns, insns.data(), insns.size() * sizeof(bpf_insn)))
		return EFAULT;
	for (size_t at = 0; at < insns.size(); at += insns[at].code == (BPF_LD | BPF_DW | BPF_IMM) ? 2 : 1) {
		int refused = judge_insn(insns[at]);
		if (refused && insns[at].code == (BPF_JMP | BPF_CALL)) // by these words libbpf tells a missing helper
			write_memory(pid, attr.log_buf, attr.log_size, "invalid func " + std::to_string(insns[at].imm) + "\n");
		else if (refused)
			write_memory(pid, attr.log_buf, attr.log_size, "unknown opcode " + std::to_string(insns[at].code) + " in instruction " + std::to_string(at) + "\n");
		if (refused)
			return refused;
	}
	if (!insns.empty() && has_loop(insns)) {
		write_memory(pid, attr.log_buf, attr.log_size, "back-edge\n");
		return EINVAL;
	}
	return 0;
}

// 0: the kernel may answer; else the errno.
int judge(const seccomp_notif &call)
{
	auto pid = static_cast<pid_t>(call.pid);
	bpf_attr attr{};
	if (call.data.args[2] > sizeof(attr) || !read_memory(pid, call.data.args[1], &attr, call.data.args[2]))
		return EFAULT;
	auto *bytes = reinterpret_cast<const char *>(&attr);
	if (std::any_of(bytes + attr_size, bytes + sizeof(attr), [](char byte) { return byte != 0; }))
		return E2BIG;
	switch (call.data.args[0]) {
	case BPF_MAP_CREATE:
		return judge_map(attr);
	case BPF_PROG_LOAD:
		return judge_program(pid, attr);
	case BPF_MAP_LOOKUP_ELEM:
	case BPF_MAP_UPDATE_ELEM:
	case BPF_MAP_DELETE_ELEM:
	case BPF_MAP_GET_NEXT_KEY:
		return 0;
	default:
		return EINVAL;
	}
}

// Until the last process under the filter is gone.
[[noreturn]] void answer_all(int listener)
{
	pollfd wait{listener, POLLIN, 0};
	while (poll(&wait, 1, -1) >= 0 && !(wait.revents & POLLHUP)) {
		seccomp_notif call{};
		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call) != 0)
			continue; // it was killed meanwhile
		seccomp_notif_resp answer{};
		answer.id = call.id;
		answer.error = -judge(call);
		answer.flags = answer.error ? 0 : SECCOMP_USER_NOTIF_FLAG_CONTINUE;
		ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
	}
	_exit(0);
}

// A message of one byte, which carries a descriptor.
struct Carrier {
	char byte = 0;
	alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
	iovec data{&byte, 1};
	msghdr message{};

	Carrier()
	{
		message.msg_iov = &data;
		message.msg_iovlen = 1;
		message.msg_control = control;
		message.msg_controllen = sizeof(control);
	}
	Carrier(const Carrier &) = delete; // it points into itself
};

bool send_descriptor(int socket, int fd)
{
	Carrier carrier;
	cmsghdr *header = CMSG_FIRSTHDR(&carrier.message);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	return sendmsg(socket, &carrier.message, 0) == 1;
}

int receive_descriptor(int socket)
{
	Carrier carrier;
	int fd = -1;
	if (recvmsg(socket, &carrier.message, 0) == 1 && CMSG_FIRSTHDR(&carrier.message))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&carrier.message)), sizeof(fd));
	return fd;
}

// Nobody's child, so that whoever waits for anyprobe's children does not meet it.
void start_judge(int socket)
{
	pid_t pid = fork();
	if (pid == 0) {
		if (fork() != 0)
			_exit(0);
		int listener = receive_descriptor(socket);
		for (int fd = 0; fd < 1024; fd++)
			if (fd != listener)
				close(fd);
		answer_all(listener);
	}
	waitpid(pid, nullptr, 0);
}

int filter_calls()
{
	sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_bpf, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	sock_fprog program = {std::size(filter), filter};
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return static_cast<int>(syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program));
}

} // namespace

int main(int, char **argv)
{
	char own[4096];
	ssize_t length = readlink("/proc/self/exe", own, sizeof(own));
	std::string path(own, static_cast<size_t>(length > 0 ? length : 0));
	path = path.substr(0, path.rfind("/tests/")) + "/anyprobe";
	int sockets[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0)
		return perror("old-kernel: socketpair"), 125;
	start_judge(sockets[1]);
	int listener = filter_calls();
	if (listener < 0 || !send_descriptor(sockets[0], listener))
		return perror("old-kernel: failed to filter bpf(2) (needs Linux 5.5, CONFIG_SECCOMP_FILTER)"), 77;
	close(listener);
	execv(path.c_str(), argv);
	return perror(path.c_str()), 125;
}
