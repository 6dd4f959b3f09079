/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A container with a device in it whose writes a test makes up, and the ioctls as a user of Linux writes them.
 */
#ifndef TESTS_TYPE1_RIG_H
#define TESTS_TYPE1_RIG_H

#include <vfmig/type1.h>

#include "dirty/map.h"
#include "tests/lib/scripted_device.h"

#define PAGE  4096ull
#define WORDS 64u

/* The device: what it wrote (struct scripted_device.user), and what is wrong with its log. */
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
		return writer->report_fails
			       ? -EIO
			       : dirty_read_clear_bitmap(writer->wrote, report->iova,
							 report->length, report->page_size,
							 (uint64_t *)(uintptr_t)report->bitmap);
	default:
		return 0;
	}
}

static inline ssize_t writer_answer(struct scripted_device *fake, struct vfmig_request *request)
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

static inline struct scripted_device *writer_new(struct writer *writer)
{
	struct scripted_device *fake = scripted_new(writer_answer);

	CHECK_EQ(dirty_create(&writer->wrote, NULL), 0);
	fake->user = writer;
	return fake;
}

static inline void writer_free(struct scripted_device *fake)
{
	struct writer *writer = fake->user;

	vfmig_device_close(&fake->device);
	dirty_free(writer->wrote);
}

struct setup {
	struct vfmig_space *space;
	struct vfmig_type1 *type1;
	struct writer writer;
	struct scripted_device *fake;
	uint64_t words[WORDS]; /* the last bitmap */
};

static inline void setup_open(struct setup *setup, const struct vfmig_type1_options *options)
{
	memset(setup, 0, sizeof(*setup));
	setup->space = vfmig_space_new();
	CHECK(setup->space);
	setup->fake = writer_new(&setup->writer);
	CHECK_EQ(vfmig_space_attach(setup->space, &setup->fake->device, NULL), 0);
	CHECK_EQ(vfmig_type1_new(setup->space, options, &setup->type1, NULL), 0);
}

static inline void setup_close(struct setup *setup)
{
	vfmig_type1_free(setup->type1);
	vfmig_space_free(setup->space);
	writer_free(setup->fake);
}

/* The device writes a page: data first, of which there is none here. */
static inline void setup_write(struct setup *setup, uint64_t iova)
{
	vfmig_dirty_mark(setup->writer.wrote, iova, 1);
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

static inline int setup_ioctl(struct setup *setup, uint32_t number, void *arg, size_t capacity)
{
	struct vfmig_error err = {0};
	int ret = vfmig_type1_ioctl(setup->type1, number, arg, capacity, &err);

	/* What is refused says why. */
	if (ret)
		CHECK(err.code == ret && err.text[0]);
	return ret;
}

static inline int setup_map_as(struct setup *setup, struct vfmig_type1_dma_map m)
{
	return setup_ioctl(setup, VFMIG_IOCTL_IOMMU_MAP_DMA, &m, sizeof(m));
}

/* Nobody looks at this memory. */
static inline int setup_map(struct setup *setup, uint64_t iova, uint64_t pages)
{
	return setup_map_as(setup, (struct vfmig_type1_dma_map){
					   .argsz = sizeof(struct vfmig_type1_dma_map),
					   .flags = VFMIG_DMA_MAP_READ | VFMIG_DMA_MAP_WRITE,
					   .vaddr = 0x10000000,
					   .iova = iova,
					   .size = pages * PAGE,
				   });
}

static inline int setup_unmap_as(struct setup *setup, struct dma_unmap *u)
{
	return setup_ioctl(setup, VFMIG_IOCTL_IOMMU_UNMAP_DMA, u, sizeof(*u));
}

/* How much was unmapped, or a negative errno. */
static inline int64_t setup_unmap(struct setup *setup, uint64_t iova, uint64_t pages)
{
	struct dma_unmap u = {
		.unmap = {.argsz = sizeof(u.unmap), .iova = iova, .size = pages * PAGE}};
	int ret = setup_unmap_as(setup, &u);

	return ret ? ret : (int64_t)u.unmap.size;
}

/* The same with the bitmap, into rig->words. */
static inline int64_t setup_unmap_told(struct setup *setup, uint64_t iova, uint64_t pages)
{
	struct dma_unmap u = {
		.unmap = {.argsz = sizeof(u),
			  .flags = VFMIG_DMA_UNMAP_GET_DIRTY_BITMAP,
			  .iova = iova,
			  .size = pages * PAGE},
		.bitmap = {.pgsize = PAGE,
			   .size = sizeof(setup->words),
			   .data = (uintptr_t)setup->words},
	};
	int ret;

	memset(setup->words, 0, sizeof(setup->words));
	ret = setup_unmap_as(setup, &u);
	return ret ? ret : (int64_t)u.unmap.size;
}

static inline int setup_dirty_as(struct setup *setup, struct dirty_pages d)
{
	return setup_ioctl(setup, VFMIG_IOCTL_IOMMU_DIRTY_PAGES, &d, sizeof(d));
}

static inline int setup_start(struct setup *setup)
{
	return setup_dirty_as(setup, (struct dirty_pages){.dirty = {8, VFMIG_TYPE1_DIRTY_START}});
}

static inline int setup_stop(struct setup *setup)
{
	return setup_dirty_as(setup, (struct dirty_pages){.dirty = {8, VFMIG_TYPE1_DIRTY_STOP}});
}

/* A request for a bitmap that is right, for tests to make wrong. */
static inline struct dirty_pages setup_get_request(struct setup *setup, uint64_t iova,
						   uint64_t pages)
{
	return (struct dirty_pages){
		.dirty = {.argsz = sizeof(struct dirty_pages),
			  .flags = VFMIG_TYPE1_DIRTY_GET_BITMAP},
		.get = {.iova = iova,
			.size = pages * PAGE,
			.bitmap = {.pgsize = PAGE,
				   .size = sizeof(setup->words),
				   .data = (uintptr_t)setup->words}},
	};
}

static inline int setup_get(struct setup *setup, uint64_t iova, uint64_t pages)
{
	memset(setup->words, 0, sizeof(setup->words));
	return setup_dirty_as(setup, setup_get_request(setup, iova, pages));
}

/* The first 64 pages of a range, which must be told; more of them must be clean. */
static inline uint64_t setup_pages(struct setup *setup, uint64_t iova, uint64_t pages)
{
	CHECK_EQ(setup_get(setup, iova, pages), 0);
	for (unsigned i = 1; i < WORDS; i++)
		CHECK_EQ(setup->words[i], 0);
	return setup->words[0];
}

#endif
