// SPDX-License-Identifier: GPL-2.0-only
/*
 * A buffer in the layout of a mapped perf event (linux/perf_event.h: a control page, then 2^n pages of
 * records), so that libbpf's perf_buffer reads it. Perf itself exports nothing that would write one.
 * Many CPUs may write to one ring: what finds it locked or full is counted, and the next record says so.
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
#include "anyprobe.h"

struct ap_perf_ring {
	struct perf_event_mmap_page *control; /* NULL until it is mapped */
	char *data;
	u64 size;
	u64 head; /* user space can write the control page: what we know, we keep here */
	u64 lost;
	struct port_lock writer;
	wait_queue_head_t wait;
	struct ap_irq_work wake;
	struct mutex lock;
};

static const struct file_operations ring_files;

static void ring_wake_later(struct ap_irq_work *work)
{
	wake_up_all(&container_of(work, struct ap_perf_ring, wake)->wait);
}

static int ring_release(struct inode *inode, struct file *file)
{
	struct ap_perf_ring *ring = file->private_data;

	/* An array that held us has waited for its programs before it let go. */
	ap_irq_work_sync(&ring->wake);
	vfree(ring->control);
	kfree(ring);
	return 0;
}

static ap_poll_t ring_poll(struct file *file, struct poll_table_struct *table)
{
	struct ap_perf_ring *ring = file->private_data;
	struct perf_event_mmap_page *control = port_load(&ring->control);

	poll_wait(file, &ring->wait, table);
	return control && control->data_tail != port_load(&ring->head) ? POLLIN | POLLRDNORM : 0;
}

static int ring_allocate(struct ap_perf_ring *ring, u64 size)
{
	struct perf_event_mmap_page *control;

	if (size < 2 * PAGE_SIZE || ((size - PAGE_SIZE) & (size - PAGE_SIZE - 1)) || size > 1UL << 30)
		return -EINVAL;
	if (ring->control)
		return size - PAGE_SIZE == ring->size ? 0 : -EINVAL;
	control = vmalloc_user(size);
	if (!control)
		return -ENOMEM;
	control->data_offset = PAGE_SIZE;
	control->data_size = size - PAGE_SIZE;
	ring->size = size - PAGE_SIZE;
	ring->data = (char *)control + PAGE_SIZE;
	port_store(&ring->control, control);
	return 0;
}

static int ring_mmap(struct file *file, struct vm_area_struct *area)
{
	struct ap_perf_ring *ring = file->private_data;
	int err;

	if (area->vm_pgoff || !(area->vm_flags & VM_SHARED))
		return -EINVAL;
	mutex_lock(&ring->lock);
	err = ring_allocate(ring, area->vm_end - area->vm_start);
	if (!err)
		err = remap_vmalloc_range(area, ring->control, 0);
	mutex_unlock(&ring->lock);
	return err;
}

/* As a perf event: it may be enabled and disabled, and is always on. */
static long ring_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	struct anyprobe_object object = {.kind = ANYPROBE_PERF_RING};

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (command == PERF_EVENT_IOC_ENABLE || command == PERF_EVENT_IOC_DISABLE)
		return 0;
	if (command != ANYPROBE_IOC_OBJECT)
		return -ENOTTY;
	return copy_to_user((void __user *)argument, &object, sizeof(object)) ? -EFAULT : 0;
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
	struct ap_perf_ring *ring = kzalloc(sizeof(*ring), GFP_KERNEL);
	int fd;

	if (!ring)
		return -ENOMEM;
	init_waitqueue_head(&ring->wait);
	mutex_init(&ring->lock);
	ap_irq_work_init(&ring->wake, ring_wake_later);
	fd = anon_inode_getfd("anyprobe-perf-ring", &ring_files, ring, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		kfree(ring);
	return fd;
}

int ap_perf_ring_by_fd(int fd, void **object)
{
	struct file *file = fget(fd);

	if (!file)
		return -EBADF;
	if (file->f_op != &ring_files) {
		fput(file);
		return -EINVAL;
	}
	*object = file;
	return 0;
}

static void ring_put(void *object)
{
	fput(object);
}

const struct vm_object_ops ap_perf_ring_ops = {.put = ring_put};

static void ring_copy(struct ap_perf_ring *ring, u64 at, const void *from, u32 size)
{
	u32 place = at & (ring->size - 1), first = min_t(u64, size, ring->size - place);

	memcpy(ring->data + place, from, first);
	memcpy(ring->data, (const char *)from + first, size - first);
}

struct sample_record {
	struct perf_event_header header;
	u32 size; /* of the data and its padding */
} __packed;

struct lost_record {
	struct perf_event_header header;
	u64 id;
	u64 lost;
};

int ap_perf_ring_write(void *object, const void *data, u32 size)
{
	struct ap_perf_ring *ring = ((struct file *)object)->private_data;
	struct perf_event_mmap_page *control = port_load(&ring->control);
	const u32 whole = ALIGN(size + (u32)sizeof(struct sample_record), 8);
	struct sample_record sample = {{PERF_RECORD_SAMPLE, 0, whole}, whole - sizeof(struct sample_record)};
	struct lost_record lost = {{PERF_RECORD_LOST, 0, sizeof(lost)}, 0, 0};
	static const char padding[8];
	unsigned long flags;
	u64 used, want = whole;
	int err = 0;

	if (!control)
		return -ENOENT;
	if (size > 0xffff - 2 * sizeof(sample))
		return -E2BIG;
	if (port_lock(&ring->writer, &flags)) {
		port_fetch_add(&ring->lost, 1);
		return -EBUSY;
	}
	used = ring->head - port_load(&control->data_tail);
	if (ring->lost)
		want += sizeof(lost);
	if (used > ring->size || want > ring->size - used) {
		port_fetch_add(&ring->lost, 1);
		err = -ENOSPC;
		goto out;
	}
	if (want != whole) {
		lost.lost = port_exchange(&ring->lost, 0);
		ring_copy(ring, ring->head, &lost, sizeof(lost));
		ring->head += sizeof(lost);
	}
	ring_copy(ring, ring->head, &sample, sizeof(sample));
	ring_copy(ring, ring->head + sizeof(sample), data, size);
	ring_copy(ring, ring->head + sizeof(sample) + size, padding, whole - sizeof(sample) - size);
	ring->head += whole;
	port_store(&control->data_head, ring->head);
out:
	port_unlock(&ring->writer, flags);
	ap_irq_work_queue(&ring->wake);
	return err;
}
