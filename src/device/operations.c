/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The operations, blocking: a request, a call, and the answer decoded.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi/vfio_user.h" /* its region information is the uAPI's */
#include "device/device.h"

/* The limit for a region's information; a device that reports more is rejected. */
#define INFO_MAX 65536u

/* A call of which only success or failure counts. */
static int call(struct vfmig_device *device, struct vfmig_request *request)
{
	ssize_t ret = vfmig_call(device, request);

	return ret < 0 ? (int)ret : 0;
}

/* Fixed-size information; what an older device leaves out is 0. */
static int info(struct vfmig_device *device, enum vfmig_op op, uint32_t index, void *buf,
		size_t size, size_t least, struct vfmig_error *err)
{
	struct vfmig_request request = {
		.op = op, .info = {.index = index, .buf = buf, .size = size}, .err = err};
	ssize_t ret;

	memset(buf, 0, size);
	ret = vfmig_call(device, &request);
	if (ret < 0)
		return (int)ret;
	if ((size_t)ret < least)
		return vfmig_err(err, -EPROTO,
				 "device %s: the reply to %s has %zd bytes, which is too short",
				 device->name, vfmig_op_name(op), ret);
	return 0;
}

int vfmig_device_get_info(struct vfmig_device *device, struct vfmig_device_info *out,
			  struct vfmig_error *err)
{
	return info(device, VFMIG_OP_DEVICE_INFO, 0, out, sizeof(*out),
		    offsetof(struct vfmig_device_info, cap_offset), err);
}

int vfmig_device_get_irq_info(struct vfmig_device *device, uint32_t index,
			      struct vfmig_irq_info *out, struct vfmig_error *err)
{
	return info(device, VFMIG_OP_IRQ_INFO, index, out, sizeof(*out), sizeof(*out), err);
}

static int decode_region(struct vfmig_device *device, const void *buf, size_t size,
			 struct vfmig_region *region, struct vfmig_error *err)
{
	struct vfmig_sparse_mmap_area areas[VFMIG_MMAP_AREAS];
	struct abi_msg_region_caps caps;
	struct vfmig_region_info head;
	const char *why = abi_msg_get_region_info(buf, size, &head);

	if (!why)
		why = abi_msg_get_region_caps(buf, size, &head, areas, VFMIG_MMAP_AREAS, &caps);
	if (why)
		return vfmig_err(err, -EPROTO,
				 "device %s: region %u: region information failed: %s",
				 device->name, region->index, why);
	region->flags = head.flags;
	region->size = head.size;
	if (caps.has_type) {
		region->type = caps.type;
		region->subtype = caps.subtype;
	}
	region->msix_mappable = caps.msix_mappable;
	region->unknown_count = caps.unknown_count;
	memcpy(region->unknown, caps.unknown, sizeof(region->unknown));
	region->revision = caps.revision;
	region->revision_flags = caps.revision_flags;
	region->revision_capacity = caps.revision_capacity;
	if (!(head.flags & VFMIG_REGION_FLAG_MMAP))
		return 0;
	if (!caps.has_sparse) {
		region->areas = 1;
		region->area[0].size = head.size;
		return 0;
	}
	region->areas = caps.nr_areas;
	for (uint32_t i = 0; i < caps.nr_areas; i++) {
		region->area[i].offset = areas[i].offset;
		region->area[i].size = areas[i].size;
	}
	return 0;
}

int vfmig_device_get_region_info(struct vfmig_device *device, uint32_t index,
				 struct vfmig_region *region, struct vfmig_error *err)
{
	size_t size = sizeof(struct vfmig_region_info) + 256;
	void *buf = NULL, *grown;
	ssize_t ret;

	memset(region, 0, sizeof(*region));
	region->index = index;
	for (;;) {
		struct vfmig_request request = {.op = VFMIG_OP_REGION_INFO, .err = err};

		grown = realloc(buf, size);
		if (!grown) {
			free(buf);
			return vfmig_err(err, -ENOMEM, "no memory for a region's information");
		}
		buf = grown;
		memset(buf, 0, size);
		request.info.index = index;
		request.info.buf = buf;
		request.info.size = size;
		ret = vfmig_call(device, &request);
		if (ret < 0 || (size_t)ret <= size)
			break;
		if (ret > INFO_MAX) {
			free(buf);
			return vfmig_err(
				err, -E2BIG,
				"device %s: region %u: region information has %zd bytes, the limit is %u",
				device->name, index, ret, INFO_MAX);
		}
		size = (size_t)ret;
	}
	ret = ret < 0 ? ret : decode_region(device, buf, (size_t)ret, region, err);
	free(buf);
	return (int)ret;
}

int vfmig_device_region_read(struct vfmig_device *device, uint32_t index, uint64_t offset,
			     void *buf, uint32_t len, struct vfmig_error *err)
{
	struct vfmig_request request = {
		.op = VFMIG_OP_REGION_READ,
		.region = {.index = index, .len = len, .offset = offset, .buf = buf},
		.err = err,
	};

	return call(device, &request);
}

int vfmig_device_region_write(struct vfmig_device *device, uint32_t index, uint64_t offset,
			      const void *buf, uint32_t len, struct vfmig_error *err)
{
	struct vfmig_request request = {
		.op = VFMIG_OP_REGION_WRITE,
		.region = {.index = index, .len = len, .offset = offset, .buf = (void *)buf},
		.err = err,
	};

	return call(device, &request);
}

int vfmig_device_region_map(struct vfmig_device *device, uint32_t index, uint64_t offset,
			    uint64_t size, void **ptr, struct vfmig_error *err)
{
	struct vfmig_request request = {.op = VFMIG_OP_REGION_FD, .err = err};
	struct vfmig_region region;
	int prot = 0, ret;
	uint32_t i;

	ret = vfmig_device_get_region_info(device, index, &region, err);
	if (ret)
		return ret;
	for (i = 0; i < region.areas; i++)
		if (offset >= region.area[i].offset &&
		    offset - region.area[i].offset < region.area[i].size &&
		    size <= region.area[i].size - (offset - region.area[i].offset))
			break;
	if (i == region.areas || !size)
		return vfmig_err(
			err, -EINVAL,
			"device %s: region %u: 0x%llx bytes at 0x%llx are not in a mappable area",
			device->name, index, (unsigned long long)size, (unsigned long long)offset);
	request.region_fd.index = index;
	request.region_fd.fd = -1;
	ret = call(device, &request);
	if (ret)
		return ret;
	if (region.flags & VFMIG_REGION_FLAG_READ)
		prot |= PROT_READ;
	if (region.flags & VFMIG_REGION_FLAG_WRITE)
		prot |= PROT_WRITE;
	*ptr = mmap(NULL, size, prot, MAP_SHARED, request.region_fd.fd,
		    (off_t)(request.region_fd.file_offset + offset));
	ret = *ptr == MAP_FAILED ? -errno : 0;
	close(request.region_fd.fd);
	if (ret)
		return vfmig_err(err, ret, "device %s: region %u: mmap: %s", device->name, index,
				 strerror(-ret));
	return 0;
}

int vfmig_device_set_irq_eventfds(struct vfmig_device *device, uint32_t index, uint32_t start,
				  uint32_t count, const int32_t *fds, struct vfmig_error *err)
{
	struct vfmig_request request = {
		.op = VFMIG_OP_SET_IRQS,
		.irqs = {.flags = VFMIG_IRQ_SET_DATA_EVENTFD | VFMIG_IRQ_SET_ACTION_TRIGGER,
			 .index = index,
			 .start = start,
			 .count = count,
			 .fds = fds},
		.err = err,
	};

	return call(device, &request);
}

int vfmig_device_reset(struct vfmig_device *device, struct vfmig_error *err)
{
	struct vfmig_request request = {.op = VFMIG_OP_RESET, .err = err};

	return call(device, &request);
}

int vfmig_device_call_feature(struct vfmig_device *device, uint32_t flags, void *data, size_t size,
			      struct vfmig_error *err)
{
	struct vfmig_request request = {
		.op = VFMIG_OP_FEATURE,
		.feature = {.flags = flags, .data = data, .size = size},
		.err = err,
	};

	return call(device, &request);
}
