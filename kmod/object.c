// SPDX-License-Identifier: GPL-2.0-only
/*
 * Maps, rings, programs and links as file descriptors. Each holds the module (its file operations have an owner),
 * and the last close, whoever's, frees what is behind it.
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

/* Who waits for records in a ring. A handler may hold any lock of the kernel's: they are woken a little later. */
struct readers {
	wait_queue_head_t wait;
	struct ap_irq_work wake;
};

struct ap_map {
	struct vm_map *map;
	struct readers readers;
	struct mutex lock; /* of the two below */
	u32 writers;	   /* mappings that may write */
	int frozen;
};

struct perf_ring {
	struct vm_perf_ring *ring;
	struct readers readers;
	struct mutex lock; /* of the two below */
	void *memory;	   /* NULL until it is mapped */
	u64 size;
};

static const struct file_operations map_files, ring_files, program_files, link_files;

static void wake_readers(struct ap_irq_work *work)
{
	wake_up_all(&container_of(work, struct readers, wake)->wait);
}

static void readers_init(struct readers *readers)
{
	init_waitqueue_head(&readers->wait);
	ap_irq_work_init(&readers->wake, wake_readers);
}

static int fd_create(const char *name, const struct file_operations *kind, void *own)
{
	return anon_inode_getfd(name, kind, own, O_RDWR | O_CLOEXEC);
}

/* With a reference to the file; NULL: it is none of this kind. */
static struct file *file_get(int fd, const struct file_operations *kind)
{
	struct file *file = fget(fd);

	if (!file || file->f_op == kind)
		return file;
	fput(file);
	return NULL;
}

/* What all of them understand. */
static long object_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	struct anyprobe_object object = {.kind = ANYPROBE_PERF_RING};

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (command != ANYPROBE_IOC_OBJECT)
		return -ENOTTY;
	if (file->f_op == &map_files) {
		object.kind = ANYPROBE_MAP;
		object.id = vm_map_id(((struct ap_map *)file->private_data)->map);
	} else if (file->f_op == &program_files) {
		object.kind = ANYPROBE_PROGRAM;
		object.id = vm_program_id(file->private_data);
	} else if (file->f_op == &link_files) {
		ap_link_describe(file->private_data, &object);
	}
	return copy_to_user((void __user *)argument, &object, sizeof(object)) ? -EFAULT : 0;
}

/* ---- maps ---- */

static void map_owner_destroy(struct ap_map *owner)
{
	if (vm_map_attr(owner->map)->owner) {
		/* A program may still write to the map; from now on it wakes nobody. */
		vm_map_set_owner(owner->map, NULL);
		port_synchronize();
	}
	ap_irq_work_sync(&owner->readers.wake);
	vm_map_put(owner->map);
	kfree(owner);
}

void ap_map_wake(struct vm_map *map)
{
	struct ap_map *owner = port_load(&vm_map_attr(map)->owner);

	if (owner)
		ap_irq_work_queue(&owner->readers.wake);
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

	map_clear_programs(owner->map);
	map_owner_destroy(owner);
	return 0;
}

static ap_poll_t map_poll(struct file *file, struct poll_table_struct *table)
{
	struct ap_map *owner = file->private_data;

	poll_wait(file, &owner->readers.wait, table);
	return vm_map_ring_ready(owner->map) ? POLLIN | POLLRDNORM : 0;
}

/* VM_MAYWRITE, which mprotect leaves alone: what is read-only for now may be written again. */
static void count_writer(struct vm_area_struct *area, int by)
{
	struct ap_map *owner = area->vm_file->private_data;

	if (!(area->vm_flags & VM_MAYWRITE))
		return;
	mutex_lock(&owner->lock);
	owner->writers += by;
	mutex_unlock(&owner->lock);
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

static const struct file_operations map_files = {
	.owner = THIS_MODULE,
	.release = map_release,
	.poll = map_poll,
	.mmap = map_mmap,
	.unlocked_ioctl = object_ioctl,
	.compat_ioctl = object_ioctl,
};

int ap_map_fd_create(struct vm_map *map)
{
	struct ap_map *owner = kzalloc(sizeof(*owner), GFP_KERNEL);
	int fd;

	if (!owner) {
		vm_map_put(map);
		return -ENOMEM;
	}
	owner->map = map;
	readers_init(&owner->readers);
	mutex_init(&owner->lock);
	if (vm_map_attr(map)->type == VM_MAP_RINGBUF)
		vm_map_set_owner(map, owner);
	fd = fd_create("anyprobe-map", &map_files, owner);
	if (fd < 0)
		map_owner_destroy(owner);
	return fd;
}

int ap_map_by_fd(void *data, int fd, struct vm_map **map)
{
	struct file *file = file_get(fd, &map_files);

	if (!file)
		return -EBADF;
	*map = ((struct ap_map *)file->private_data)->map;
	vm_map_get(*map);
	fput(file);
	return 0;
}

int ap_map_freeze_by_fd(int fd)
{
	struct file *file = file_get(fd, &map_files);
	struct ap_map *owner;
	int err;

	if (!file)
		return -EBADF;
	owner = file->private_data;
	mutex_lock(&owner->lock);
	err = owner->writers ? -EBUSY : vm_map_freeze(owner->map);
	if (!err)
		owner->frozen = 1;
	mutex_unlock(&owner->lock);
	fput(file);
	return err;
}

/* ---- rings: perf events for a perf event array to hold, without perf ---- */

static int ring_release(struct inode *inode, struct file *file)
{
	struct perf_ring *ring = file->private_data;

	/* An array that held us has waited for its programs before it let go. */
	ap_irq_work_sync(&ring->readers.wake);
	vm_perf_ring_destroy(ring->ring);
	port_free_shared(ring->memory);
	kfree(ring);
	return 0;
}

static ap_poll_t ring_poll(struct file *file, struct poll_table_struct *table)
{
	struct perf_ring *ring = file->private_data;

	poll_wait(file, &ring->readers.wait, table);
	return vm_perf_ring_used(ring->ring) ? POLLIN | POLLRDNORM : 0;
}

static int ring_allocate(struct perf_ring *ring, u64 size)
{
	if (ring->memory)
		return size == ring->size ? 0 : -EINVAL;
	if (!vm_perf_ring_fits(size))
		return -EINVAL;
	ring->memory = port_alloc_shared(size);
	if (!ring->memory)
		return -ENOMEM;
	ring->size = size;
	vm_perf_ring_set_memory(ring->ring, ring->memory, size);
	return 0;
}

static int ring_mmap(struct file *file, struct vm_area_struct *area)
{
	struct perf_ring *ring = file->private_data;
	int err;

	if (area->vm_pgoff || !(area->vm_flags & VM_SHARED))
		return -EINVAL;
	mutex_lock(&ring->lock);
	err = ring_allocate(ring, area->vm_end - area->vm_start);
	if (!err)
		err = remap_vmalloc_range(area, ring->memory, 0);
	mutex_unlock(&ring->lock);
	return err;
}

/* As a perf event: it may be enabled and disabled, and is always on. */
static long ring_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	int switches = command == PERF_EVENT_IOC_ENABLE || command == PERF_EVENT_IOC_DISABLE;

	return switches && capable(CAP_SYS_ADMIN) ? 0 : object_ioctl(file, command, argument);
}

static const struct file_operations ring_files = {
	.owner = THIS_MODULE,
	.release = ring_release,
	.poll = ring_poll,
	.mmap = ring_mmap,
	.unlocked_ioctl = ring_ioctl,
	.compat_ioctl = ring_ioctl,
};

int ap_perf_ring_fd_create(void)
{
	struct perf_ring *ring = kzalloc(sizeof(*ring), GFP_KERNEL);
	int fd = -ENOMEM;

	if (!ring)
		return fd;
	readers_init(&ring->readers);
	mutex_init(&ring->lock);
	ring->ring = vm_perf_ring_create();
	if (ring->ring)
		fd = fd_create("anyprobe-perf-ring", &ring_files, ring);
	if (fd < 0) {
		vm_perf_ring_destroy(ring->ring);
		kfree(ring);
	}
	return fd;
}

int ap_perf_ring_by_fd(int fd, void **object)
{
	*object = file_get(fd, &ring_files);
	return *object ? 0 : -EBADF;
}

int ap_perf_ring_write(void *object, const void *data, u32 size)
{
	struct perf_ring *ring = ((struct file *)object)->private_data;
	int err = vm_perf_ring_write(ring->ring, data, size);

	ap_irq_work_queue(&ring->readers.wake);
	return err;
}

static void ring_put(void *object)
{
	fput(object);
}

const struct vm_object_ops ap_perf_ring_ops = {.put = ring_put};

/* ---- programs ---- */

static int program_release(struct inode *inode, struct file *file)
{
	vm_program_put(file->private_data);
	return 0;
}

static const struct file_operations program_files = {
	.owner = THIS_MODULE,
	.release = program_release,
	.unlocked_ioctl = object_ioctl,
	.compat_ioctl = object_ioctl,
};

int ap_program_fd_create(struct vm_program *program)
{
	int fd = fd_create("anyprobe-program", &program_files, program);

	if (fd < 0)
		vm_program_put(program);
	return fd;
}

int ap_program_by_fd(int fd, struct vm_program **program)
{
	struct file *file = file_get(fd, &program_files);

	if (!file)
		return -EBADF;
	*program = file->private_data;
	vm_program_get(*program);
	fput(file);
	return 0;
}

/* ---- links ---- */

static int link_release(struct inode *inode, struct file *file)
{
	ap_link_destroy(file->private_data);
	return 0;
}

static const struct file_operations link_files = {
	.owner = THIS_MODULE,
	.release = link_release,
	.unlocked_ioctl = object_ioctl,
	.compat_ioctl = object_ioctl,
};

int ap_link_fd_create(struct ap_link *link)
{
	int fd = fd_create("anyprobe-link", &link_files, link);

	if (fd < 0)
		ap_link_destroy(link);
	return fd;
}
