/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the mediator's thread does: the mediator first, and the device where it passes.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "abi/range.h"
#include "filter/mediate/mediate.h"

static ssize_t pass(struct mediate *m, struct vfmig_request *request)
{
	return vfmig_call(m->device.inner, request);
}

static ssize_t access_region(struct mediate *m, struct vfmig_request *request)
{
	bool write = request->op == VFMIG_OP_REGION_WRITE;
	uint32_t index = request->region.index;
	int ret;

	if (!request->region.len)
		return 0;
	ret = m->ops.rw(m->self, index, request->region.offset, request->region.buf,
			request->region.len, write, request->err);
	ret = mediate_answer(m, write ? "rw (a write)" : "rw (a read)", ret, VFMIG_MEDIATOR_PASS,
			     request->err);
	if (ret < 0 || ret != VFMIG_MEDIATOR_PASS)
		return ret < 0 ? ret : (ssize_t)request->region.len;
	if (mediate_is_migration(m, index))
		return vfmig_err(
			request->err, -EPROTO,
			"mediator %s returned PASS for the migration region, which the device does not have",
			m->ops.name);
	return pass(m, request);
}

/* A file that is too short makes a signal of an access. */
static ssize_t check_file(struct mediate *m, uint32_t index, int fd, uint64_t offset,
			  struct vfmig_error *err)
{
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		return vfmig_err(err, -EPROTO,
				 "mediator %s: mmap() returned %d, which is not a descriptor",
				 m->ops.name, fd);
	if (offset % VFMIG_PAGE_SIZE || offset > INT64_MAX - m->region[index].size)
		return vfmig_err(err, -EPROTO,
				 "mediator %s: mmap() returned the invalid offset 0x%llx",
				 m->ops.name, (unsigned long long)offset);
	if (S_ISREG(st.st_mode) && (uint64_t)st.st_size < abi_sum(offset, m->region[index].size))
		return vfmig_err(
			err, -EPROTO,
			"mediator %s: mmap() returned a file of 0x%llx bytes for a region of 0x%llx",
			m->ops.name, (unsigned long long)st.st_size,
			(unsigned long long)m->region[index].size);
	return 0;
}

static ssize_t map_region(struct mediate *m, struct vfmig_request *request)
{
	uint32_t index = request->region_fd.index;
	uint64_t offset = 0;
	int fd = -1, ret;
	ssize_t bad;

	ret = mediate_answer(m, "mmap", m->ops.mmap(m->self, index, &fd, &offset, request->err),
			     VFMIG_MEDIATOR_PASS, request->err);
	if (ret < 0)
		return ret;
	if (ret == VFMIG_MEDIATOR_PASS && !mediate_is_migration(m, index))
		return pass(m, request);
	bad = check_file(m, index, ret ? -1 : fd, offset, request->err);
	if (bad)
		return bad;
	request->region_fd.fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	request->region_fd.file_offset = offset;
	return request->region_fd.fd < 0 ? vfmig_err(request->err, -errno, "no descriptor") : 0;
}

static ssize_t attach(struct mediate *m, struct vfmig_request *request)
{
	struct vfmig_space *space = request->space;
	ssize_t ret;

	if (m->own)
		ret = vfmig_space_attach(m->own, m->device.inner, request->err);
	else
		ret = pass(m, request);
	if (ret < 0)
		return ret;
	m->space = m->own ? m->own : space;
	if (!m->ops.attached)
		return 0;
	ret = mediate_answer(m, "attached", m->ops.attached(m->self, request->err), 0,
			     request->err);
	if (!ret)
		return 0;
	m->space = NULL;
	if (m->own) {
		vfmig_space_detach(m->own, m->device.inner, NULL);
	} else {
		struct vfmig_request undo = {.op = VFMIG_OP_DETACH, .space = space};

		pass(m, &undo);
	}
	return ret;
}

static ssize_t detach(struct mediate *m, struct vfmig_request *request)
{
	if (m->space && m->ops.detached)
		m->ops.detached(m->self);
	m->space = NULL;
	if (m->own)
		return vfmig_space_detach(m->own, m->device.inner, request->err);
	return pass(m, request);
}

static ssize_t map(struct mediate *m, struct vfmig_request *request)
{
	int ret = vfmig_space_map(m->own, request->map, request->err);

	if (ret == -EEXIST)
		vfmig_err_at(
			request->err, ret,
			"the IOVA 0x%llx conflicts with the mediator's memory; move that memory with option iova=",
			(unsigned long long)m->next_iova);
	return ret;
}

static ssize_t reset(struct mediate *m, struct vfmig_request *request)
{
	ssize_t ret = pass(m, request);

	if (ret < 0)
		return ret;
	if (!m->ops.reset)
		return ret;
	return mediate_answer(m, "reset", m->ops.reset(m->self, request->err), 0, request->err);
}

/* A log never waits. */
static void at_once(struct vfmig_request *request)
{
}

static ssize_t logging(struct mediate *m, struct vfmig_request *request)
{
	const uint32_t report = VFMIG_FEATURE_GET | VFMIG_FEATURE_DMA_LOGGING_REPORT;
	const struct vfmig_feature_dma_logging_report *what = request->feature.data;
	int ret = 0;

	if (m->ops.written && request->feature.flags == report &&
	    request->feature.size >= sizeof(*what))
		ret = mediate_answer(
			m, "written",
			m->ops.written(m->self, what->iova, what->length, request->err), 0,
			request->err);
	/* A report that fails makes all pages count as written. */
	if (ret)
		return ret;
	request->done = at_once;
	expose_submit(&m->logging, request);
	return request->result;
}

ssize_t mediate_work(struct vfmig_device *device, struct vfmig_request *request)
{
	struct mediate *m = (struct mediate *)device;

	request->err->text[0] = 0;
	switch (request->op) {
	case VFMIG_OP_REGION_READ:
	case VFMIG_OP_REGION_WRITE:
		return access_region(m, request);
	case VFMIG_OP_REGION_FD:
		return map_region(m, request);
	case VFMIG_OP_ATTACH:
		return attach(m, request);
	case VFMIG_OP_DETACH:
		return detach(m, request);
	case VFMIG_OP_SPACE_MAP:
		return map(m, request);
	case VFMIG_OP_SPACE_UNMAP:
		return vfmig_space_unmap(m->own, request->map->iova, request->map->size,
					 request->err);
	case VFMIG_OP_RESET:
		return reset(m, request);
	default:
		return logging(m, request);
	}
}
