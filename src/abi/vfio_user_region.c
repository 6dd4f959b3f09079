/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vfio-user messages about regions: access, information with its chain of capabilities, and the
 * descriptors through which a hypervisor may reach a region directly.
 */
#include <vfmig/abi_region.h>

#include "abi/vfio_user.h"
#include "abi/caps.h"
#include "abi/le.h"
#include "abi/range.h"

_Static_assert(sizeof(struct vfmig_region_info) == ABI_MSG_REGION_INFO_SIZE, "packed");
_Static_assert(sizeof(struct vfmig_user_region_access) == ABI_MSG_REGION_ACCESS_SIZE, "packed");
_Static_assert(sizeof(struct vfmig_user_write) == ABI_MSG_WRITE_SIZE, "packed");
_Static_assert(sizeof(struct vfmig_user_io_fds) == ABI_MSG_IO_FDS_SIZE, "packed");
_Static_assert(sizeof(struct vfmig_info_cap_header) == 8, "packed");
_Static_assert(sizeof(struct vfmig_sparse_mmap_area) == 16, "packed");

/* Bytes of each capability, before a sparse one's areas. */
#define CAP_HEADER 8U
#define CAP_SPARSE 16U
#define CAP_TYPE   16U
#define CAP_OURS   24U
#define AREA	   16U

size_t abi_msg_put_region_access(void *buf, size_t cap, const struct vfmig_user_region_access *a)
{
	return abi_pack(buf, cap, "844", a);
}

const char *abi_msg_get_region_access(const void *buf, size_t len, uint32_t max, bool data,
				      struct vfmig_user_region_access *a)
{
	if (!abi_unpack(buf, len, "844", a))
		return "a region access needs 16 bytes";
	if (a->count > max)
		return "a region access is larger than was agreed";
	if (abi_passes_the_end(a->offset, a->count))
		return "a region access passes the end of any region";
	if (data && len - ABI_MSG_REGION_ACCESS_SIZE != a->count)
		return "a region access has another amount of data than it says";
	return NULL;
}

size_t abi_msg_put_write_multi(void *buf, size_t cap, const struct vfmig_user_write *w, uint64_t n)
{
	uint8_t *bytes = buf;
	size_t at = ABI_MSG_WRITE_MULTI_SIZE;

	if (n > ABI_MSG_WRITES_MAX || cap < at + (size_t)n * ABI_MSG_WRITE_SIZE)
		return 0;
	abi_put64(bytes, n);
	for (uint64_t i = 0; i < n; i++, at += ABI_MSG_WRITE_SIZE) {
		abi_pack(bytes + at, ABI_MSG_WRITE_SIZE, "844", &w[i]);
		memcpy(bytes + at + 16, w[i].data, sizeof(w[i].data));
	}
	return at;
}

void abi_msg_write_at(const void *buf, uint64_t i, struct vfmig_user_write *w)
{
	const uint8_t *bytes = buf;

	bytes += ABI_MSG_WRITE_MULTI_SIZE + i * ABI_MSG_WRITE_SIZE;
	abi_unpack(bytes, ABI_MSG_WRITE_SIZE, "844", w);
	memcpy(w->data, bytes + 16, sizeof(w->data));
}

const char *abi_msg_get_write_multi(const void *buf, size_t len, uint64_t *n)
{
	struct vfmig_user_write w;

	if (!abi_unpack(buf, len, "8", n))
		return "REGION_WRITE_MULTI needs 8 bytes";
	if (*n > ABI_MSG_WRITES_MAX)
		return "REGION_WRITE_MULTI has more than 4096 writes";
	if (len - ABI_MSG_WRITE_MULTI_SIZE != *n * ABI_MSG_WRITE_SIZE)
		return "REGION_WRITE_MULTI has another number of writes than it says";
	for (uint64_t i = 0; i < *n; i++) {
		abi_msg_write_at(buf, i, &w);
		if (!w.count || w.count > sizeof(w.data))
			return "REGION_WRITE_MULTI has a write that is not of 1 to 8 bytes";
		if (abi_passes_the_end(w.offset, w.count))
			return "REGION_WRITE_MULTI passes the end of any region";
	}
	return NULL;
}

size_t abi_msg_put_region_info(void *buf, size_t cap, uint32_t argsz,
			       const struct vfmig_region_info *i,
			       const struct abi_msg_region_caps *caps)
{
	static const struct abi_msg_region_caps none;
	struct vfmig_region_info info = *i;
	size_t need = ABI_MSG_REGION_INFO_SIZE, at = need, link = 12;
	uint8_t *c;

	if (!caps)
		caps = &none;
	if (caps->has_sparse && caps->nr_areas > ABI_MSG_AREAS_MAX)
		return 0;
	need += caps->has_sparse ? CAP_SPARSE + (size_t)caps->nr_areas * AREA : 0;
	need += caps->has_type ? CAP_TYPE : 0;
	need += caps->msix_mappable ? CAP_HEADER : 0;
	need += caps->has_revision ? CAP_OURS : 0;

	info.argsz = (uint32_t)need;
	info.cap_offset = 0;
	info.flags &= ~VFMIG_REGION_FLAG_CAPS;
	if (need > at)
		info.flags |= VFMIG_REGION_FLAG_CAPS;
	if (need > argsz) /* the uAPI's way to ask for a larger buffer */
		need = at;
	if (cap < need)
		return 0;
	abi_pack(buf, cap, "444488", &info);
	if (need == at)
		return at;
	if (caps->has_sparse) {
		c = abi_caps_put(buf, &at, &link, VFMIG_REGION_CAP_SPARSE_MMAP, 1,
				 CAP_SPARSE + (size_t)caps->nr_areas * AREA);
		abi_put32(c + 8, caps->nr_areas);
		abi_put32(c + 12, 0);
		for (uint32_t n = 0; n < caps->nr_areas; n++)
			abi_pack(c + CAP_SPARSE + n * AREA, AREA, "88", &caps->areas[n]);
	}
	if (caps->has_type) {
		c = abi_caps_put(buf, &at, &link, VFMIG_REGION_CAP_TYPE, 1, CAP_TYPE);
		abi_put32(c + 8, caps->type);
		abi_put32(c + 12, caps->subtype);
	}
	if (caps->msix_mappable)
		abi_caps_put(buf, &at, &link, VFMIG_REGION_CAP_MSIX_MAPPABLE, 1, CAP_HEADER);
	if (caps->has_revision) {
		c = abi_caps_put(buf, &at, &link, VFMIG_REGION_CAP_REVISION, 1, CAP_OURS);
		abi_put32(c + 8, caps->revision);
		abi_put32(c + 12, caps->revision_flags);
		abi_put64(c + 16, caps->revision_capacity);
	}
	return at;
}

size_t abi_msg_put_region_info_request(void *buf, size_t cap, uint32_t argsz, uint32_t index)
{
	struct vfmig_region_info info = {.argsz = argsz, .index = index};

	return abi_pack(buf, cap, "444488", &info);
}

const char *abi_msg_get_region_info(const void *buf, size_t len, struct vfmig_region_info *i)
{
	if (!abi_unpack(buf, len, "444488", i))
		return "region info needs 32 bytes";
	if (i->argsz < ABI_MSG_REGION_INFO_SIZE)
		return "the argsz of region info is below its 32 bytes";
	if ((i->flags & VFMIG_REGION_FLAG_MMAP) && abi_passes_the_end(i->offset, i->size))
		return "region info: the region passes the end of any file";
	return NULL;
}

/* The state of a walk through a region's chain. */
struct region_walk {
	const struct vfmig_region_info *info;
	struct vfmig_sparse_mmap_area *areas;
	uint32_t max;
	struct abi_msg_region_caps *caps;
};

static const char *get_sparse(struct region_walk *walk, const uint8_t *cap, size_t capacity,
			      size_t *size)
{
	struct abi_msg_region_caps *c = walk->caps;
	uint32_t n;

	if (c->has_sparse)
		return "region info: two lists of areas";
	if (capacity < CAP_SPARSE)
		return "region info: a capability leaves the message";
	n = abi_get32(cap + 8);
	if (n > ABI_MSG_AREAS_MAX || n > walk->max)
		return "region info: more areas than are allowed";
	if ((capacity - CAP_SPARSE) / AREA < n)
		return "region info: a list of areas leaves the message";
	for (uint32_t k = 0; k < n; k++) {
		struct vfmig_sparse_mmap_area area;

		abi_unpack(cap + CAP_SPARSE + k * AREA, AREA, "88", &area);
		if (area.offset > walk->info->size || area.size > walk->info->size - area.offset)
			return "region info: an area leaves the region";
		if (area.size) /* an empty area has no meaning, and is seen in the field */
			walk->areas[c->nr_areas++] = area;
	}
	c->has_sparse = true;
	c->areas = walk->areas;
	*size = CAP_SPARSE + (size_t)n * AREA;
	return NULL;
}

static const char *get_region_cap(void *context, uint32_t id, uint32_t version, const uint8_t *cap,
				  size_t capacity, size_t *size)
{
	struct region_walk *walk = context;
	struct abi_msg_region_caps *c = walk->caps;

	/* Another version of a capability is another capability. */
	switch (version == 1 ? id : 0) {
	case VFMIG_REGION_CAP_SPARSE_MMAP:
		return get_sparse(walk, cap, capacity, size);
	case VFMIG_REGION_CAP_TYPE:
		if (c->has_type)
			return "region info: two types";
		if (capacity < CAP_TYPE)
			return "region info: a capability leaves the message";
		c->has_type = true;
		c->type = abi_get32(cap + 8);
		c->subtype = abi_get32(cap + 12);
		*size = CAP_TYPE;
		return NULL;
	case VFMIG_REGION_CAP_MSIX_MAPPABLE:
		if (c->msix_mappable)
			return "region info: MSI-X mappable twice";
		c->msix_mappable = true;
		return NULL;
	case VFMIG_REGION_CAP_REVISION:
		if (c->has_revision)
			return "region info: two revisions of the migration protocol";
		if (capacity < CAP_OURS)
			return "region info: a capability leaves the message";
		c->has_revision = true;
		c->revision = abi_get32(cap + 8);
		c->revision_flags = abi_get32(cap + 12);
		c->revision_capacity = abi_get64(cap + 16);
		*size = CAP_OURS;
		return NULL;
	default:
		c->unknown[c->unknown_count++] = (uint16_t)id;
		return NULL;
	}
}

const char *abi_msg_get_region_caps(const void *buf, size_t len, const struct vfmig_region_info *i,
				    struct vfmig_sparse_mmap_area *areas, uint32_t max,
				    struct abi_msg_region_caps *c)
{
	static const struct abi_caps_words words = {
		"region info: more than 16 capabilities",
		"region info: a capability lies inside the fixed part",
		"region info: a capability leaves the message",
		"region info: capabilities overlap, or the chain loops",
	};
	struct region_walk walk = {.info = i, .areas = areas, .max = max, .caps = c};

	memset(c, 0, sizeof(*c));
	return abi_caps_walk(buf, len, ABI_MSG_REGION_INFO_SIZE,
			     i->flags & VFMIG_REGION_FLAG_CAPS ? i->cap_offset : 0, &words,
			     get_region_cap, &walk);
}

size_t abi_msg_put_io_fds(void *buf, size_t cap, const struct vfmig_user_io_fds *h,
			  const struct vfmig_user_io_fd *fds)
{
	struct vfmig_user_io_fds head = *h;
	uint8_t *bytes = buf;
	size_t at = ABI_MSG_IO_FDS_SIZE;

	if (h->count > ABI_MSG_IO_FDS_MAX || cap < at + (size_t)h->count * ABI_MSG_IO_FD_SIZE)
		return 0;
	head.argsz = (uint32_t)(at + (size_t)h->count * ABI_MSG_IO_FD_SIZE);
	abi_pack(buf, cap, "4444", &head);
	for (uint32_t n = 0; n < h->count; n++, at += ABI_MSG_IO_FD_SIZE) {
		if (fds[n].type > VFMIG_USER_IO_FD_IOREGIONFD)
			return 0; /* the specification's form has no place for a shadow */
		abi_pack(bytes + at, ABI_MSG_IO_FD_SIZE, "884444", &fds[n]);
		abi_put32(bytes + at + 28, 0);
		abi_put64(bytes + at + 32, fds[n].data);
	}
	return at;
}

const char *abi_msg_get_io_fds_request(const void *buf, size_t len, struct vfmig_user_io_fds *h)
{
	if (!abi_unpack(buf, len, "4444", h))
		return "GET_REGION_IO_FDS needs 16 bytes";
	if (h->argsz < ABI_MSG_IO_FDS_SIZE)
		return "the argsz of GET_REGION_IO_FDS is below its 16 bytes";
	if (h->flags)
		return "GET_REGION_IO_FDS has unknown flags";
	return NULL;
}

const char *abi_msg_get_io_fds(const void *buf, size_t len, size_t nfds,
			       struct vfmig_user_io_fds *h, struct vfmig_user_io_fd *fds,
			       uint32_t max)
{
	const uint8_t *bytes = buf;
	const char *why = abi_msg_get_io_fds_request(buf, len, h);
	bool wide;
	size_t stride;

	if (why)
		return why;
	if (h->argsz > len || !h->count) {
		h->count = 0;
		return NULL;
	}
	if (h->count > ABI_MSG_IO_FDS_MAX || h->count > max)
		return "GET_REGION_IO_FDS has more sub-regions than are allowed";
	/*
	 * 40 bytes each by the specification; libvfio-user puts a shadow's offset in, and has 48.
	 */
	stride = (h->argsz - ABI_MSG_IO_FDS_SIZE) / h->count;
	wide = stride == ABI_MSG_IO_FD_SIZE + 8;
	if ((!wide && stride != ABI_MSG_IO_FD_SIZE) ||
	    h->count * stride != h->argsz - ABI_MSG_IO_FDS_SIZE)
		return "GET_REGION_IO_FDS has sub-regions of an unknown size";
	bytes += ABI_MSG_IO_FDS_SIZE;
	for (uint32_t n = 0; n < h->count; n++, bytes += stride) {
		struct vfmig_user_io_fd *fd = &fds[n];
		bool shadow;

		memset(fd, 0, sizeof(*fd));
		abi_unpack(bytes, stride, "884444", fd);
		shadow = fd->type == VFMIG_USER_IO_FD_IOEVENTFD_SHADOW;
		fd->data = abi_get64(bytes + 32);
		if (wide && fd->type != VFMIG_USER_IO_FD_IOREGIONFD) {
			fd->shadow_offset = fd->data;
			fd->data = abi_get64(bytes + 40);
		}
		if (fd->type > VFMIG_USER_IO_FD_IOEVENTFD_SHADOW || (shadow && !wide))
			return "GET_REGION_IO_FDS has a sub-region of an unknown type";
		if (fd->fd_index >= nfds || (shadow && fd->shadow_fd_index >= nfds))
			return "GET_REGION_IO_FDS names a descriptor that did not come";
		if (abi_passes_the_end(fd->offset, fd->size))
			return "GET_REGION_IO_FDS has a sub-region that passes the end of any region";
	}
	return NULL;
}
