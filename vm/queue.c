// SPDX-License-Identifier: GPL-2.0-only
/* Queue and stack: one ring of values, taken from the old end or from the new one. */
#include "map.h"

struct vm_queue {
	struct port_lock lock;
	u32 first; /* the oldest */
	u32 count;
	char *values;
};

static int queue_create(struct vm_map *map)
{
	struct vm_queue *queue;

	if (!map->attr.max_entries || map->attr.key_size || !map->attr.value_size ||
	    (map->attr.flags & ~(VM_F_NUMA_NODE | VM_F_RDONLY | VM_F_WRONLY | VM_F_RDONLY_PROG | VM_F_WRONLY_PROG)))
		return -EINVAL;
	queue = port_alloc(sizeof(*queue));
	if (!queue)
		return -ENOMEM;
	queue->values = port_alloc((u64)map->attr.max_entries * map->value_stride);
	if (!queue->values) {
		port_free(queue);
		return -ENOMEM;
	}
	map->own = queue;
	return 0;
}

static void queue_destroy(struct vm_map *map)
{
	struct vm_queue *queue = map->own;

	port_free(queue->values);
	port_free(queue);
}

static char *value_at(struct vm_map *map, u32 place)
{
	struct vm_queue *queue = map->own;

	return queue->values + ((u64)queue->first + place) % map->attr.max_entries * map->value_stride;
}

/* VM_EXIST on a full one drops the oldest, in a stack too. */
static int queue_push(struct vm_map *map, const void *value, u64 flags)
{
	struct vm_queue *queue = map->own;
	unsigned long lock_flags;
	int err;

	if ((flags & VM_NOEXIST) || flags > VM_EXIST)
		return -EINVAL;
	err = port_lock(&queue->lock, &lock_flags);
	if (err)
		return err;
	if (queue->count == map->attr.max_entries && flags != VM_EXIST) {
		err = -E2BIG;
	} else {
		if (queue->count == map->attr.max_entries) {
			queue->first = (queue->first + 1) % map->attr.max_entries;
			queue->count--;
		}
		port_memcpy(value_at(map, queue->count++), value, map->attr.value_size);
	}
	port_unlock(&queue->lock, lock_flags);
	return err;
}

static int take(struct vm_map *map, void *value, int remove, int newest)
{
	struct vm_queue *queue = map->own;
	unsigned long lock_flags;
	int err = port_lock(&queue->lock, &lock_flags);

	if (err || !queue->count) {
		port_memset(value, 0, map->attr.value_size);
		if (!err)
			port_unlock(&queue->lock, lock_flags);
		return err ? err : -ENOENT;
	}
	port_memcpy(value, value_at(map, newest ? queue->count - 1 : 0), map->attr.value_size);
	if (remove) {
		queue->count--;
		if (!newest)
			queue->first = (queue->first + 1) % map->attr.max_entries;
	}
	port_unlock(&queue->lock, lock_flags);
	return 0;
}

static int queue_take(struct vm_map *map, void *value, int remove)
{
	return take(map, value, remove, 0);
}

static int stack_take(struct vm_map *map, void *value, int remove)
{
	return take(map, value, remove, 1);
}

static int queue_remove(struct vm_map *map, const void *key)
{
	(void)map, (void)key;
	return -EINVAL;
}

static int queue_next_key(struct vm_map *map, const void *key, void *next)
{
	(void)map, (void)key, (void)next;
	return -EINVAL;
}

const struct vm_map_ops vm_queue_ops = {
	.name = "queue",
	.create = queue_create,
	.destroy = queue_destroy,
	.push = queue_push,
	.take = queue_take,
	.remove = queue_remove,
	.next_key = queue_next_key,
};

const struct vm_map_ops vm_stack_ops = {
	.name = "stack",
	.create = queue_create,
	.destroy = queue_destroy,
	.push = queue_push,
	.take = stack_take,
	.remove = queue_remove,
	.next_key = queue_next_key,
};
