/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vfio-user messages: 16 bytes of header, then the payload, which is given to the decoders of the
 * command that the header names, as a request and as a reply. What they take, the encoders give
 * back, and what they promised holds.
 */
#include "abi/vfio_user.h"
#include "fuzz/property.h"

#define MAX 4096

static uint8_t back[1 << 16];

static void same(const uint8_t *data, size_t n)
{
	HOLDS(n);
	HOLDS(!memcmp(back, data, n));
}

static void within(uint64_t start, uint64_t length)
{
	HOLDS(start + length >= start);
}

static void version(const uint8_t *data, size_t size)
{
	struct abi_msg_version v;

	if (abi_msg_get_version(data, size, &v))
		return;
	if (v.json)
		HOLDS(strlen(v.json) == v.json_len);
	HOLDS(abi_msg_put_version(back, sizeof(back), &v) == size);
	same(data, size);
}

static void dirty(const uint8_t *data, size_t size)
{
	struct vfmig_type1_dirty_pages d;
	struct vfmig_user_dirty_range r;
	uint64_t reply;
	bool bitmap;

	if (abi_msg_get_dirty_pages(data, size, 4096, &d, &r, &reply))
		return;
	bitmap = d.flags == VFMIG_TYPE1_DIRTY_GET_BITMAP;
	if (bitmap)
		within(r.iova, r.size);
	HOLDS(reply == (bitmap ? 40 + r.bitmap.size : 8));
	same(data, abi_msg_put_dirty_pages(back, sizeof(back), &d, bitmap ? &r : NULL));
	HOLDS(!abi_msg_get_dirty_reply(data, size, bitmap ? &r : NULL));
}

static void dma(const uint8_t *data, size_t size)
{
	struct vfmig_user_dma_map m;
	struct vfmig_user_dma_unmap u;
	struct vfmig_user_bitmap b;
	struct vfmig_user_dma_access a;
	const uint8_t *bits;

	if (!abi_msg_get_dma_map(data, size, &m)) {
		within(m.addr, m.size);
		within(m.offset, m.size);
		same(data, abi_msg_put_dma_map(back, sizeof(back), &m));
	}
	if (!abi_msg_get_dma_unmap(data, size, &u, &b)) {
		within(u.addr, u.size);
		HOLDS(b.size <= u.argsz);
		same(data, abi_msg_put_dma_unmap(back, sizeof(back), &u, &b));
		if (!abi_msg_get_dma_unmap_reply(data, size, &u, &b, &bits) && bits)
			HOLDS(bits + b.size <= data + size);
	}
	dirty(data, size);
	for (int with = 0; with < 2; with++)
		if (!abi_msg_get_dma_access(data, size, MAX, with, &a)) {
			within(a.addr, a.count);
			HOLDS(!with || size - ABI_MSG_DMA_ACCESS_SIZE == a.count);
			same(data, abi_msg_put_dma_access(back, sizeof(back), &a));
		}
	abi_msg_get_dma_written(data, size, &a);
}

static void device(const uint8_t *data, size_t size, size_t nfds)
{
	struct vfmig_device_info d;
	struct vfmig_irq_info i;
	struct vfmig_irq_set s;
	struct vfmig_user_mig_data m;
	const uint8_t *bools;

	if (!abi_msg_get_device_info(data, size, &d))
		same(data, abi_msg_put_device_info(back, sizeof(back), &d));
	if (!abi_msg_get_irq_info(data, size, &i))
		same(data, abi_msg_put_irq_info(back, sizeof(back), &i));
	if (!abi_msg_get_irq_set(data, size, nfds, &s, &bools)) {
		HOLDS(s.start + s.count <= ABI_MSG_IRQS_MAX);
		HOLDS(!bools || bools + s.count == data + size);
		HOLDS(!(s.flags & VFMIG_IRQ_SET_DATA_EVENTFD) || !nfds || nfds >= s.count);
		same(data, abi_msg_put_irq_set(back, sizeof(back), &s, bools));
	}
	for (int with = 0; with < 2; with++)
		if (!abi_msg_get_mig_data(data, size, MAX, with, &m)) {
			HOLDS(m.size <= MAX);
			HOLDS(!with || size - ABI_MSG_MIG_DATA_SIZE >= m.size);
			same(data, abi_msg_put_mig_data(back, sizeof(back), &m));
		}
}

static void access_region(const uint8_t *data, size_t size)
{
	struct vfmig_user_region_access a;
	static struct vfmig_user_write w[ABI_MSG_WRITES_MAX];
	uint64_t n;

	for (int with = 0; with < 2; with++)
		if (!abi_msg_get_region_access(data, size, MAX, with, &a)) {
			within(a.offset, a.count);
			same(data, abi_msg_put_region_access(back, sizeof(back), &a));
		}
	if (!abi_msg_get_write_multi(data, size, &n)) {
		for (uint64_t i = 0; i < n; i++)
			abi_msg_write_at(data, i, &w[i]);
		HOLDS(abi_msg_put_write_multi(back, sizeof(back), w, n) == size);
		same(data, size);
	}
}

/* Encoded anew, a chain may have another order; then it must mean the same. */
static void region_info(const uint8_t *data, size_t size)
{
	static struct vfmig_sparse_mmap_area areas[ABI_MSG_AREAS_MAX], again[ABI_MSG_AREAS_MAX];
	struct vfmig_region_info i, i2;
	struct abi_msg_region_caps c, c2;
	size_t n;

	if (abi_msg_get_region_info(data, size, &i) ||
	    abi_msg_get_region_caps(data, size, &i, areas, ABI_MSG_AREAS_MAX, &c))
		return;
	for (uint32_t k = 0; k < c.nr_areas; k++) {
		within(areas[k].offset, areas[k].size);
		HOLDS(areas[k].offset + areas[k].size <= i.size);
	}
	n = abi_msg_put_region_info(back, sizeof(back), UINT32_MAX, &i, &c);
	HOLDS(n && !abi_msg_get_region_info(back, n, &i2));
	HOLDS(i2.argsz == n && i2.size == i.size && i2.index == i.index);
	HOLDS(!abi_msg_get_region_caps(back, n, &i2, again, ABI_MSG_AREAS_MAX, &c2));
	HOLDS(c.has_sparse == c2.has_sparse && c.has_type == c2.has_type && c.type == c2.type &&
	      c.subtype == c2.subtype && c.msix_mappable == c2.msix_mappable &&
	      c.has_revision == c2.has_revision && c.revision == c2.revision &&
	      c.revision_flags == c2.revision_flags &&
	      c.revision_capacity == c2.revision_capacity && c.nr_areas == c2.nr_areas);
	HOLDS(!memcmp(areas, again, c.nr_areas * sizeof(areas[0])));
}

static void io_fds(const uint8_t *data, size_t size, size_t nfds)
{
	struct vfmig_user_io_fds h;
	struct vfmig_user_io_fd fds[64];

	abi_msg_get_io_fds_request(data, size, &h);
	if (abi_msg_get_io_fds(data, size, nfds, &h, fds, 64))
		return;
	HOLDS(h.count <= 64);
	for (uint32_t i = 0; i < h.count; i++) {
		HOLDS(fds[i].fd_index < nfds);
		within(fds[i].offset, fds[i].size);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vfmig_user_header h;
	const char *why = abi_msg_get_header(data, size, 1 << 20, &h);

	if (size < ABI_MSG_HEADER_SIZE)
		return 0;
	if (!why)
		same(data, abi_msg_put_header(back, sizeof(back), &h));
	data += ABI_MSG_HEADER_SIZE;
	size -= ABI_MSG_HEADER_SIZE;
	switch (h.cmd) {
	case VFMIG_USER_VERSION:
		version(data, size);
		break;
	case VFMIG_USER_DMA_MAP:
	case VFMIG_USER_DMA_UNMAP:
	case VFMIG_USER_DMA_READ:
	case VFMIG_USER_DMA_WRITE:
		dma(data, size);
		break;
	case VFMIG_USER_DEVICE_GET_REGION_INFO:
		region_info(data, size);
		break;
	case VFMIG_USER_DEVICE_GET_REGION_IO_FDS:
		io_fds(data, size, h.msg_id % 8);
		break;
	case VFMIG_USER_REGION_READ:
	case VFMIG_USER_REGION_WRITE:
	case VFMIG_USER_REGION_WRITE_MULTI:
		access_region(data, size);
		break;
	default:
		device(data, size, h.msg_id % 8);
		break;
	}
	return 0;
}
