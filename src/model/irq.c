/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Interrupts, from the model's side: raised here, and signalled unless something holds them back.
 *
 * A vector's or the function's mask, a mask of SET_IRQS, a stopped device and a missing eventfd
 * hold an interrupt back. The interrupt is then pending, and is checked again when any of these
 * changes. So no interrupt is lost at a switchover: pending bits and the pin's level travel with
 * the device, and are signalled at the destination when the device runs and its new user has
 * brought eventfds.
 *
 * Two things differ from a device on a bus. Vectors begin unmasked, since a user of VFIO enables
 * them by SET_IRQS and need not touch the table (a VMM exposes a table of its own to its guest).
 * For the same reason it does not matter whether MSI-X is enabled in configuration space.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "abi/range.h"
#include "model/kit.h"

#define ENTRY	     16u /* bytes of a vector in the table */
#define ENTRY_MASK   12u /* where its mask is: bit 0 of that byte */
#define MSIX_BAR_MIN 4096u

static size_t pending_size(unsigned vectors)
{
	return (vectors + 63u) / 64u * 8u;
}

uint32_t kit_msix_pba(unsigned vectors)
{
	return vectors * ENTRY;
}

uint64_t kit_msix_size(unsigned vectors)
{
	uint64_t size = MSIX_BAR_MIN;

	while (size < kit_msix_pba(vectors) + pending_size(vectors))
		size *= 2;
	return size;
}

int kit_irqs_open(struct vfmig_kit *kit, struct vfmig_error *err)
{
	struct kit_irqs *irq = &kit->irq;
	unsigned n = kit->is_pci ? kit->model->pci.msix_vectors : kit->info->irq_count;

	irq->vectors = n;

	irq->table_size = n * ENTRY;
	irq->pending_size = pending_size(n);
	irq->msix_fd = calloc(n + 1, sizeof(*irq->msix_fd));
	irq->msix_masked = calloc(n + 1, 1);
	irq->table = calloc(n + 1, ENTRY);
	irq->pending = calloc(1, irq->pending_size + 1);
	if (!irq->msix_fd || !irq->msix_masked || !irq->table || !irq->pending)
		return vfmig_err(err, -ENOMEM, "no memory for %u vectors", n);
	for (unsigned i = 0; i < n; i++)
		irq->msix_fd[i] = -1;
	return 0;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

void kit_irqs_close(struct vfmig_kit *kit)
{
	struct kit_irqs *irq = &kit->irq;

	for (unsigned i = 0; irq->msix_fd && i < irq->vectors; i++)
		close_fd(irq->msix_fd[i]);
	close_fd(irq->intx_fd);
	close_fd(irq->unmask_fd);
	close_fd(irq->req_fd);
	free(irq->msix_fd);
	free(irq->msix_masked);
	free(irq->table);
	free(irq->pending);
	pthread_mutex_destroy(&irq->lock);
}

void kit_signal(int fd)
{
	struct pollfd ready = {.fd = fd, .events = POLLOUT};
	uint64_t one = 1;
	ssize_t n;

	/*
	 * A write to an eventfd at its maximum count adds nothing and would block. Poll first,
	 * because the user's descriptor may be a blocking one.
	 */
	if (poll(&ready, 1, 0) == 1 && (ready.revents & POLLOUT)) {
		n = write(fd, &one, sizeof(one));
		(void)n;
	}
}

static bool pending(const struct kit_irqs *irq, unsigned vector)
{
	return irq->pending[vector / 8] >> vector % 8 & 1;
}

static void deliver_vector(struct kit_irqs *irq, unsigned vector)
{
	if (irq->halted || irq->function_masked || irq->msix_masked[vector] ||
	    irq->msix_fd[vector] < 0 || (irq->table[vector * ENTRY + ENTRY_MASK] & 1))
		return;
	irq->pending[vector / 8] &= (uint8_t) ~(1u << vector % 8);
	kit_signal(irq->msix_fd[vector]);
}

static void deliver_pin(struct kit_irqs *irq)
{
	if (!irq->intx_level || irq->halted || irq->intx_disabled || irq->intx_masked ||
	    irq->intx_fd < 0)
		return;
	irq->intx_masked = true;
	kit_signal(irq->intx_fd);
}

void kit_irqs_deliver(struct vfmig_kit *kit)
{
	struct kit_irqs *irq = &kit->irq;

	deliver_pin(irq);
	for (unsigned i = 0; i < irq->vectors; i++) {
		if (!(i % 8) && !irq->pending[i / 8])
			i += 7;
		else if (pending(irq, i))
			deliver_vector(irq, i);
	}
}

void vfmig_kit_irq(struct vfmig_kit *kit, unsigned vector)
{
	struct kit_irqs *irq = &kit->irq;

	if (vector >= irq->vectors)
		return;
	pthread_mutex_lock(&irq->lock);
	irq->pending[vector / 8] |= (uint8_t)(1u << vector % 8);
	deliver_vector(irq, vector);
	pthread_mutex_unlock(&irq->lock);
}

void vfmig_kit_intx(struct vfmig_kit *kit, bool level)
{
	if (!kit->is_pci || !kit->model->pci.intx)
		return;
	pthread_mutex_lock(&kit->irq.lock);
	kit->irq.intx_level = level;
	deliver_pin(&kit->irq);
	pthread_mutex_unlock(&kit->irq.lock);
}

void kit_irqs_reset(struct vfmig_kit *kit)
{
	struct kit_irqs *irq = &kit->irq;

	pthread_mutex_lock(&irq->lock);
	memset(irq->table, 0, irq->table_size);
	memset(irq->pending, 0, irq->pending_size);
	irq->intx_level = 0;
	pthread_mutex_unlock(&irq->lock);
}

/*
 * A user that moves loses a signal that it has not read yet: its new eventfd is another one. So a
 * device that stops takes unread signals back and keeps them pending, as if they had been raised a
 * moment later.
 */
static void take_back(struct kit_irqs *irq)
{
	struct pollfd fds[64];

	for (unsigned first = 0; irq->msix_set && first < irq->vectors; first += 64) {
		unsigned n = irq->vectors - first < 64 ? irq->vectors - first : 64;
		uint64_t count;
		struct iovec into = {&count, sizeof(count)};

		for (unsigned i = 0; i < n; i++)
			fds[i] = (struct pollfd){.fd = irq->msix_fd[first + i], .events = POLLIN};
		if (poll(fds, n, 0) <= 0)
			continue;
		for (unsigned i = 0; i < n; i++)
			if ((fds[i].revents & POLLIN) &&
			    preadv2(fds[i].fd, &into, 1, -1, RWF_NOWAIT) == sizeof(count))
				irq->pending[(first + i) / 8] |= (uint8_t)(1u << (first + i) % 8);
	}
}

void kit_irqs_halt(struct vfmig_kit *kit, bool halted)
{
	pthread_mutex_lock(&kit->irq.lock);
	if (halted && !kit->irq.halted)
		take_back(&kit->irq);
	kit->irq.halted = halted;
	kit_irqs_deliver(kit);
	pthread_mutex_unlock(&kit->irq.lock);
}

void kit_irqs_config(struct vfmig_kit *kit, bool function_masked, bool intx_disabled)
{
	pthread_mutex_lock(&kit->irq.lock);
	kit->irq.function_masked = function_masked;
	kit->irq.intx_disabled = intx_disabled;
	kit_irqs_deliver(kit);
	pthread_mutex_unlock(&kit->irq.lock);
}

/* Copy the part of [offset, offset + len) that is in an array at base, in either direction. */
static void overlap(uint64_t base, uint8_t *array, size_t size, uint64_t offset, uint8_t *buf,
		    uint32_t len, bool write)
{
	uint64_t from = offset > base ? offset : base;
	uint64_t end = abi_sum(offset, len),
		 to = end < abi_sum(base, size) ? end : abi_sum(base, size);

	if (from >= to)
		return;
	if (write)
		memcpy(array + (from - base), buf + (from - offset), to - from);
	else
		memcpy(buf + (from - offset), array + (from - base), to - from);
}

void kit_msix_access(struct vfmig_kit *kit, uint64_t offset, void *buf, uint32_t len, bool write)
{
	struct kit_irqs *irq = &kit->irq;

	pthread_mutex_lock(&irq->lock);
	if (!write)
		memset(buf, 0, len);
	overlap(0, irq->table, irq->table_size, offset, buf, len, write);
	if (write)
		kit_irqs_deliver(kit);
	else
		overlap(kit_msix_pba(irq->vectors), irq->pending, irq->pending_size, offset, buf,
			len, false);
	pthread_mutex_unlock(&irq->lock);
}
