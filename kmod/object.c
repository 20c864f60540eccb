// SPDX-License-Identifier: GPL-2.0-only
/*
 * Maps, programs and links as file descriptors. Each holds the module (its file operations have an owner),
 * and the last close, whoever's, frees what is behind it.
 */
#include <linux/anon_inodes.h>
#include <linux/capability.h>
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/wait.h>
#include "anyprobe.h"

struct ap_map {
	struct vm_map *map;
	wait_queue_head_t wait;
	struct ap_irq_work wake;
	struct mutex lock; /* of the two below */
	u32 writers;	   /* mappings that may write */
	int frozen;
};

static long answer(const struct anyprobe_object *object, unsigned int command, unsigned long argument)
{
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (command != ANYPROBE_IOC_OBJECT)
		return -ENOTTY;
	return copy_to_user((void __user *)argument, object, sizeof(*object)) ? -EFAULT : 0;
}

/* ---- maps ---- */

static void map_wake_later(struct ap_irq_work *work)
{
	wake_up_all(&container_of(work, struct ap_map, wake)->wait);
}

struct ap_map *ap_map_owner_create(void)
{
	struct ap_map *owner = kzalloc(sizeof(*owner), GFP_KERNEL);

	if (!owner)
		return NULL;
	init_waitqueue_head(&owner->wait);
	mutex_init(&owner->lock);
	ap_irq_work_init(&owner->wake, map_wake_later);
	return owner;
}

void ap_map_owner_destroy(struct ap_map *owner)
{
	if (!owner)
		return;
	if (owner->map && vm_map_attr(owner->map)->owner) {
		/* A program may still write to the map; from now on it wakes nobody. */
		vm_map_set_owner(owner->map, NULL);
		port_synchronize();
	}
	ap_irq_work_sync(&owner->wake);
	kfree(owner);
}

void ap_map_wake(struct vm_map *map)
{
	struct ap_map *owner = port_load(&vm_map_attr(map)->owner);

	if (owner)
		ap_irq_work_queue(&owner->wake);
}

/*
 * The array may hold a program that holds the array. What nobody can see any more is let go, as the kernel
 * does when the last descriptor of such an array is closed.
 */
static void map_clear_programs(struct vm_map *map)
{
	u32 i;

	if (vm_map_attr(map)->type != VM_MAP_PROG_ARRAY)
		return;
	for (i = 0; i < vm_map_attr(map)->max_entries; i++)
		vm_map_delete(map, &i);
}

static int map_release(struct inode *inode, struct file *file)
{
	struct ap_map *owner = file->private_data;
	struct vm_map *map = owner->map;

	map_clear_programs(map);
	ap_map_owner_destroy(owner);
	vm_map_put(map);
	return 0;
}

static ap_poll_t map_poll(struct file *file, struct poll_table_struct *table)
{
	struct ap_map *owner = file->private_data;

	poll_wait(file, &owner->wait, table);
	return vm_map_ring_ready(owner->map) ? POLLIN | POLLRDNORM : 0;
}

/* VM_MAYWRITE, which mprotect leaves alone: what is read-only for now may be written again. */
static void map_opened(struct vm_area_struct *area)
{
	struct ap_map *owner = area->vm_file->private_data;

	if (!(area->vm_flags & VM_MAYWRITE))
		return;
	mutex_lock(&owner->lock);
	owner->writers++;
	mutex_unlock(&owner->lock);
}

static void map_closed(struct vm_area_struct *area)
{
	struct ap_map *owner = area->vm_file->private_data;

	if (!(area->vm_flags & VM_MAYWRITE))
		return;
	mutex_lock(&owner->lock);
	owner->writers--;
	mutex_unlock(&owner->lock);
}

static const struct vm_operations_struct map_area_ops = {
	.open = map_opened,
	.close = map_closed,
};

static int map_mmap(struct file *file, struct vm_area_struct *area)
{
	struct ap_map *owner = file->private_data;
	u64 size = 0, length = area->vm_end - area->vm_start;
	void *memory = vm_map_memory(owner->map, &size);
	int ring = vm_map_attr(owner->map)->type == VM_MAP_RINGBUF, writes = !!(area->vm_flags & VM_WRITE), err;

	if (!memory)
		return -ENODEV;
	if (!(area->vm_flags & VM_SHARED))
		return -EINVAL;
	if (area->vm_pgoff > size >> PAGE_SHIFT || length > size - ((u64)area->vm_pgoff << PAGE_SHIFT))
		return -EINVAL;
	/* Of a ring, user space writes the consumer's page and nothing else. */
	if (writes && ring && (area->vm_pgoff || length != PAGE_SIZE))
		return -EPERM;
	mutex_lock(&owner->lock);
	if (writes && owner->frozen) {
		err = -EPERM;
		goto out;
	}
	/* No mprotect later: who maps for reading only reads. */
	if (!writes)
		ap_area_forbid_write(area);
	err = remap_vmalloc_range(area, memory, area->vm_pgoff);
	if (err)
		goto out;
	area->vm_ops = &map_area_ops;
	owner->writers += writes;
out:
	mutex_unlock(&owner->lock);
	return err;
}

static long map_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	struct ap_map *owner = file->private_data;
	struct anyprobe_object object = {ANYPROBE_MAP, vm_map_id(owner->map)};

	return answer(&object, command, argument);
}

static const struct file_operations map_files = {
	.owner = THIS_MODULE,
	.release = map_release,
	.poll = map_poll,
	.mmap = map_mmap,
	.unlocked_ioctl = map_ioctl,
	.compat_ioctl = map_ioctl,
};

int ap_map_fd_create(struct vm_map *map, struct ap_map *owner)
{
	int fd;

	owner->map = map;
	if (vm_map_attr(map)->type == VM_MAP_RINGBUF)
		vm_map_set_owner(map, owner);
	fd = anon_inode_getfd("anyprobe-map", &map_files, owner, O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		ap_map_owner_destroy(owner);
		vm_map_put(map);
	}
	return fd;
}

int ap_map_by_fd(void *data, int fd, struct vm_map **map)
{
	struct file *file = fget(fd);
	int err = -EBADF;

	if (file && file->f_op == &map_files) {
		*map = ((struct ap_map *)file->private_data)->map;
		vm_map_get(*map);
		err = 0;
	}
	if (file)
		fput(file);
	return err;
}

int ap_map_freeze_by_fd(int fd)
{
	struct file *file = fget(fd);
	struct ap_map *owner;
	int err = -EBADF;

	if (file && file->f_op == &map_files) {
		owner = file->private_data;
		mutex_lock(&owner->lock);
		err = owner->writers ? -EBUSY : vm_map_freeze(owner->map);
		if (!err)
			owner->frozen = 1;
		mutex_unlock(&owner->lock);
	}
	if (file)
		fput(file);
	return err;
}

/* ---- programs ---- */

static int program_release(struct inode *inode, struct file *file)
{
	vm_program_put(file->private_data);
	return 0;
}

static long program_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	struct anyprobe_object object = {ANYPROBE_PROGRAM, vm_program_id(file->private_data)};

	return answer(&object, command, argument);
}

static const struct file_operations program_files = {
	.owner = THIS_MODULE,
	.release = program_release,
	.unlocked_ioctl = program_ioctl,
	.compat_ioctl = program_ioctl,
};

int ap_program_fd_create(struct vm_program *program)
{
	int fd = anon_inode_getfd("anyprobe-program", &program_files, program, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		vm_program_put(program);
	return fd;
}

int ap_program_by_fd(int fd, struct vm_program **program)
{
	struct file *file = fget(fd);
	int err = -EBADF;

	if (file && file->f_op == &program_files) {
		*program = file->private_data;
		vm_program_get(*program);
		err = 0;
	}
	if (file)
		fput(file);
	return err;
}

/* ---- links ---- */

static int link_release(struct inode *inode, struct file *file)
{
	ap_link_destroy(file->private_data);
	return 0;
}

static long link_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	struct anyprobe_object object = {0};

	ap_link_describe(file->private_data, &object);
	return answer(&object, command, argument);
}

static const struct file_operations link_files = {
	.owner = THIS_MODULE,
	.release = link_release,
	.unlocked_ioctl = link_ioctl,
	.compat_ioctl = link_ioctl,
};

int ap_link_fd_create(struct ap_link *link)
{
	int fd = anon_inode_getfd("anyprobe-link", &link_files, link, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		ap_link_destroy(link);
	return fd;
}
