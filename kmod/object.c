// SPDX-License-Identifier: GPL-2.0-only
/*
 * Maps, programs, links and perf's rings as file descriptors. Each holds the module (its file operations have an
 * owner), and the last close, whoever's, frees what is behind it.
 */
#include <linux/anon_inodes.h>
#include <linux/capability.h>
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/perf_event.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/wait.h>
#include "anyprobe.h"

struct object {
	u32 kind;  /* enum anyprobe_object_kind */
	void *own; /* struct vm_map, vm_program, ap_link or vm_perf_ring */
	/* Who waits for records. A handler may hold any lock of the kernel's: they are woken a little later. */
	wait_queue_head_t wait;
	struct ap_irq_work wake;
	struct mutex lock; /* of what follows */
	u32 writers;	   /* a map's mappings that may write */
	int frozen;
	void *memory; /* a perf ring's; NULL until it is mapped */
	u64 size;
};

static void wake_readers(struct ap_irq_work *work)
{
	wake_up_all(&container_of(work, struct object, wake)->wait);
}

static void own_put(u32 kind, void *own)
{
	switch (kind) {
	case ANYPROBE_MAP:
		vm_map_put(own);
		break;
	case ANYPROBE_PROGRAM:
		vm_program_put(own);
		break;
	case ANYPROBE_LINK:
		ap_link_destroy(own);
		break;
	case ANYPROBE_PERF_RING:
		vm_perf_ring_destroy(own);
		break;
	}
}

static void object_destroy(struct object *object)
{
	if (object->kind == ANYPROBE_MAP && vm_map_attr(object->own)->owner) {
		/* A program may still write to the map; from now on it wakes nobody. */
		vm_map_set_owner(object->own, NULL);
		port_synchronize();
	}
	/* An array that held a perf ring has waited for its programs before it let go. */
	ap_irq_work_sync(&object->wake);
	own_put(object->kind, object->own);
	port_free_shared(object->memory);
	kfree(object);
}

/*
 * An array of programs may hold a program that holds the array. What nobody can see any more is let go, as the
 * kernel does when the last descriptor of such an array is closed.
 */
static void map_clear_programs(struct vm_map *map)
{
	u32 i;

	if (vm_map_attr(map)->type != VM_MAP_PROG_ARRAY)
		return;
	for (i = 0; i < vm_map_attr(map)->max_entries; i++)
		vm_map_delete(map, &i);
}

static int object_release(struct inode *inode, struct file *file)
{
	struct object *object = file->private_data;

	if (object->kind == ANYPROBE_MAP)
		map_clear_programs(object->own);
	object_destroy(object);
	return 0;
}

static ap_poll_t object_poll(struct file *file, struct poll_table_struct *table)
{
	struct object *object = file->private_data;
	int ready = 0;

	poll_wait(file, &object->wait, table);
	if (object->kind == ANYPROBE_MAP)
		ready = vm_map_ring_ready(object->own);
	else if (object->kind == ANYPROBE_PERF_RING)
		ready = vm_perf_ring_used(object->own) != 0;
	return ready ? POLLIN | POLLRDNORM : 0;
}

static long object_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	struct object *object = file->private_data;
	struct anyprobe_object answer = {.kind = object->kind};

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	/* As a perf event, a ring may be enabled and disabled, and is always on. */
	if (object->kind == ANYPROBE_PERF_RING &&
	    (command == PERF_EVENT_IOC_ENABLE || command == PERF_EVENT_IOC_DISABLE))
		return 0;
	if (command != ANYPROBE_IOC_OBJECT)
		return -ENOTTY;
	if (object->kind == ANYPROBE_MAP)
		answer.id = vm_map_id(object->own);
	else if (object->kind == ANYPROBE_PROGRAM)
		answer.id = vm_program_id(object->own);
	else if (object->kind == ANYPROBE_LINK)
		ap_link_describe(object->own, &answer);
	return copy_to_user((void __user *)argument, &answer, sizeof(answer)) ? -EFAULT : 0;
}

/* ---- memory that user space maps ---- */

/* VM_MAYWRITE, which mprotect leaves alone: what is read-only for now may be written again. */
static void count_writer(struct vm_area_struct *area, int by)
{
	struct object *object = area->vm_file->private_data;

	if (!(area->vm_flags & VM_MAYWRITE))
		return;
	mutex_lock(&object->lock);
	object->writers += by;
	mutex_unlock(&object->lock);
}

static void map_opened(struct vm_area_struct *area)
{
	count_writer(area, 1);
}

static void map_closed(struct vm_area_struct *area)
{
	count_writer(area, -1);
}

static const struct vm_operations_struct map_area_ops = {
	.open = map_opened,
	.close = map_closed,
};

static int map_mmap(struct object *object, struct vm_area_struct *area)
{
	u64 size = 0, length = area->vm_end - area->vm_start;
	void *memory = vm_map_memory(object->own, &size);
	int ring = vm_map_attr(object->own)->type == VM_MAP_RINGBUF, writes = !!(area->vm_flags & VM_WRITE), err;

	if (!memory)
		return -ENODEV;
	if (area->vm_pgoff > size >> PAGE_SHIFT || length > size - ((u64)area->vm_pgoff << PAGE_SHIFT))
		return -EINVAL;
	/* Of a ring, user space writes the consumer's page and nothing else. */
	if (writes && (object->frozen || (ring && (area->vm_pgoff || length != PAGE_SIZE))))
		return -EPERM;
	/* No mprotect later: who maps for reading only reads. */
	if (!writes)
		ap_area_forbid_write(area);
	err = remap_vmalloc_range(area, memory, area->vm_pgoff);
	if (err)
		return err;
	area->vm_ops = &map_area_ops;
	object->writers += writes;
	return 0;
}

/* The first one decides how big it is. */
static int ring_mmap(struct object *object, struct vm_area_struct *area)
{
	const u64 size = area->vm_end - area->vm_start;

	if (area->vm_pgoff || !vm_perf_ring_fits(size) || (object->memory && size != object->size))
		return -EINVAL;
	if (!object->memory) {
		object->memory = port_alloc_shared(size);
		if (!object->memory)
			return -ENOMEM;
		object->size = size;
		vm_perf_ring_set_memory(object->own, object->memory, size);
	}
	return remap_vmalloc_range(area, object->memory, 0);
}

static int object_mmap(struct file *file, struct vm_area_struct *area)
{
	struct object *object = file->private_data;
	int err = -ENODEV;

	if (!(area->vm_flags & VM_SHARED))
		return -EINVAL;
	mutex_lock(&object->lock);
	if (object->kind == ANYPROBE_MAP)
		err = map_mmap(object, area);
	else if (object->kind == ANYPROBE_PERF_RING)
		err = ring_mmap(object, area);
	mutex_unlock(&object->lock);
	return err;
}

static const struct file_operations object_files = {
	.owner = THIS_MODULE,
	.release = object_release,
	.poll = object_poll,
	.mmap = object_mmap,
	.unlocked_ioctl = object_ioctl,
	.compat_ioctl = object_ioctl,
};

/* ---- from and to descriptors ---- */

int ap_fd_create(u32 kind, void *own)
{
	static const char *const names[] = {
		[ANYPROBE_MAP] = "anyprobe-map",
		[ANYPROBE_PROGRAM] = "anyprobe-program",
		[ANYPROBE_LINK] = "anyprobe-link",
		[ANYPROBE_PERF_RING] = "anyprobe-perf-ring",
	};
	struct object *object = own ? kzalloc(sizeof(*object), GFP_KERNEL) : NULL;
	int fd;

	if (!object) {
		own_put(kind, own);
		return -ENOMEM;
	}
	object->kind = kind;
	object->own = own;
	init_waitqueue_head(&object->wait);
	ap_irq_work_init(&object->wake, wake_readers);
	mutex_init(&object->lock);
	if (kind == ANYPROBE_MAP && vm_map_attr(own)->type == VM_MAP_RINGBUF)
		vm_map_set_owner(own, object);
	fd = anon_inode_getfd(names[kind], &object_files, object, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		object_destroy(object);
	return fd;
}

/* With a reference to the file; NULL: it is none of this kind. */
static struct file *file_get(int fd, u32 kind)
{
	struct file *file = fget(fd);

	if (!file || (file->f_op == &object_files && ((struct object *)file->private_data)->kind == kind))
		return file;
	fput(file);
	return NULL;
}

int ap_map_by_fd(void *data, int fd, struct vm_map **map)
{
	struct file *file = file_get(fd, ANYPROBE_MAP);

	if (!file)
		return -EBADF;
	*map = ((struct object *)file->private_data)->own;
	vm_map_get(*map);
	fput(file);
	return 0;
}

int ap_program_by_fd(void *data, int fd, struct vm_program **program)
{
	struct file *file = file_get(fd, ANYPROBE_PROGRAM);

	if (!file)
		return -EBADF;
	*program = ((struct object *)file->private_data)->own;
	vm_program_get(*program);
	fput(file);
	return 0;
}

int ap_map_freeze_by_fd(void *data, int fd)
{
	struct file *file = file_get(fd, ANYPROBE_MAP);
	struct object *object;
	int err;

	if (!file)
		return -EBADF;
	object = file->private_data;
	mutex_lock(&object->lock);
	err = object->writers ? -EBUSY : vm_map_freeze(object->own);
	if (!err)
		object->frozen = 1;
	mutex_unlock(&object->lock);
	fput(file);
	return err;
}

void ap_map_wake(struct vm_map *map)
{
	struct object *owner = port_load(&vm_map_attr(map)->owner);

	if (owner)
		ap_irq_work_queue(&owner->wake);
}

/* ---- rings in place of perf events; an array holds the file ---- */

int ap_perf_ring_by_fd(void *data, int fd, void **file)
{
	*file = file_get(fd, ANYPROBE_PERF_RING);
	return *file ? 0 : -EBADF;
}

int ap_perf_ring_write(void *file, const void *data, u32 size)
{
	struct object *object = ((struct file *)file)->private_data;
	int err = vm_perf_ring_write(object->own, data, size);

	ap_irq_work_queue(&object->wake);
	return err;
}

static void ring_put(void *file)
{
	fput(file);
}

const struct vm_object_ops ap_perf_ring_ops = {.put = ring_put};
