/* SPDX-License-Identifier: BSD-3-Clause */
#include "copier-driver.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <vfmig/error.h>

_Static_assert(sizeof(struct cp_descriptor) == 64, "as the data sheet says");
_Static_assert(sizeof(struct cp_completion) == 32, "as the data sheet says");
_Static_assert(sizeof(struct cp_queue) <= 64, "the rings begin at the next multiple of 64");

#define QUEUE_BYTES 64u

size_t cp_memory_size(uint32_t entries)
{
	return QUEUE_BYTES +
	       (size_t)entries * (sizeof(struct cp_descriptor) + sizeof(struct cp_completion));
}

static uint32_t width(enum cp_reg reg)
{
	switch (reg) {
	case CP_REG_BOARD_SIZE:
	case CP_REG_ERROR_IOVA:
	case CP_REG_RING_BASE:
	case CP_REG_DONE_BASE:
	case CP_REG_SEQUENCE:
	case CP_REG_POSITION:
	case CP_REG_COPIES:
	case CP_REG_FILLS:
	case CP_REG_CHECKSUMS:
	case CP_REG_ADDS:
	case CP_REG_FAILURES:
	case CP_REG_BYTES:
		return 8;
	default:
		return 4;
	}
}

int cp_read(struct cp_driver *d, enum cp_reg reg, uint64_t *value, struct vfmig_error *err)
{
	*value = 0;
	return vfmig_device_region_read(d->device, CP_BAR_REGS, reg, value, width(reg), err);
}

int cp_write(struct cp_driver *d, enum cp_reg reg, uint64_t value, struct vfmig_error *err)
{
	return vfmig_device_region_write(d->device, CP_BAR_REGS, reg, &value, width(reg), err);
}

/* What a driver finds out before it trusts a device, new or adopted. */
static int meet(struct cp_driver *d, struct vfmig_device *device, void *memory, uint64_t iova,
		struct vfmig_error *err)
{
	uint64_t id, version;
	int ret;

	*d = (struct cp_driver){
		.device = device,
		.queue = memory,
		.iova = iova,
		.events = {-1, -1},
		.works_device = true,
	};
	ret = cp_read(d, CP_REG_ID, &id, err);
	if (!ret)
		ret = cp_read(d, CP_REG_VERSION, &version, err);
	if (!ret)
		ret = cp_read(d, CP_REG_BOARD_SIZE, &d->board_size, err);
	if (ret)
		return ret;
	if (id != CP_ID || version >> 16 != 1)
		return vfmig_err(err, -ENODEV,
				 "not a copier of version 1: ID 0x%llx, VERSION 0x%llx",
				 (unsigned long long)id, (unsigned long long)version);
	return 0;
}

static void place_rings(struct cp_driver *d)
{
	char *memory = (char *)d->queue;

	d->ring = (void *)(memory + QUEUE_BYTES);
	d->done = (void *)(d->ring + d->queue->size);
}

/* A function that may not access memory or do DMA is unusable. */
static int enable_function(struct cp_driver *d, struct vfmig_error *err)
{
	const uint16_t memory_and_master = (1u << 1) | (1u << 2);

	return vfmig_device_region_write(d->device, VFMIG_PCI_REGION_CONFIG, 4, &memory_and_master,
					 2, err);
}

int cp_open(struct cp_driver *d, struct vfmig_device *device, void *memory, uint64_t iova,
	    uint32_t entries, struct vfmig_error *err)
{
	uint64_t ring = iova + QUEUE_BYTES;
	const struct {
		enum cp_reg reg;
		uint64_t value;
	} setup[] = {
		{CP_REG_CONTROL, CP_CONTROL_RESET},
		{CP_REG_RING_BASE, ring},
		{CP_REG_DONE_BASE, ring + (uint64_t)entries * sizeof(struct cp_descriptor)},
		{CP_REG_RING_SIZE, entries},
		{CP_REG_CONTROL, CP_CONTROL_ENABLE},
	};
	uint64_t status;
	int ret = meet(d, device, memory, iova, err);

	if (ret)
		return ret;
	memset(memory, 0, cp_memory_size(entries));
	d->queue->size = entries;
	place_rings(d);
	ret = enable_function(d, err);
	for (size_t i = 0; !ret && i < sizeof(setup) / sizeof(setup[0]); i++)
		ret = cp_write(d, setup[i].reg, setup[i].value, err);
	if (!ret)
		ret = cp_read(d, CP_REG_STATUS, &status, err);
	if (!ret && status != CP_STATUS_ENABLED)
		ret = vfmig_err(err, -EIO, "the copier does not start: STATUS 0x%llx",
				(unsigned long long)status);
	return ret;
}

int cp_adopt(struct cp_driver *d, struct vfmig_device *device, void *memory, uint64_t iova,
	     struct vfmig_error *err)
{
	uint64_t size, base;
	int ret = meet(d, device, memory, iova, err);

	if (!ret)
		ret = cp_read(d, CP_REG_RING_SIZE, &size, err);
	if (!ret)
		ret = cp_read(d, CP_REG_RING_BASE, &base, err);
	if (ret)
		return ret;
	if (size != d->queue->size || base != iova + QUEUE_BYTES)
		return vfmig_err(
			err, -EIO,
			"the copier has a ring of %llu at 0x%llx, its memory tells of %u at 0x%llx",
			(unsigned long long)size, (unsigned long long)base, d->queue->size,
			(unsigned long long)(iova + QUEUE_BYTES));
	place_rings(d);
	return 0;
}

void cp_close(struct cp_driver *d)
{
	for (int i = 0; i < CP_VECTORS; i++)
		if (d->events[i] >= 0)
			close(d->events[i]);
	d->events[0] = d->events[1] = -1;
}

/* The offset of the MSI-X capability in configuration space; 0 if it has no such capability. */
static int find_msix(struct cp_driver *d, uint8_t *at, struct vfmig_error *err)
{
	uint8_t header[2];
	int ret = vfmig_device_region_read(d->device, VFMIG_PCI_REGION_CONFIG, 0x34, at, 1, err);

	for (int hops = 0; !ret && *at && hops < 48; hops++) {
		ret = vfmig_device_region_read(d->device, VFMIG_PCI_REGION_CONFIG, *at, header, 2,
					       err);
		if (ret || header[0] == 0x11)
			return ret;
		*at = header[1];
	}
	*at = 0;
	return ret;
}

static int enable_msix(struct cp_driver *d, struct vfmig_error *err)
{
	uint16_t control = 0;
	uint8_t at;
	int ret = find_msix(d, &at, err);

	if (ret)
		return ret;
	if (!at)
		return vfmig_err(err, -ENODEV, "the copier shows no MSI-X capability");
	for (uint32_t vector = 0; !ret && vector < CP_VECTORS; vector++) {
		/* Address, data, and not masked. Where it goes is the eventfd's to say. */
		const uint32_t entry[4] = {0xfee00000u, 0, vector, 0};

		for (uint32_t i = 0; !ret && i < 4; i++)
			ret = vfmig_device_region_write(d->device, CP_BAR_MSIX, vector * 16 + i * 4,
							&entry[i], 4, err);
	}
	if (!ret)
		ret = vfmig_device_region_read(d->device, VFMIG_PCI_REGION_CONFIG, at + 2u,
					       &control, 2, err);
	control |= 1u << 15;
	if (!ret)
		ret = vfmig_device_region_write(d->device, VFMIG_PCI_REGION_CONFIG, at + 2u,
						&control, 2, err);
	return ret;
}

int cp_interrupts(struct cp_driver *d, struct vfmig_error *err)
{
	int ret;

	for (int i = 0; i < CP_VECTORS; i++) {
		d->events[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (d->events[i] < 0)
			return vfmig_err(err, -errno, "eventfd: %s", strerror(errno));
	}
	ret = vfmig_device_set_irq_eventfds(d->device, VFMIG_PCI_IRQ_MSIX, 0, CP_VECTORS, d->events,
					    err);
	if (!ret)
		ret = enable_msix(d, err);
	if (!ret)
		ret = cp_write(d, CP_REG_INTR_ENABLE, CP_INTR_DONE | CP_INTR_ERROR, err);
	return ret;
}

uint32_t cp_room(const struct cp_driver *d)
{
	return d->queue->size - (uint32_t)(d->queue->submitted - d->queue->completed);
}

int cp_put(struct cp_driver *d, const struct cp_descriptor *descriptor)
{
	struct cp_queue *q = d->queue;

	if (!cp_room(d))
		return -ENOSPC;
	d->ring[q->submitted & (q->size - 1)] = *descriptor;
	q->submitted++;
	return 0;
}

int cp_ring(struct cp_driver *d, struct vfmig_error *err)
{
	struct cp_queue *q = d->queue;
	int ret;

	if (q->rung == q->submitted)
		return 0;
	atomic_thread_fence(memory_order_release);
	ret = cp_write(d, CP_REG_TAIL, (uint32_t)q->submitted, err);
	if (!ret)
		q->rung = q->submitted;
	return ret;
}

/*
 * The device is not a thread of this program, whatever it is made of: what orders its writes is the
 * sequence number. A race detector does not know that, and need not look here.
 */
__attribute__((no_sanitize("thread"))) bool cp_take(struct cp_driver *d,
						    struct cp_completion *completion)
{
	struct cp_queue *q = d->queue;
	volatile struct cp_completion *slot = &d->done[q->completed & (q->size - 1)];

	if (slot->sequence != q->completed + 1)
		return false;
	atomic_thread_fence(memory_order_acquire);
	completion->sequence = slot->sequence;
	completion->cookie = slot->cookie;
	completion->result = slot->result;
	completion->status = slot->status;
	completion->index = slot->index;
	q->completed++;
	return true;
}

int cp_wait(struct cp_driver *d, int msec, struct vfmig_error *err)
{
	struct pollfd fds[] = {
		{.fd = d->events[0], .events = POLLIN},
		{.fd = d->works_device ? vfmig_device_fd(d->device) : -1, .events = POLLIN},
	};
	uint64_t events;
	int ret;

	if (poll(fds, 2, msec) < 0 && errno != EINTR)
		return vfmig_err(err, -errno, "poll: %s", strerror(errno));
	if (fds[1].revents) {
		ret = vfmig_device_process(d->device, err);
		if (ret)
			return ret;
	}
	return d->events[0] >= 0 && read(d->events[0], &events, sizeof(events)) == sizeof(events);
}

void cp_wake(struct cp_driver *d)
{
	uint64_t one = 1;
	ssize_t n = d->events[0] < 0 ? 0 : write(d->events[0], &one, sizeof(one));

	(void)n; /* it can only fail because it is readable already */
}

int cp_do(struct cp_driver *d, const struct cp_descriptor *descriptor,
	  struct cp_completion *completion, struct vfmig_error *err)
{
	int ret = cp_put(d, descriptor);

	if (ret)
		return vfmig_err(err, ret, "the ring is full");
	ret = cp_ring(d, err);
	while (!ret && !cp_take(d, completion)) {
		uint64_t status;

		/* A device that has stopped completes nothing more. */
		ret = cp_read(d, CP_REG_STATUS, &status, err);
		if (!ret && (status & CP_STATUS_ERROR))
			return vfmig_err(err, -EIO, "the copier has stopped with an error");
		if (!ret)
			ret = cp_wait(d, 1, err);
		if (ret > 0)
			ret = 0;
	}
	return ret;
}

uint64_t cp_fletcher64(uint64_t sum, const void *bytes, size_t len)
{
	const char *p = bytes;
	uint64_t a = (uint32_t)sum, b = sum >> 32;

	for (; len >= 4; len -= 4, p += 4) {
		uint32_t word;

		memcpy(&word, p, 4);
		a = (a + word) % UINT32_MAX;
		b = (b + a) % UINT32_MAX;
	}
	return b << 32 | a;
}
