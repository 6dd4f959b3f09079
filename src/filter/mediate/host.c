/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The host's functions that a mediator may call: the device, its address space, memory in it, and
 * time.
 *
 * The device must reach a mediator's memory, but the device's user must not see it, since the user
 * would migrate it. So if a mediator requests memory, the device is attached to a space of the
 * filter's own. That space has all maps of the user's and the mediator's memory.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "abi/range.h"
#include "filter/mediate/mediate.h"

static struct mediate *mediate_of(struct vfmig_mediator_host *host)
{
	return (struct mediate *)((char *)host - offsetof(struct mediate, host));
}

static int may_ask(const struct mediate *m, struct vfmig_error *err)
{
	if (m->may_ask)
		return 0;
	return vfmig_err(err, -EBUSY,
			 "a mediator must not send a request to the device from this operation");
}

static int host_read(struct vfmig_mediator_host *host, uint32_t index, uint64_t offset, void *buf,
		     uint32_t len, struct vfmig_error *err)
{
	struct mediate *m = mediate_of(host);
	int ret = may_ask(m, err);

	return ret ? ret : vfmig_device_region_read(m->device.inner, index, offset, buf, len, err);
}

static int host_write(struct vfmig_mediator_host *host, uint32_t index, uint64_t offset,
		      const void *buf, uint32_t len, struct vfmig_error *err)
{
	struct mediate *m = mediate_of(host);
	int ret = may_ask(m, err);

	return ret ? ret : vfmig_device_region_write(m->device.inner, index, offset, buf, len, err);
}

static int has_space(const struct mediate *m, struct vfmig_error *err)
{
	int ret = may_ask(m, err);

	if (!ret && !m->space)
		ret = vfmig_err(err, -ENXIO, "the device is not attached to a space");
	return ret;
}

static int host_dma_read(struct vfmig_mediator_host *host, uint64_t iova, void *buf, size_t len,
			 struct vfmig_error *err)
{
	struct mediate *m = mediate_of(host);
	int ret = has_space(m, err);

	return ret ? ret : vfmig_space_read(m->space, iova, buf, len, err);
}

static int host_dma_write(struct vfmig_mediator_host *host, uint64_t iova, const void *buf,
			  size_t len, struct vfmig_error *err)
{
	struct mediate *m = mediate_of(host);
	int ret = has_space(m, err);

	return ret ? ret : vfmig_space_write(m->space, iova, buf, len, err);
}

static void host_mark(struct vfmig_mediator_host *host, uint64_t iova, uint64_t size)
{
	struct mediate *m = mediate_of(host);

	if (m->log.map)
		vfmig_dirty_mark(m->log.map, iova, size);
}

static int map_piece(struct mediate *m, uint64_t size, int fd, void **ptr, struct vfmig_error *err)
{
	struct vfmig_map map = {
		.iova = m->next_iova,
		.size = size,
		.prot = VFMIG_PROT_READ | VFMIG_PROT_WRITE,
		.kind = VFMIG_MAP_MEMORY,
		.fd = fd,
	};
	int ret;

	if (fd < 0 || ftruncate(fd, (off_t)size))
		return vfmig_err(err, -errno, "memory for a mediator: %s", strerror(errno));
	map.ptr = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map.ptr == MAP_FAILED)
		return vfmig_err(err, -errno, "memory for a mediator: %s", strerror(errno));
	ret = vfmig_space_map(m->own, &map, err);
	if (ret) {
		munmap(map.ptr, size);
		return vfmig_err_at(err, ret,
				    "memory for a mediator (option iova= sets its address)");
	}
	*ptr = map.ptr;
	return 0;
}

static int host_memory(struct vfmig_mediator_host *host, uint64_t size, void **ptr, uint64_t *iova,
		       struct vfmig_error *err)
{
	struct mediate *m = mediate_of(host);
	int ret = has_space(m, err), fd;

	if (ret)
		return ret;
	if (!m->own)
		return vfmig_err(
			err, -EPERM,
			"a mediator may allocate memory only if open() returned VFMIG_MEDIATOR_CAP_MEMORY");
	if (!size || size > VFMIG_MEDIATOR_MEMORY_MAX)
		return vfmig_err(err, -ENOSPC,
				 "0x%llx bytes is not a valid size for memory of a mediator",
				 (unsigned long long)size);
	size = abi_pages(size, VFMIG_PAGE_SIZE) * VFMIG_PAGE_SIZE;
	if (m->pieces == MEDIATE_PIECES || size > VFMIG_MEDIATOR_MEMORY_MAX - m->memory)
		return vfmig_err(err, -ENOSPC, "the mediator has reached the limit of its memory");
	fd = memfd_create("vfmig-mediator", MFD_CLOEXEC);
	ret = map_piece(m, size, fd, ptr, err);
	if (ret) {
		if (fd >= 0)
			close(fd);
		return ret;
	}
	*iova = m->next_iova;
	m->next_iova += size;
	m->memory += size;
	m->piece[m->pieces].ptr = *ptr;
	m->piece[m->pieces].size = size;
	m->piece[m->pieces++].fd = fd;
	return 0;
}

/* If another thread works the device, it has the turn; else it is ours. */
static void host_wait(struct vfmig_mediator_host *host, uint32_t usec)
{
	struct mediate *m = mediate_of(host);
	struct timespec ts = {.tv_sec = usec / 1000000, .tv_nsec = usec % 1000000 * 1000};
	struct pollfd fd = {.fd = -1, .events = POLLIN};

	if (!m->may_ask)
		return;
	fd.fd = vfmig_device_fd(m->device.inner);
	ppoll(&fd, 1, &ts, NULL);
	vfmig_device_process(m->device.inner, NULL);
}

static int host_reset(struct vfmig_mediator_host *host, struct vfmig_error *err)
{
	struct mediate *m = mediate_of(host);
	int ret = may_ask(m, err);

	return ret ? ret : vfmig_device_reset(m->device.inner, err);
}

void mediate_host_init(struct mediate *m)
{
	m->host = (struct vfmig_mediator_host){
		.abi = VFMIG_MEDIATOR_ABI,
		.size = sizeof(m->host),
		.read = host_read,
		.write = host_write,
		.dma_read = host_dma_read,
		.dma_write = host_dma_write,
		.mark = host_mark,
		.memory = host_memory,
		.wait = host_wait,
		.reset = host_reset,
	};
}

void mediate_host_fini(struct mediate *m)
{
	vfmig_space_free(m->own);
	for (unsigned i = 0; i < m->pieces; i++) {
		munmap(m->piece[i].ptr, m->piece[i].size);
		close(m->piece[i].fd);
	}
}
