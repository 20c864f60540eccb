// SPDX-License-Identifier: GPL-2.0-only
/* /dev/anyprobe: who may open it, and what its ioctls lead to. */
#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/uaccess.h>
#include "anyprobe.h"

static int device_open(struct inode *inode, struct file *file)
{
	return capable(CAP_SYS_ADMIN) ? 0 : -EPERM;
}

static long say_hello(void __user *argument)
{
	struct anyprobe_hello hello = {ANYPROBE_PROTOCOL, ap_abilities()};

	return copy_to_user(argument, &hello, sizeof(hello)) ? -EFAULT : 0;
}

static long do_attach(void __user *argument)
{
	struct anyprobe_attach attach;
	int fd;

	if (copy_from_user(&attach, argument, sizeof(attach)))
		return -EFAULT;
	attach.refused = 0;
	fd = ap_attach(&attach);
	/* An answer that cannot be given is no reason to lose the link. */
	if (put_user(attach.refused, &((struct anyprobe_attach __user *)argument)->refused) && fd < 0)
		return -EFAULT;
	return fd;
}

/* Checked each time: the descriptor may have come into other hands. */
static long device_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	struct anyprobe_bpf call;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	switch (command) {
	case ANYPROBE_IOC_HELLO:
		return say_hello((void __user *)argument);
	case ANYPROBE_IOC_BPF:
		if (copy_from_user(&call, (void __user *)argument, sizeof(call)))
			return -EFAULT;
		return vm_bpf(&ap_bpf, call.command, call.attr, call.size);
	case ANYPROBE_IOC_ATTACH:
		return do_attach((void __user *)argument);
	case ANYPROBE_IOC_PERF_RING:
		return ap_fd_create(ANYPROBE_PERF_RING, vm_perf_ring_create());
	default:
		return -ENOTTY;
	}
}

static const struct file_operations device_files = {
	.owner = THIS_MODULE,
	.open = device_open,
	.unlocked_ioctl = device_ioctl,
	.compat_ioctl = device_ioctl,
};

static struct miscdevice device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "anyprobe",
	.mode = 0600,
	.fops = &device_files,
};

static int __init anyprobe_init(void)
{
	int err = ap_run_init();

	if (err)
		return err;
	err = misc_register(&device);
	if (err)
		ap_run_exit();
	return err;
}

static void __exit anyprobe_exit(void)
{
	misc_deregister(&device);
	ap_print_names(0);
	ap_run_exit();
}

module_init(anyprobe_init);
module_exit(anyprobe_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Runs BPF programs on kernels that have no BPF");
MODULE_VERSION("1"); /* ANYPROBE_PROTOCOL */
