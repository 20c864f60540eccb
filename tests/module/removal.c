// SPDX-License-Identifier: GPL-2.0-only
/*
 * removal COUNT MODULE.ko: the module cannot go while anything of it is open, and can at once when nothing
 * is, under load, however that came about. The module is loaded at the start and at the end.
 */
#include "module.h"

#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static const char *path;

static int module_insert(void)
{
	int file = open(path, O_RDONLY | O_CLOEXEC), result = syscall(SYS_finit_module, file, "", 0);

	close(file);
	return result;
}

static int module_remove(void)
{
	return syscall(SYS_delete_module, "anyprobe", O_NONBLOCK);
}

static int is_refused(void)
{
	return module_remove() < 0 && errno == EWOULDBLOCK;
}

struct held {
	int device, map, program, link;
	void *memory;
};

static void hold(struct held *held)
{
	held->device = device_open();
	held->map = map_create(held->device, BPF_MAP_TYPE_RINGBUF, 0, 0, 4096, 0);
	{
		const struct bpf_insn insns[] = {STORE_NUMBER(10, -8, 7),
						 MAP(1, held->map),
						 COPY(2, 10),
						 ADD(2, -8),
						 SET(3, 8),
						 SET(4, 0),
						 CALL(130),
						 RETURN};

		held->program = program_load(held->device, BPF_PROG_TYPE_KPROBE, insns, COUNT(insns), NULL);
	}
	held->link = attach_name(held->device, held->program, ANYPROBE_ON_KPROBE, "vfs_read");
	held->memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, held->map, 0);
}

static void close_all(struct held *held)
{
	close(held->device);
	close(held->map);
	close(held->program);
	close(held->link);
}

/* Each thing alone holds the module. Bits of the result say which did not. */
static unsigned each_alone(void)
{
	unsigned wrong = 0;
	struct held held;

	for (int which = 0; which < 5; which++) {
		hold(&held);
		if (which != 0)
			close(held.device);
		if (which != 1)
			close(held.map);
		if (which != 2)
			close(held.program);
		if (which != 3)
			close(held.link);
		if (which != 4)
			munmap(held.memory, 4096);
		wrong |= !is_refused() << which;
		if (which == 4)
			munmap(held.memory, 4096);
		close_all(&held);
	}
	return wrong;
}

/* A process that holds everything is killed; the module goes at once. */
static int after_kill(void)
{
	struct held held;
	int ready[2];
	char byte;
	pid_t child;

	if (pipe(ready))
		return -1;
	child = fork();
	if (!child) {
		hold(&held);
		if (write(ready[1], "", 1) != 1)
			_exit(1);
		pause();
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		return -1;
	close(ready[0]);
	if (!is_refused())
		return -1;
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	return module_remove();
}

int main(int argc, char **argv)
{
	const unsigned count = argc > 1 ? atoi(argv[1]) : 20;
	unsigned wrong = 0, stayed = 0, killed = 0;

	path = argc > 2 ? argv[2] : "";
	load_start();
	for (unsigned i = 0; i < count; i++) {
		wrong |= each_alone();
		stayed += !!module_remove();
		if (module_insert())
			break;
		killed += !!after_kill();
		if (module_insert())
			break;
	}
	check(!wrong, "removal is refused while device, map, program, link or mapping is open (not while held by 0x%x)",
	      wrong);
	check(!stayed, "%u times it is removed under load when all is closed; not %u times", count, stayed);
	check(!killed, "%u times it is removed right after its user was killed; not %u times", count, killed);
	check(module_users(0) == 0, "it is there again");
	load_stop();
	return checks_end();
}
