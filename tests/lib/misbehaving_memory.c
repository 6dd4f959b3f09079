/* SPDX-License-Identifier: BSD-3-Clause */
/* Its memory, and its log of what is written there. */
#include <errno.h>
#include <sys/mman.h>

#include "tests/lib/misbehaving_priv.h"

static struct misbehaving_region *region_at(struct misbehaving_server *q, uint64_t iova)
{
	for (unsigned i = 0; i < q->nregions; i++)
		if (iova - q->regions[i].iova < q->regions[i].size)
			return &q->regions[i];
	return NULL;
}

/* By message: the very next thing must be the answer. */
static int dma_by_message(struct misbehaving_server *q, uint64_t iova, uint64_t len)
{
	int fd = q->twin >= 0 ? q->twin : q->fd;
	struct vfmig_user_dma_access a = {iova, len};
	uint8_t *buf = calloc(1, sizeof(a) + len);
	struct vfmig_user_header h;
	ssize_t n;

	memcpy(buf, &a, sizeof(a));
	memset(buf + sizeof(a), 0x5a, len);
	if (!raw_send(fd, 77, VFMIG_USER_DMA_WRITE, 0, 0, buf, sizeof(a) + len, NULL, 0))
		n = -1;
	else
		n = raw_recv(fd, &h, buf, sizeof(a) + len, NULL, NULL);
	free(buf);
	if (n < 0)
		return -ENOTCONN;
	if (h.msg_id != 77 || (h.flags & VFMIG_USER_FLAG_TYPE_MASK) != VFMIG_USER_FLAG_TYPE_REPLY)
		return misbehaving_crash(
			q, "a command came where the answer to DMA by message was due");
	return h.flags & VFMIG_USER_FLAG_ERROR ? -(int)h.error_no : 0;
}

int misbehaving_dma(struct misbehaving_server *q, uint64_t iova, uint64_t len)
{
	struct misbehaving_region *r = region_at(q, iova);

	if (!r || iova + len > r->iova + r->size)
		return -EFAULT;
	if (!r->memory)
		return dma_by_message(q, iova, len);
	memset(r->memory + (iova - r->iova), 0x5a, len);
	if (q->log_page)
		for (uint64_t at = (iova - r->iova) / q->log_page;
		     at <= (iova - r->iova + len - 1) / q->log_page; at++)
			abi_bitmap_set(r->bitmap, at);
	return 0;
}

static void log_region(struct misbehaving_server *q, struct misbehaving_region *r)
{
	free(r->bitmap);
	r->bitmap =
		r->memory && q->log_page ? calloc(1, abi_bitmap_bytes(r->size, q->log_page)) : NULL;
}

int misbehaving_map(struct misbehaving_server *q, struct misbehaving_message *m)
{
	struct vfmig_user_dma_map d;
	struct misbehaving_region *r = &q->regions[q->nregions];

	if (m->len < sizeof(d))
		return -EINVAL;
	memcpy(&d, m->in, sizeof(d));
	for (uint64_t at = 0; at < d.size; at += 4096)
		if (region_at(q, d.addr + at))
			return -EINVAL;
	CHECK(q->nregions < MISBEHAVING_REGIONS);
	*r = (struct misbehaving_region){.iova = d.addr, .size = d.size};
	if (m->nfds) {
		r->memory = mmap(NULL, d.size, PROT_READ | PROT_WRITE, MAP_SHARED, m->fds[0],
				 (off_t)d.offset);
		if (r->memory == MAP_FAILED)
			return -EINVAL;
	}
	log_region(q, r);
	q->nregions++;
	return 0;
}

static int exchange(struct misbehaving_server *q, struct misbehaving_region *r, uint64_t page,
		    uint8_t *to)
{
	uint64_t bytes = abi_bitmap_bytes(r->size, q->log_page);

	if (page < q->log_page)
		return misbehaving_crash(q, "a report at a smaller page size than the log's");
	/* At a larger one it counts bytes for bits, and forgets. */
	if (page == q->log_page)
		memcpy(to, r->bitmap, bytes);
	memset(r->bitmap, 0, bytes);
	return 0;
}

int misbehaving_unmap(struct misbehaving_server *q, struct misbehaving_message *m)
{
	struct vfmig_user_dma_unmap d;
	struct vfmig_user_bitmap b = {0};
	struct misbehaving_region *r;
	int ret = 0;

	if (m->len < sizeof(d))
		return -EINVAL;
	memcpy(&d, m->in, sizeof(d));
	if (d.flags && m->len >= sizeof(d) + sizeof(b))
		memcpy(&b, m->in + sizeof(d), sizeof(b));
	if (d.argsz > MISBEHAVING_XFER || d.argsz < sizeof(d) + (d.flags ? sizeof(b) + b.size : 0))
		return -EINVAL;
	r = region_at(q, d.addr);
	if (!r || r->iova != d.addr || r->size != d.size)
		return -ENOENT;
	m->out_len = sizeof(d) + (d.flags ? sizeof(b) + b.size : 0);
	m->out = calloc(1, m->out_len);
	memcpy(m->out, m->in, sizeof(d) + (d.flags ? sizeof(b) : 0));
	if (d.flags && (!r->memory || !q->log_page))
		return -EINVAL;
	if (d.flags && b.pgsize != q->log_page)
		return misbehaving_crash(
			q, "an unmap with a bitmap of another page size than the log's");
	if (d.flags)
		ret = exchange(q, r, b.pgsize, m->out + sizeof(d) + sizeof(b));
	if (ret)
		return ret;
	if (r->memory)
		munmap(r->memory, r->size);
	free(r->bitmap);
	*r = q->regions[--q->nregions];
	atomic_fetch_add(&q->unmaps, 1);
	return 0;
}

int misbehaving_log_start(struct misbehaving_server *q, struct misbehaving_message *m)
{
	uint64_t page;

	if (m->len < 8 + 16)
		return misbehaving_crash(q, "a START that is too short");
	if (!q->nregions)
		return misbehaving_crash(q, "START before any region");
	memcpy(&page, m->in + 8, 8);
	if (!page || (q->log_page && q->log_page != page))
		return -EINVAL;
	atomic_fetch_add(&q->starts, 1);
	if (!q->log_page) {
		q->log_page = page;
		for (unsigned i = 0; i < q->nregions; i++)
			log_region(q, &q->regions[i]);
	}
	return misbehaving_answer(m, m->in, m->len);
}

int misbehaving_log_report(struct misbehaving_server *q, struct misbehaving_message *m)
{
	struct abi_logging_report r;
	struct misbehaving_region *region;
	uint64_t bytes;
	int ret;

	if (m->len < 8 + sizeof(r))
		return misbehaving_crash(q, "a REPORT that is too short");
	memcpy(&r, m->in + 8, sizeof(r));
	bytes = abi_bitmap_bytes(r.length, r.page_size);
	region = region_at(q, r.iova);
	if (!bytes || !region)
		return -EINVAL;
	if (r.iova + r.length > region->iova + region->size) {
		/* Over two: it says that all is well, and says nothing. */
		return region_at(q, region->iova + region->size) ? 0 : -ENOENT;
	}
	if (r.iova != region->iova || r.length != region->size)
		return -ENOTSUP;
	if (!q->log_page || !region->memory)
		return -EINVAL;
	m->out_len = 8 + sizeof(r) + bytes;
	m->out = calloc(1, m->out_len);
	memcpy(m->out, m->in, 8 + sizeof(r));
	ret = exchange(q, region, r.page_size, m->out + 8 + sizeof(r));
	return ret;
}

/* As that server was in 2021: one region, whole, of memory that it has; a reply that does not fit is cut. */
static int early_bitmap(struct misbehaving_server *q, struct misbehaving_message *m,
			struct vfmig_type1_dirty_pages *d)
{
	struct vfmig_user_dirty_range range;
	struct misbehaving_region *region;

	if (m->len < sizeof(*d) + sizeof(range))
		return -EINVAL;
	memcpy(&range, m->in + sizeof(*d), sizeof(range));
	region = region_at(q, range.iova);
	if (!region || !region->memory || !q->log_page || range.bitmap.pgsize != q->log_page ||
	    range.bitmap.size != abi_bitmap_bytes(range.size, q->log_page) ||
	    d->argsz > MISBEHAVING_XFER)
		return -EINVAL;
	if (range.iova != region->iova || range.size != region->size)
		return -ENOTSUP;
	m->out_len = sizeof(*d) + sizeof(range) + range.bitmap.size;
	m->out = calloc(1, m->out_len);
	memcpy(m->out, m->in, sizeof(*d) + sizeof(range));
	if (d->argsz < m->out_len) {
		d->argsz = (uint32_t)m->out_len;
		m->out_len = sizeof(*d);
		memcpy(m->out, d, sizeof(*d));
		return 0;
	}
	return exchange(q, region, range.bitmap.pgsize, m->out + sizeof(*d) + sizeof(range));
}

int misbehaving_dirty_pages(struct misbehaving_server *q, struct misbehaving_message *m)
{
	struct vfmig_type1_dirty_pages d;
	bool was = q->log_page;

	atomic_fetch_add(&q->asked_early, 1);
	if (q->mute || m->len < sizeof(d))
		return -EINVAL;
	memcpy(&d, m->in, sizeof(d));
	if (d.argsz < sizeof(d))
		return -EINVAL;
	switch (d.flags) {
	case VFMIG_TYPE1_DIRTY_START:
		atomic_fetch_add(&q->starts, 1);
		q->log_page = was ? q->log_page : 4096;
		for (unsigned i = 0; !was && i < q->nregions; i++)
			log_region(q, &q->regions[i]);
		return misbehaving_answer(m, m->in, sizeof(d));
	case VFMIG_TYPE1_DIRTY_STOP:
		q->log_page = 0;
		return misbehaving_answer(m, m->in, sizeof(d));
	case VFMIG_TYPE1_DIRTY_GET_BITMAP:
		return early_bitmap(q, m, &d);
	default:
		return -EINVAL;
	}
}
