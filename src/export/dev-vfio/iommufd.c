/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * iommufd: address spaces (IOAS), page tables (HWPT) over them, and devices, each a numbered object of a file.
 *
 * A page table is no more than a name for its IOAS here. Dirty pages are the IOAS's, so that two page tables over
 * one share what was written.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "export/dev-vfio/iommufd.h"

int dev_vfio_open_iommufd(struct dev_vfio *view, int flags)
{
	struct dev_vfio_file *file = dev_vfio_file(view, DEV_VFIO_IOMMUFD);
	struct dev_vfio_iommufd *iommufd = calloc(1, sizeof(*iommufd));
	int fd;

	if (!file || !iommufd) {
		free(file);
		free(iommufd);
		return -ENOMEM;
	}
	iommufd->view = view;
	iommufd->count = 1;
	atomic_init(&iommufd->refs, 1);
	pthread_mutex_init(&iommufd->lock, NULL);
	file->iommufd = iommufd;
	fd = dev_vfio_install(file, "iommufd", flags);
	if (fd < 0)
		dev_vfio_iommufd_put(iommufd);
	return fd;
}

void dev_vfio_iommufd_put(struct dev_vfio_iommufd *iommufd)
{
	if (atomic_fetch_sub(&iommufd->refs, 1) != 1)
		return;
	for (uint32_t i = 1; i < iommufd->count; i++)
		if (iommufd->objects[i].kind == DEV_VFIO_OBJECT_IOAS)
			dev_vfio_ioas_put(iommufd->objects[i].ioas);
	free(iommufd->objects);
	pthread_mutex_destroy(&iommufd->lock);
	free(iommufd);
}

/* ---- objects; under the lock ---- */

struct dev_vfio_object *dev_vfio_object(struct dev_vfio_iommufd *iommufd, uint32_t id,
					enum dev_vfio_object_kind kind)
{
	if (!id || id >= iommufd->count || iommufd->objects[id].kind != kind)
		return NULL;
	return &iommufd->objects[id];
}

uint32_t dev_vfio_object_add(struct dev_vfio_iommufd *iommufd, const struct dev_vfio_object *object)
{
	struct dev_vfio_object *grown;
	uint32_t id = 1;

	while (id < iommufd->count && iommufd->objects[id].kind != DEV_VFIO_OBJECT_NONE)
		id++;
	if (id >= DEV_VFIO_OBJECTS)
		return 0;
	if (id >= iommufd->count) {
		grown = realloc(iommufd->objects, (id + 1) * sizeof(*grown));
		if (!grown)
			return 0;
		iommufd->objects = grown;
		iommufd->count = id + 1;
	}
	iommufd->objects[id] = *object;
	return id;
}

void dev_vfio_object_remove(struct dev_vfio_iommufd *iommufd, uint32_t id)
{
	struct dev_vfio_object *object = &iommufd->objects[id], *ioas;

	if (object->kind == DEV_VFIO_OBJECT_HWPT) {
		ioas = dev_vfio_object(iommufd, object->ioas_id, DEV_VFIO_OBJECT_IOAS);
		if (ioas)
			ioas->uses--;
	} else if (object->kind == DEV_VFIO_OBJECT_IOAS) {
		dev_vfio_ioas_put(object->ioas);
	}
	*object = (struct dev_vfio_object){.kind = DEV_VFIO_OBJECT_NONE};
}

uint32_t dev_vfio_hwpt_add(struct dev_vfio_iommufd *iommufd, uint32_t ioas_id, bool tracks,
			   bool automatic)
{
	struct dev_vfio_object *ioas = dev_vfio_object(iommufd, ioas_id, DEV_VFIO_OBJECT_IOAS);
	struct dev_vfio_object hwpt = {.kind = DEV_VFIO_OBJECT_HWPT,
				       .ioas_id = ioas_id,
				       .ioas = ioas->ioas,
				       .tracks = tracks,
				       .automatic = automatic};
	uint32_t id = dev_vfio_object_add(iommufd, &hwpt);

	if (id)
		dev_vfio_object(iommufd, ioas_id, DEV_VFIO_OBJECT_IOAS)->uses++;
	return id;
}

/* ---- the ioctls of an iommufd; under its lock, with the structure ---- */

static long destroy(struct dev_vfio_iommufd *iommufd, struct abi_iommufd_destroy *d)
{
	if (!d->id || d->id >= iommufd->count ||
	    iommufd->objects[d->id].kind == DEV_VFIO_OBJECT_NONE)
		return -ENOENT;
	if (iommufd->objects[d->id].uses || iommufd->objects[d->id].kind == DEV_VFIO_OBJECT_DEVICE)
		return -EBUSY;
	dev_vfio_object_remove(iommufd, d->id);
	return 0;
}

static long ioas_alloc(struct dev_vfio_iommufd *iommufd, struct abi_iommufd_ioas_alloc *a)
{
	struct dev_vfio_object object = {.kind = DEV_VFIO_OBJECT_IOAS,
					 .ioas = dev_vfio_ioas_new(iommufd->view)};

	if (!object.ioas)
		return -ENOMEM;
	a->out_ioas_id = dev_vfio_object_add(iommufd, &object);
	if (!a->out_ioas_id) {
		dev_vfio_ioas_put(object.ioas);
		return -ENOMEM;
	}
	return 0;
}

static long iova_ranges(struct dev_vfio_iommufd *iommufd, struct abi_iommufd_iova_ranges *r)
{
	/*
	 * All addresses except the last page, whose end would overflow, and x86's interrupt window.
	 */
	static const uint64_t ranges[][2] = {{0, 0xfedfffff}, {0xfef00000, UINT64_MAX >> 8}};
	uint32_t given = r->num_iovas, there = sizeof(ranges) / sizeof(ranges[0]);
	uint32_t most = given < there ? given : there;

	if (!dev_vfio_object(iommufd, r->ioas_id, DEV_VFIO_OBJECT_IOAS))
		return -ENOENT;
	r->num_iovas = there;
	r->out_iova_alignment = VFMIG_PAGE_SIZE;
	if (dev_vfio_copy_out((void *)(uintptr_t)r->allowed_iovas, ranges,
			      most * sizeof(ranges[0])))
		return -EFAULT;
	return given < there ? -EMSGSIZE : 0;
}

static uint32_t prot_of(uint32_t flags)
{
	return (flags & ABI_IOMMUFD_MAP_READABLE ? VFMIG_PROT_READ : 0) |
	       (flags & ABI_IOMMUFD_MAP_WRITEABLE ? VFMIG_PROT_WRITE : 0);
}

static long ioas_map(struct dev_vfio_iommufd *iommufd, struct abi_iommufd_map *m)
{
	struct dev_vfio_object *object = dev_vfio_object(iommufd, m->ioas_id, DEV_VFIO_OBJECT_IOAS);

	if (!object)
		return -ENOENT;
	/* A VMM with a guest chooses its addresses; allocating them is not supported. */
	if (!(m->flags & ABI_IOMMUFD_MAP_FIXED_IOVA))
		return -EOPNOTSUPP;
	return dev_vfio_ioas_map(object->ioas, m->iova, m->length, prot_of(m->flags),
				 (void *)(uintptr_t)m->user_va, NULL);
}

/* What a VMM prefers where its memory is a file. */
static long ioas_map_file(struct dev_vfio_iommufd *iommufd, struct abi_iommufd_map_file *m)
{
	struct dev_vfio_object *object = dev_vfio_object(iommufd, m->ioas_id, DEV_VFIO_OBJECT_IOAS);

	if (!object)
		return -ENOENT;
	if (!(m->flags & ABI_IOMMUFD_MAP_FIXED_IOVA))
		return -EOPNOTSUPP;
	return dev_vfio_ioas_map_file(object->ioas, m->iova, m->length, prot_of(m->flags), m->fd,
				      m->start, NULL);
}

static long ioas_unmap(struct dev_vfio_iommufd *iommufd, struct abi_iommufd_unmap *u)
{
	struct dev_vfio_object *object = dev_vfio_object(iommufd, u->ioas_id, DEV_VFIO_OBJECT_IOAS);
	uint64_t unmapped;
	long ret;

	if (!object)
		return -ENOENT;
	if (!u->length || u->length - 1 > UINT64_MAX - u->iova)
		return -EOVERFLOW;
	/* Everything that is mapped, which may be nothing. */
	if (!u->iova && u->length == UINT64_MAX) {
		ret = dev_vfio_ioas_unmap(object->ioas, 0, UINT64_MAX, &unmapped, NULL);
		u->length = unmapped;
		return ret == -ENOENT ? 0 : ret;
	}
	ret = dev_vfio_ioas_unmap(object->ioas, u->iova, u->iova + (u->length - 1), &unmapped,
				  NULL);
	/* An unmap that would split a map fails as one that finds no map. */
	if (ret == -EINVAL)
		ret = -ENOENT;
	u->length = unmapped;
	return ret;
}

static long hwpt_alloc(struct dev_vfio_iommufd *iommufd, struct abi_iommufd_hwpt_alloc *a)
{
	if (!dev_vfio_object(iommufd, a->dev_id, DEV_VFIO_OBJECT_DEVICE) ||
	    !dev_vfio_object(iommufd, a->pt_id, DEV_VFIO_OBJECT_IOAS))
		return -ENOENT;
	if (a->data_type || a->data_len || (a->flags & ABI_IOMMUFD_HWPT_NEST_PARENT))
		return -EOPNOTSUPP;
	a->out_hwpt_id = dev_vfio_hwpt_add(iommufd, a->pt_id,
					   a->flags & ABI_IOMMUFD_HWPT_DIRTY_TRACKING, false);
	return a->out_hwpt_id ? 0 : -ENOMEM;
}

static long hw_info(struct dev_vfio_iommufd *iommufd, struct abi_iommufd_hw_info *i)
{
	static const char zeros[64];
	uint32_t len = i->data_len;

	if (!dev_vfio_object(iommufd, i->dev_id, DEV_VFIO_OBJECT_DEVICE))
		return -ENOENT;
	/* There is no IOMMU-specific data: clear the caller's buffer and report type none. */
	for (uint32_t at = 0; at < len && at < 4096; at += sizeof(zeros))
		if (dev_vfio_copy_out((char *)(uintptr_t)i->data_uptr + at, zeros,
				      len - at < sizeof(zeros) ? len - at : sizeof(zeros)))
			return -EFAULT;
	i->data_len = 0;
	i->out_data_type = 0;
	i->out_capabilities = ABI_IOMMUFD_CAP_DIRTY_TRACKING;
	return 0;
}

static long set_dirty(struct dev_vfio_iommufd *iommufd, struct abi_iommufd_set_dirty *s)
{
	struct dev_vfio_object *object = dev_vfio_object(iommufd, s->hwpt_id, DEV_VFIO_OBJECT_HWPT);

	if (!object)
		return -ENOENT;
	if (!object->tracks)
		return -EOPNOTSUPP;
	return dev_vfio_ioas_track(object->ioas, s->flags, NULL);
}

static long get_dirty(struct dev_vfio_iommufd *iommufd, struct abi_iommufd_get_dirty *g)
{
	struct dev_vfio_object *object = dev_vfio_object(iommufd, g->hwpt_id, DEV_VFIO_OBJECT_HWPT);

	if (!object)
		return -ENOENT;
	if (!object->tracks)
		return -EOPNOTSUPP;
	return dev_vfio_ioas_dirty(object->ioas, g->iova, g->length, g->page_size,
				   (void *)(uintptr_t)g->data,
				   g->flags & ABI_IOMMUFD_DIRTY_NO_CLEAR, NULL);
}

static long perform(struct dev_vfio_iommufd *iommufd, uint32_t nr, void *s)
{
	switch (nr) {
	case ABI_IOMMUFD_DESTROY:
		return destroy(iommufd, s);
	case ABI_IOMMUFD_IOAS_ALLOC:
		return ioas_alloc(iommufd, s);
	case ABI_IOMMUFD_IOAS_IOVA_RANGES:
		return iova_ranges(iommufd, s);
	case ABI_IOMMUFD_IOAS_MAP:
		return ioas_map(iommufd, s);
	case ABI_IOMMUFD_IOAS_UNMAP:
		return ioas_unmap(iommufd, s);
	case ABI_IOMMUFD_HWPT_ALLOC:
		return hwpt_alloc(iommufd, s);
	case ABI_IOMMUFD_GET_HW_INFO:
		return hw_info(iommufd, s);
	case ABI_IOMMUFD_SET_DIRTY_TRACKING:
		return set_dirty(iommufd, s);
	case ABI_IOMMUFD_GET_DIRTY_BITMAP:
		return get_dirty(iommufd, s);
	case ABI_IOMMUFD_IOAS_MAP_FILE:
		return ioas_map_file(iommufd, s);
	default:
		return -ENOTTY;
	}
}

/* Whether the caller's structure has only zeros after the fields that are known here. */
static long rest_is_zero(const char *arg, uint32_t from, uint32_t size, bool *zero)
{
	char rest[256];

	*zero = size - from <= sizeof(rest);
	if (!*zero)
		return 0;
	if (dev_vfio_copy_in(rest, arg + from, size - from))
		return -EFAULT;
	for (uint32_t i = 0; i < size - from; i++)
		*zero = *zero && !rest[i];
	return 0;
}

static const long refused[] = {
	[ABI_IOMMUFD_UNKNOWN] = -ENOTTY,
	[ABI_IOMMUFD_TOO_SMALL] = -EINVAL,
	[ABI_IOMMUFD_NEWER] = -E2BIG,
	[ABI_IOMMUFD_WRONG] = -EOPNOTSUPP,
};

long dev_vfio_iommufd_ioctl(struct dev_vfio_file *file, uint32_t nr, void *arg)
{
	uint64_t s[ABI_IOMMUFD_MAX / 8] = {0};
	size_t known = abi_iommufd_known(nr);
	bool zero = true;
	uint32_t size;
	long ret = 0;

	if (!known)
		return -ENOTTY;
	if (dev_vfio_copy_in(&size, arg, sizeof(size)))
		return -EFAULT;
	if (dev_vfio_copy_in(s, arg, size < known ? size : known))
		return -EFAULT;
	if (size > known)
		ret = rest_is_zero(arg, (uint32_t)known, size, &zero);
	if (ret)
		return ret;
	ret = refused[abi_iommufd_check(nr, s, size, zero)];
	if (ret)
		return ret;
	pthread_mutex_lock(&file->iommufd->lock);
	ret = perform(file->iommufd, nr, s);
	pthread_mutex_unlock(&file->iommufd->lock);
	if ((!ret || ret == -EMSGSIZE) && dev_vfio_copy_out(arg, s, size < known ? size : known))
		return -EFAULT;
	return ret;
}
