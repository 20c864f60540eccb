// SPDX-License-Identifier: GPL-2.0-only
/* uprobes and uretprobes: places in files of programs, for one process or all. */
#include <linux/fs.h>
#include <linux/namei.h>
#include <linux/sched.h>
#include "anyprobe.h"

struct user_probe {
	struct uprobe_consumer consumer;
	struct ap_link *link;
	struct path path;
	struct inode *inode; /* NULL: not registered */
	struct ap_uprobe handle;
	u64 offset;
};

static void hit_user(struct uprobe_consumer *consumer, struct pt_regs *regs)
{
	struct user_probe *probe = container_of(consumer, struct user_probe, consumer);
	struct ap_link *link = probe->link;
	struct ap_hit hit PORT_UNINITIALIZED;

	ap_hit_init(&hit, link, regs, instruction_pointer(regs));
	if (link->pid < 0 || link->pid == current->tgid)
		ap_run(&hit, regs, sizeof(*regs));
}

static AP_UPROBE_HANDLER(entry_handler, hit_user)
static AP_URETPROBE_HANDLER(return_handler, hit_user)

static int attach(struct ap_link *link, struct anyprobe_attach *attach, char *names)
{
	struct user_probe *probe = link->own;
	struct inode *inode;
	int err;

	if (attach->count != 1)
		return -EINVAL;
	err = kern_path(names, LOOKUP_FOLLOW, &probe->path);
	if (err)
		return err;
	inode = ap_real_inode(probe->path.dentry);
	probe->link = link;
	probe->offset = attach->offset;
	if (attach->kind == ANYPROBE_ON_URETPROBE)
		probe->consumer.ret_handler = return_handler;
	else
		probe->consumer.handler = entry_handler;
	err = ap_uprobe_register(&probe->handle, inode, probe->offset, attach->semaphore, &probe->consumer);
	if (err)
		path_put(&probe->path);
	else
		probe->inode = inode;
	return err;
}

static void detach(struct ap_link *link)
{
	struct user_probe *probe = link->own;

	if (!probe->inode)
		return;
	ap_uprobe_unregister(&probe->handle, probe->inode, probe->offset, &probe->consumer);
	path_put(&probe->path);
}

const struct ap_link_ops ap_uprobe_ops = {sizeof(struct user_probe), 0, attach, detach};
