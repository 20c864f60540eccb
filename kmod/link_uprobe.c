// SPDX-License-Identifier: GPL-2.0-only
/* uprobes and uretprobes: places in files of programs, for one process or all. */
#include <linux/fs.h>
#include <linux/namei.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include "anyprobe.h"

struct user_probe {
	struct uprobe_consumer consumer;
	struct ap_link *link;
	struct path path;
	struct inode *inode;
	struct ap_uprobe handle;
	u64 offset;
};

static void hit_user(struct uprobe_consumer *consumer, struct pt_regs *regs)
{
	struct user_probe *probe = container_of(consumer, struct user_probe, consumer);
	struct ap_link *link = probe->link;
	struct ap_hit hit = {.link = link, .regs = regs, .ip = instruction_pointer(regs)};

	if (link->pid < 0 || link->pid == current->tgid)
		ap_run(&hit, regs, sizeof(*regs));
}

static AP_UPROBE_HANDLER(entry_handler, hit_user)
static AP_URETPROBE_HANDLER(return_handler, hit_user)

static int attach(struct ap_link *link, struct anyprobe_attach *attach, char *names, int at_return)
{
	struct user_probe *probe;
	int err;

	if (attach->count != 1)
		return -EINVAL;
	probe = kzalloc(sizeof(*probe), GFP_KERNEL);
	if (!probe)
		return -ENOMEM;
	err = kern_path(names, LOOKUP_FOLLOW, &probe->path);
	if (err)
		goto free;
	probe->inode = ap_real_inode(probe->path.dentry);
	probe->link = link;
	probe->offset = attach->offset;
	if (at_return)
		probe->consumer.ret_handler = return_handler;
	else
		probe->consumer.handler = entry_handler;
	err = ap_uprobe_register(&probe->handle, probe->inode, probe->offset, attach->semaphore, &probe->consumer);
	if (err)
		goto path;
	link->own = probe;
	return 0;
path:
	path_put(&probe->path);
free:
	kfree(probe);
	return err;
}

static int attach_entry(struct ap_link *link, struct anyprobe_attach *request, char *names)
{
	return attach(link, request, names, 0);
}

static int attach_return(struct ap_link *link, struct anyprobe_attach *request, char *names)
{
	return attach(link, request, names, 1);
}

static void detach(struct ap_link *link)
{
	struct user_probe *probe = link->own;

	if (!probe)
		return;
	ap_uprobe_unregister(&probe->handle, probe->inode, probe->offset, &probe->consumer);
	path_put(&probe->path);
	kfree(probe);
}

const struct ap_link_ops ap_uprobe_ops = {attach_entry, detach};
const struct ap_link_ops ap_uretprobe_ops = {attach_return, detach};
