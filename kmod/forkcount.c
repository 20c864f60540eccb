// SPDX-License-Identifier: GPL-2.0-only
/*
 * A first kernel module: one kprobe that counts forks. It needs nothing of the rest; read it before the rest.
 *
 *	insmod forkcount.ko; cat /sys/kernel/debug/anyprobe_forkcount; rmmod forkcount
 *
 * A kprobe replaces one instruction of the kernel. The CPU that runs into it calls `pre`, executes the
 * instruction that was there, and calls `post`. Handlers run with preemption off and must not sleep.
 */
#include <linux/atomic.h>
#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/seq_file.h>

static atomic_t before = ATOMIC_INIT(0), after = ATOMIC_INIT(0);

static int pre(struct kprobe *probe, struct pt_regs *regs)
{
	atomic_inc(&before);
	return 0; /* 1 would say: regs are changed, do not execute the instruction */
}

static void post(struct kprobe *probe, struct pt_regs *regs, unsigned long flags)
{
	atomic_inc(&after);
}

static struct kprobe probe = {
	.pre_handler = pre,
	.post_handler = post,
};

/* The function that fork(2), vfork(2) and clone(2) share, by all the names it has had. */
static const char *const names[] = {
	"kernel_clone", /* since 5.10 */
	"_do_fork",	/* since 4.2 */
	"do_fork",
};

static int show(struct seq_file *file, void *unused)
{
	seq_printf(file, "function %s\nbefore %d\nafter %d\n", probe.symbol_name, atomic_read(&before),
		   atomic_read(&after));
	return 0;
}

static int open(struct inode *inode, struct file *file)
{
	return single_open(file, show, NULL);
}

static const struct file_operations count_file = {
	.owner = THIS_MODULE,
	.open = open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = single_release,
};

static struct dentry *entry;

static int __init forkcount_init(void)
{
	int err = -ENOENT;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names) && err; i++) {
		probe.symbol_name = names[i];
		probe.addr = NULL;
		probe.flags = 0;
		err = register_kprobe(&probe);
	}
	if (err) {
		pr_err("forkcount: failed to probe the fork function: %d\n", err);
		return err;
	}
	entry = debugfs_create_file("anyprobe_forkcount", 0400, NULL, NULL, &count_file);
	return 0;
}

static void __exit forkcount_exit(void)
{
	debugfs_remove(entry);
	unregister_kprobe(&probe); /* returns when no handler runs any more */
}

module_init(forkcount_init);
module_exit(forkcount_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Counts forks with one kprobe");
