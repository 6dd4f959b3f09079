/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Interrupts, from the user's side: SET_IRQS, as vfio-pci has it.
 *
 * SET_IRQS configures only this device and this user: eventfds and masks are not state, do not
 * migrate, and survive a reset. This code refuses what vfio-pci refuses. It goes further in one
 * thing: MSI-X vectors can be masked, and report MASKABLE.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <unistd.h>

#include "model/kit.h"

/* The indexes that exist; a device that is not PCI has one vector for each. */
static uint32_t irq_indexes(const struct vfmig_kit *kit)
{
	return kit->is_pci ? VFMIG_PCI_IRQ_COUNT : kit->info->irq_count;
}

static unsigned irq_count(const struct vfmig_kit *kit, uint32_t index)
{
	if (!kit->is_pci)
		return index < irq_indexes(kit);
	switch (index) {
	case VFMIG_PCI_IRQ_INTX:
		return kit->model->pci.intx;
	case VFMIG_PCI_IRQ_MSIX:
		return kit->irq.vectors;
	case VFMIG_PCI_IRQ_REQ:
		return 1;
	default:
		return 0;
	}
}

ssize_t kit_irq_info(struct vfmig_kit *kit, struct vfmig_request *request)
{
	struct vfmig_irq_info info = {.argsz = sizeof(info), .index = request->info.index};
	size_t size = request->info.size;

	/*
	 * Linux refuses the error interrupt of a function without error reporting; QEMU warns if
	 * its count is 0.
	 */
	if (info.index >= irq_indexes(kit) || (kit->is_pci && info.index == VFMIG_PCI_IRQ_ERR))
		return vfmig_err(request->err, -EINVAL, "%s has no interrupt index %u",
				 kit->device.name, info.index);
	if (size < sizeof(info))
		return vfmig_err(request->err, -EINVAL,
				 "%s: irq-info with room for %zu bytes: it takes %zu",
				 kit->device.name, size, sizeof(info));
	info.count = irq_count(kit, info.index);
	info.flags = VFMIG_IRQ_INFO_EVENTFD;
	if (!kit->is_pci)
		info.flags |= VFMIG_IRQ_INFO_NORESIZE;
	else if (info.index == VFMIG_PCI_IRQ_INTX)
		info.flags |= VFMIG_IRQ_INFO_MASKABLE | VFMIG_IRQ_INFO_AUTOMASKED;
	else if (info.index == VFMIG_PCI_IRQ_MSIX)
		info.flags |= VFMIG_IRQ_INFO_MASKABLE;
	else
		info.flags |= VFMIG_IRQ_INFO_NORESIZE;
	memcpy(request->info.buf, &info, sizeof(info));
	return sizeof(info);
}

/* Store a descriptor (or -1) in its slot, and close the previous one. */
static void replace(int *place, int fd)
{
	if (*place >= 0)
		close(*place);
	*place = fd;
}

/* Whether the request selects its nth interrupt: NONE selects all, BOOL those that are not 0. */
static bool meant(const struct vfmig_request *request, uint32_t n)
{
	return (request->irqs.flags & VFMIG_IRQ_SET_DATA_NONE) || request->irqs.bools[n];
}

static bool disables(const struct vfmig_request *request)
{
	return (request->irqs.flags & VFMIG_IRQ_SET_DATA_NONE) && !request->irqs.count;
}

/* ---- INTx ---- */

/* Watch, besides the work, an eventfd by which the user unmasks the pin. */
static int watch(struct vfmig_kit *kit, int fd)
{
	struct epoll_event event = {.events = EPOLLIN};

	if (kit->irq.unmask_fd >= 0)
		epoll_ctl(kit->poll_fd, EPOLL_CTL_DEL, kit->irq.unmask_fd, NULL);
	replace(&kit->irq.unmask_fd, -1);
	atomic_store(&kit->watched, false);
	if (fd >= 0 && epoll_ctl(kit->poll_fd, EPOLL_CTL_ADD, fd, &event))
		return -errno;
	kit->irq.unmask_fd = fd;
	atomic_store(&kit->watched, fd >= 0);
	return 0;
}

static void unmask(struct vfmig_kit *kit)
{
	kit->irq.intx_masked = false;
	kit_irqs_deliver(kit);
}

void kit_unmask_poll(struct vfmig_kit *kit)
{
	struct pollfd poll_one = {.events = POLLIN};
	uint64_t count;
	struct iovec into = {&count, sizeof(count)};

	pthread_mutex_lock(&kit->irq.lock);
	poll_one.fd = kit->irq.unmask_fd;
	if (poll_one.fd >= 0 && poll(&poll_one, 1, 0) == 1) {
		/* Does not block, even if the user has changed the descriptor's flags. */
		if (preadv2(poll_one.fd, &into, 1, -1, RWF_NOWAIT) == sizeof(count))
			unmask(kit);
		else if (errno != EAGAIN)
			watch(kit, -1);
	}
	pthread_mutex_unlock(&kit->irq.lock);
}

static int set_intx(struct vfmig_kit *kit, const struct vfmig_request *request, int *fds)
{
	struct kit_irqs *irq = &kit->irq;
	uint32_t action = request->irqs.flags & VFMIG_IRQ_SET_ACTION_TYPES;
	int ret;

	if (action == VFMIG_IRQ_SET_ACTION_TRIGGER) {
		if (disables(request)) {
			watch(kit, -1);
			replace(&irq->intx_fd, -1);
			irq->intx_masked = false;
		} else if (fds) {
			if (irq->intx_fd < 0)
				irq->intx_masked = false;
			replace(&irq->intx_fd, fds[0]);
			kit_irqs_deliver(kit);
		} else if (irq->intx_fd < 0) {
			return -EINVAL;
		} else if (meant(request, 0)) {
			kit_signal(irq->intx_fd);
		}
		return 0;
	}
	if (irq->intx_fd < 0 || !request->irqs.count)
		return -EINVAL;
	if (fds) {
		if (action == VFMIG_IRQ_SET_ACTION_MASK)
			return -ENOTTY;
		ret = watch(kit, fds[0]);
		return ret;
	}
	if (!meant(request, 0))
		return 0;
	if (action == VFMIG_IRQ_SET_ACTION_MASK)
		irq->intx_masked = true;
	else
		unmask(kit);
	return 0;
}

/* ---- MSI-X ---- */

static void put_vector(struct kit_irqs *irq, unsigned vector, int fd)
{
	irq->msix_set += (fd >= 0) - (irq->msix_fd[vector] >= 0);
	replace(&irq->msix_fd[vector], fd);
	if (fd < 0)
		irq->msix_masked[vector] = 0;
}

static int set_msix(struct vfmig_kit *kit, const struct vfmig_request *request, int *fds)
{
	struct kit_irqs *irq = &kit->irq;
	uint32_t action = request->irqs.flags & VFMIG_IRQ_SET_ACTION_TYPES;
	uint32_t start = request->irqs.start, count = request->irqs.count;

	if (action == VFMIG_IRQ_SET_ACTION_TRIGGER && disables(request)) {
		for (unsigned i = 0; i < irq->vectors; i++)
			put_vector(irq, i, -1);
		return 0;
	}
	if (fds && action != VFMIG_IRQ_SET_ACTION_TRIGGER)
		return -ENOTTY;
	if (!fds && !irq->msix_set)
		return -EINVAL;
	for (uint32_t n = 0; n < count; n++) {
		unsigned vector = start + n;

		if (fds)
			put_vector(irq, vector, fds[n]);
		else if (!meant(request, n))
			continue;
		else if (action == VFMIG_IRQ_SET_ACTION_TRIGGER && irq->msix_fd[vector] >= 0)
			kit_signal(irq->msix_fd[vector]);
		else if (action != VFMIG_IRQ_SET_ACTION_TRIGGER)
			irq->msix_masked[vector] = action == VFMIG_IRQ_SET_ACTION_MASK;
	}
	kit_irqs_deliver(kit);
	return 0;
}

/* ---- REQ: the kit never requests its device back, but a user may set it up and test it ---- */

static int set_req(struct vfmig_kit *kit, const struct vfmig_request *request, int *fds)
{
	if (!(request->irqs.flags & VFMIG_IRQ_SET_ACTION_TRIGGER))
		return -ENOTTY;
	if (disables(request))
		replace(&kit->irq.req_fd, -1);
	else if (fds)
		replace(&kit->irq.req_fd, fds[0]);
	else if (kit->irq.req_fd < 0)
		return -EINVAL;
	else if (meant(request, 0))
		kit_signal(kit->irq.req_fd);
	return 0;
}

/* ---- interrupts of a device that is not PCI: one vector for each index ---- */

static int set_own(struct vfmig_kit *kit, const struct vfmig_request *request, int *fds)
{
	struct kit_irqs *irq = &kit->irq;
	unsigned vector = request->irqs.index;

	if (!(request->irqs.flags & VFMIG_IRQ_SET_ACTION_TRIGGER))
		return -ENOTTY;
	if (disables(request))
		put_vector(irq, vector, -1);
	else if (fds)
		put_vector(irq, vector, fds[0]);
	else if (irq->msix_fd[vector] < 0)
		return -EINVAL;
	else if (meant(request, 0))
		kit_signal(irq->msix_fd[vector]);
	kit_irqs_deliver(kit);
	return 0;
}

/* ---- the request ---- */

static const char *bad_request(const struct vfmig_kit *kit, const struct vfmig_request *request)
{
	uint32_t data = request->irqs.flags & VFMIG_IRQ_SET_DATA_TYPES;
	uint32_t action = request->irqs.flags & VFMIG_IRQ_SET_ACTION_TYPES;
	uint32_t start = request->irqs.start, count = request->irqs.count, max;

	if (request->irqs.flags & ~(VFMIG_IRQ_SET_DATA_TYPES | VFMIG_IRQ_SET_ACTION_TYPES))
		return "unknown flags";
	if (!data || data & (data - 1) || !action || action & (action - 1))
		return "not one kind of data and one action";
	if (request->irqs.index >= irq_indexes(kit))
		return "there is no such index";
	max = irq_count(kit, request->irqs.index);
	if (start >= max || count > max - start)
		return "interrupts that the device does not have";
	if (!count && !(data == VFMIG_IRQ_SET_DATA_NONE && action == VFMIG_IRQ_SET_ACTION_TRIGGER))
		return "no interrupts";
	if ((data == VFMIG_IRQ_SET_DATA_EVENTFD && !request->irqs.fds) ||
	    (data == VFMIG_IRQ_SET_DATA_BOOL && !request->irqs.bools))
		return "the data is missing";
	return NULL;
}

bool kit_is_eventfd(int fd)
{
	char link[64], what[64];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, what, sizeof(what) - 1);
	if (n < 0)
		return errno != EBADF && errno != ENOENT; /* no /proc: accept the descriptor */
	what[n] = 0;
	return !strcmp(what, "anon_inode:[eventfd]");
}

/* Duplicate all the descriptors, or none. */
static int *copy_fds(const struct vfmig_request *request, struct vfmig_error *err)
{
	uint32_t count = request->irqs.count;
	int *fds = calloc(count, sizeof(*fds));

	for (uint32_t i = 0; fds && i < count; i++) {
		int fd = request->irqs.fds[i];

		fds[i] = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
		if (fd < 0 || (fds[i] >= 0 && kit_is_eventfd(fds[i])))
			continue;
		if (fds[i] < 0)
			vfmig_err(err, -errno, "SET_IRQS: descriptor %d: %s", fd, strerror(errno));
		else
			vfmig_err(err, -EINVAL, "SET_IRQS: descriptor %d is not an eventfd", fd);
		for (uint32_t j = 0; j <= i; j++)
			if (fds[j] >= 0)
				close(fds[j]);
		free(fds);
		return NULL;
	}
	if (!fds)
		vfmig_err(err, -ENOMEM, "SET_IRQS: no memory for %u descriptors", count);
	return fds;
}

ssize_t kit_set_irqs(struct vfmig_kit *kit, struct vfmig_request *request)
{
	const char *why = bad_request(kit, request);
	struct vfmig_error error = {0};
	bool other;
	int *fds = NULL;
	int ret;

	if (why)
		return vfmig_err(request->err, -EINVAL, "%s: SET_IRQS of index %u: %s",
				 kit->device.name, request->irqs.index, why);
	if (request->irqs.flags & VFMIG_IRQ_SET_DATA_EVENTFD) {
		fds = copy_fds(request, &error);
		if (!fds)
			return vfmig_err(request->err, error.code, "%s", error.text);
	}
	pthread_mutex_lock(&kit->irq.lock);
	other = request->irqs.index == VFMIG_PCI_IRQ_MSIX ? kit->irq.intx_fd >= 0
							  : kit->irq.msix_set != 0;
	if (!kit->is_pci)
		ret = set_own(kit, request, fds);
	else if (request->irqs.index == VFMIG_PCI_IRQ_REQ)
		ret = set_req(kit, request, fds);
	else if (fds && other)
		ret = -EBUSY;
	else if (request->irqs.index == VFMIG_PCI_IRQ_INTX)
		ret = set_intx(kit, request, fds);
	else
		ret = set_msix(kit, request, fds);
	pthread_mutex_unlock(&kit->irq.lock);
	for (uint32_t i = 0; ret && fds && i < request->irqs.count; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	free(fds);
	if (!ret)
		return 0;
	return vfmig_err(request->err, ret == -EBUSY ? -EINVAL : ret,
			 "%s: SET_IRQS of index %u: %s", kit->device.name, request->irqs.index,
			 ret == -EBUSY
				 ? "INTx and MSI-X cannot be on together: disable the other first"
			 : ret == -ENOTTY ? "this cannot be done with that kind of data"
					  : "it is not enabled: set an eventfd first");
}
