/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A container with a device in it whose writes a test makes up, and the ioctls as a user of Linux writes them.
 */
#ifndef TESTS_TYPE1_RIG_H
#define TESTS_TYPE1_RIG_H

#include <vfmig/type1.h>

#include "dirty/map.h"
#include "tests/device/fake.h"

#define PAGE  4096ull
#define WORDS 64u

/* The device: what it wrote (struct fake.user), and what is wrong with its log. */
struct writer {
	struct vfmig_dirty *wrote;
	bool no_log, start_fails, report_fails, unmap_fails;
	/* Called while an unmap is told: the last moment in which it may write. */
	void (*last_words)(struct writer *writer, const struct vfmig_map *map);
	unsigned reports;
	uint64_t reported; /* bytes that were asked about */
};

static inline ssize_t writer_feature(struct writer *writer, struct vfmig_request *request)
{
	struct vfmig_feature_dma_logging_report *report = request->feature.data;

	if (writer->no_log)
		return -ENOTTY;
	if (request->feature.flags & VFMIG_FEATURE_PROBE)
		return 0;
	switch (request->feature.flags & VFMIG_FEATURE_MASK) {
	case VFMIG_FEATURE_DMA_LOGGING_START:
		if (writer->start_fails)
			return -ENOSPC;
		dirty_clear(writer->wrote, 0, UINT64_MAX);
		return 0;
	case VFMIG_FEATURE_DMA_LOGGING_REPORT:
		writer->reports++;
		writer->reported += report->length;
		return writer->report_fails ? -EIO
					    : dirty_report(writer->wrote, report->iova,
							   report->length, report->page_size,
							   (uint64_t *)(uintptr_t)report->bitmap);
	default:
		return 0;
	}
}

static inline ssize_t writer_answer(struct fake *fake, struct vfmig_request *request)
{
	struct writer *writer = fake->user;

	switch (request->op) {
	case VFMIG_OP_FEATURE:
		return writer_feature(writer, request);
	case VFMIG_OP_SPACE_UNMAP:
		if (writer->last_words)
			writer->last_words(writer, request->map);
		return writer->unmap_fails ? -EIO : 0;
	default:
		return 0;
	}
}

static inline struct fake *writer_new(struct writer *writer)
{
	struct fake *fake = fake_new(writer_answer);

	CHECK_EQ(dirty_create(&writer->wrote, NULL), 0);
	fake->user = writer;
	return fake;
}

static inline void writer_free(struct fake *fake)
{
	struct writer *writer = fake->user;

	vfmig_device_close(&fake->device);
	dirty_free(writer->wrote);
}

struct rig {
	struct vfmig_space *space;
	struct vfmig_type1 *type1;
	struct writer writer;
	struct fake *fake;
	uint64_t words[WORDS]; /* the last bitmap */
};

static inline void rig_open(struct rig *rig, const struct vfmig_type1_options *options)
{
	memset(rig, 0, sizeof(*rig));
	rig->space = vfmig_space_new();
	CHECK(rig->space);
	rig->fake = writer_new(&rig->writer);
	CHECK_EQ(vfmig_space_attach(rig->space, &rig->fake->device, NULL), 0);
	CHECK_EQ(vfmig_type1_new(rig->space, options, &rig->type1, NULL), 0);
}

static inline void rig_close(struct rig *rig)
{
	vfmig_type1_free(rig->type1);
	vfmig_space_free(rig->space);
	writer_free(rig->fake);
}

/* The device writes a page: data first, of which there is none here. */
static inline void rig_write(struct rig *rig, uint64_t iova)
{
	vfmig_dirty_mark(rig->writer.wrote, iova, 1);
}

/* ---- the ioctls; flags and argsz as wrong as a test likes ---- */

struct dma_unmap {
	struct vfmig_type1_dma_unmap unmap;
	struct vfmig_type1_bitmap bitmap;
};

struct dirty_pages {
	struct vfmig_type1_dirty_pages dirty;
	struct vfmig_type1_dirty_get get;
};

static inline int rig_ioctl(struct rig *rig, uint32_t number, void *arg, size_t capacity)
{
	struct vfmig_error err = {0};
	int ret = vfmig_type1_ioctl(rig->type1, number, arg, capacity, &err);

	/* What is refused says why. */
	if (ret)
		CHECK(err.code == ret && err.text[0]);
	return ret;
}

static inline int rig_map_as(struct rig *rig, struct vfmig_type1_dma_map m)
{
	return rig_ioctl(rig, VFMIG_IOCTL_IOMMU_MAP_DMA, &m, sizeof(m));
}

/* Nobody looks at this memory. */
static inline int rig_map(struct rig *rig, uint64_t iova, uint64_t pages)
{
	return rig_map_as(rig, (struct vfmig_type1_dma_map){
				       .argsz = sizeof(struct vfmig_type1_dma_map),
				       .flags = VFMIG_DMA_MAP_READ | VFMIG_DMA_MAP_WRITE,
				       .vaddr = 0x10000000,
				       .iova = iova,
				       .size = pages * PAGE,
			       });
}

static inline int rig_unmap_as(struct rig *rig, struct dma_unmap *u)
{
	return rig_ioctl(rig, VFMIG_IOCTL_IOMMU_UNMAP_DMA, u, sizeof(*u));
}

/* How much was unmapped, or a negative errno. */
static inline int64_t rig_unmap(struct rig *rig, uint64_t iova, uint64_t pages)
{
	struct dma_unmap u = {
		.unmap = {.argsz = sizeof(u.unmap), .iova = iova, .size = pages * PAGE}};
	int ret = rig_unmap_as(rig, &u);

	return ret ? ret : (int64_t)u.unmap.size;
}

/* The same with the bitmap, into rig->words. */
static inline int64_t rig_unmap_told(struct rig *rig, uint64_t iova, uint64_t pages)
{
	struct dma_unmap u = {
		.unmap = {.argsz = sizeof(u),
			  .flags = VFMIG_DMA_UNMAP_GET_DIRTY_BITMAP,
			  .iova = iova,
			  .size = pages * PAGE},
		.bitmap = {.pgsize = PAGE,
			   .size = sizeof(rig->words),
			   .data = (uintptr_t)rig->words},
	};
	int ret;

	memset(rig->words, 0, sizeof(rig->words));
	ret = rig_unmap_as(rig, &u);
	return ret ? ret : (int64_t)u.unmap.size;
}

static inline int rig_dirty_as(struct rig *rig, struct dirty_pages d)
{
	return rig_ioctl(rig, VFMIG_IOCTL_IOMMU_DIRTY_PAGES, &d, sizeof(d));
}

static inline int rig_start(struct rig *rig)
{
	return rig_dirty_as(rig, (struct dirty_pages){.dirty = {8, VFMIG_TYPE1_DIRTY_START}});
}

static inline int rig_stop(struct rig *rig)
{
	return rig_dirty_as(rig, (struct dirty_pages){.dirty = {8, VFMIG_TYPE1_DIRTY_STOP}});
}

/* A request for a bitmap that is right, for tests to make wrong. */
static inline struct dirty_pages rig_get_request(struct rig *rig, uint64_t iova, uint64_t pages)
{
	return (struct dirty_pages){
		.dirty = {.argsz = sizeof(struct dirty_pages),
			  .flags = VFMIG_TYPE1_DIRTY_GET_BITMAP},
		.get = {.iova = iova,
			.size = pages * PAGE,
			.bitmap = {.pgsize = PAGE,
				   .size = sizeof(rig->words),
				   .data = (uintptr_t)rig->words}},
	};
}

static inline int rig_get(struct rig *rig, uint64_t iova, uint64_t pages)
{
	memset(rig->words, 0, sizeof(rig->words));
	return rig_dirty_as(rig, rig_get_request(rig, iova, pages));
}

/* The first 64 pages of a range, which must be told; more of them must be clean. */
static inline uint64_t rig_pages(struct rig *rig, uint64_t iova, uint64_t pages)
{
	CHECK_EQ(rig_get(rig, iova, pages), 0);
	for (unsigned i = 1; i < WORDS; i++)
		CHECK_EQ(rig->words[i], 0);
	return rig->words[0];
}

#endif
