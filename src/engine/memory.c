/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory: which pages must be sent, and sections of them.
 *
 * A page counts as written until it is sent after its last write. At first all pages count, so the first round is like
 * any other. Pages are taken from the cursor before they are read: a write during the copy counts for the next round.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "abi/stream.h"
#include "device/device.h"
#include "device/space.h"
#include "engine/channel/channel.h"
#include "engine/memory.h"
#include "engine/migration.h"
#include "engine/report.h"

/* A section of pages: large enough to cost little, small enough to stay in the cache for its checksum. */
#define PIECE (128u << 10)
/* Pages in one buffer: the destination loads them while the source fills the next buffer. */
#define FILL (512u << 10)
/* Pages that are read for one buffer: zero pages take no space in it. */
#define LOOK (16u << 20)
/* After the first round a shorter run consists of pages that were written: it is not searched for holes. */
#define SHORT (64u << 10)

/* Writes of the CPU must be tracked, too. */
static int check_cpu_tracker(struct engine_memory *memory, uint32_t space, struct vfmig_error *err)
{
	for (uint32_t i = 0; i < memory->region_count; i++)
		if (memory->regions[i].space == space && !space_cpu_tells(memory->spaces[space]))
			return vfmig_err(
				err, -EOPNOTSUPP,
				"space %u has memory and no tracker of the CPU's writes, "
				"which would be lost: add one with "
				"vfmig_space_add_tracker() (vfmig_cpu_tracker_new() makes one), or "
				"call vfmig_space_set_no_cpu_writes() if the CPU writes nothing",
				space);
	return 0;
}

int engine_memory_track(struct vfmig_migration *m, struct vfmig_error *err)
{
	struct engine_memory *memory = &m->memory;
	struct engine_map *at;
	int ret;

	for (uint32_t i = 0; i < memory->space_count; i++) {
		ret = check_cpu_tracker(memory, i, err);
		if (!ret)
			ret = vfmig_cursor_open(memory->spaces[i], &memory->cursors[i], err);
		if (ret == -EOPNOTSUPP && m->options.untracked)
			memory->cursors[i] = NULL;
		else if (ret)
			return ret;
	}
	for (at = memory->regions; at < memory->regions + memory->region_count; at++)
		if (memory->cursors[at->space])
			vfmig_cursor_mark(memory->cursors[at->space], at->iova, at->size);
	memory->drained = true;
	memory->left = memory->total;
	return 0;
}

void engine_memory_untrack(struct engine_memory *memory)
{
	for (uint32_t i = 0; memory->cursors && i < memory->space_count; i++) {
		vfmig_cursor_close(memory->cursors[i]);
		memory->cursors[i] = NULL;
	}
}

void engine_memory_free(struct engine_memory *memory)
{
	engine_memory_untrack(memory);
	free(memory->cursors);
	free(memory->regions);
	free(memory->sizes);
	free(memory->spaces);
}

static int drop(void *context, uint64_t iova, uint64_t size)
{
	return 0;
}

/* Pages that are not memory (a region of another device) are not sent, and do not count as left. */
static void drop_between(struct engine_memory *memory, uint32_t space)
{
	uint64_t at = 0;

	for (uint32_t i = 0; i < memory->region_count; i++) {
		const struct engine_map *region = &memory->regions[i];

		if (region->space != space)
			continue;
		if (region->iova > at)
			vfmig_cursor_read_clear(memory->cursors[space], at, region->iova - at, drop,
						NULL);
		at = region->iova + region->size;
		if (!at)
			return;
	}
	vfmig_cursor_read_clear(memory->cursors[space], at, UINT64_MAX - at, drop, NULL);
}

static uint64_t pages_left(const struct engine_memory *memory)
{
	uint64_t pages = 0;

	for (uint32_t i = 0; memory->cursors && i < memory->space_count; i++)
		if (memory->cursors[i])
			pages += vfmig_cursor_pages(memory->cursors[i]);
	for (uint32_t i = 0; memory->cursors && i < memory->region_count; i++)
		if (!memory->cursors[memory->regions[i].space])
			pages += memory->sizes[i] / ABI_STREAM_PAGE;
	return pages;
}

/* A round that did not end has taken pages that it did not send. */
static void put_back(struct engine_memory *memory)
{
	for (; memory->first < memory->count; memory->first++) {
		const struct engine_run *run = &memory->runs[memory->first];
		const struct engine_map *region = &memory->regions[run->region];

		vfmig_cursor_mark(memory->cursors[region->space], region->iova + run->offset,
				  run->size);
	}
}

int engine_memory_merge(struct vfmig_migration *m, struct vfmig_error *err)
{
	struct engine_memory *memory = &m->memory;
	int64_t began = device_now();
	int ret, lost = 0;

	put_back(memory);
	ret = engine_memory_check(&m->memory, err);
	if (ret)
		return ret;
	for (uint32_t i = 0; i < memory->space_count; i++) {
		if (!memory->cursors[i])
			continue;
		ret = vfmig_cursor_merge(memory->cursors[i], err);
		if (ret) {
			engine_report(m, "tracking-lost",
				      VFMIG_TEXT("message", err ? err->text : ""));
			lost = 1;
		}
		drop_between(memory, i);
	}
	memory->at = 0;
	memory->next = 0;
	memory->first = memory->count = 0;
	memory->drained = !memory->region_count;
	memory->left = pages_left(memory) * ABI_STREAM_PAGE;
	m->source.estimator.merge_ns = (uint64_t)(device_now() - began);
	return lost;
}

/* ---- taking runs ---- */

/* Take a run; if there is no space left, it stays in the cursor. */
static int take(void *context, uint64_t iova, uint64_t size)
{
	struct vfmig_migration *m = context;
	struct engine_memory *memory = &m->memory;
	const struct engine_map *region = &memory->regions[memory->at];

	if (memory->count == ENGINE_RUNS)
		return 1;
	memory->runs[memory->count++] =
		(struct engine_run){.region = memory->at,
				    .offset = iova - region->iova,
				    .size = size,
				    .data = m->progress.round > 1 && size < SHORT ? size : 0};
	memory->next = iova - region->iova + size;
	return 0;
}

/* An untracked region is sent once, during the downtime. */
static void take_untracked(struct vfmig_migration *m)
{
	struct engine_memory *memory = &m->memory;

	if (m->progress.stopping)
		take(m, memory->regions[memory->at].iova, memory->regions[memory->at].size);
	memory->next = memory->regions[memory->at].size;
}

/* Take more runs of this round. */
static bool refill(struct vfmig_migration *m)
{
	struct engine_memory *memory = &m->memory;

	memory->first = memory->count = 0;
	while (memory->at < memory->region_count) {
		const struct engine_map *region = &memory->regions[memory->at];
		struct vfmig_cursor *cursor = memory->cursors[region->space];

		if (memory->next < region->size && !cursor)
			take_untracked(m);
		else if (memory->next < region->size &&
			 vfmig_cursor_read_clear(cursor, region->iova + memory->next,
						 region->size - memory->next, take, m))
			return true;
		memory->at++;
		memory->next = 0;
		if (memory->count)
			return true;
	}
	memory->drained = true;
	return false;
}

/* ---- sections ---- */

/*
 * The section that is being built: pages from @offset of @region that are all data or all zero.
 * @held: the hold on region @holds, while pages come from it
 */
struct maker {
	struct vfmig_migration *m;
	struct channel_buffer *buffer;
	struct space_entry *held;
	uint32_t holds;
	uint32_t region;
	uint64_t offset;
	uint32_t data; /* bytes of pages, after the space for the header at buffer->end */
	uint64_t zero; /* bytes of zero pages */
};

static void close_section(struct maker *k)
{
	struct abi_section section = {.index = k->region, .offset = k->offset};
	struct vfmig_migration *m = k->m;

	if (!k->data && !k->zero)
		return;
	section.type = k->data ? ABI_SECTION_MEM_PAGES : ABI_SECTION_MEM_ZERO;
	section.length = k->data;
	section.arg = k->zero;
	channel_out_seal(&m->channel.out, k->buffer->bytes + k->buffer->end, &section);
	k->buffer->end += ABI_SECTION_HEADER_SIZE + k->data;
	m->progress.round_counts.memory_bytes += k->data;
	m->progress.round_counts.zero_pages += k->zero / ABI_STREAM_PAGE;
	m->memory.left -= k->data + k->zero < m->memory.left ? k->data + k->zero : m->memory.left;
	k->data = 0;
	k->zero = 0;
}

/* Whether the open section and one more with a page fit. */
static bool capacity(const struct maker *k)
{
	return k->buffer->end + k->data + 2 * ABI_SECTION_HEADER_SIZE + ABI_STREAM_PAGE <= FILL;
}

/* Add zero pages. */
static void add_zeros(struct maker *k, uint32_t region, uint64_t offset, uint64_t size)
{
	if (k->data || region != k->region || offset != k->offset + k->zero)
		close_section(k);
	if (!k->zero)
		k->offset = offset;
	k->region = region;
	k->zero += size;
}

/* Add a page. */
static void add_page(struct maker *k, uint32_t region, uint64_t offset, const uint8_t *page)
{
	uint8_t *to;

	if (region != k->region || offset != k->offset + k->data + k->zero || k->data == PIECE)
		close_section(k);
	to = k->buffer->bytes + k->buffer->end + ABI_SECTION_HEADER_SIZE + k->data;
	if (!engine_page_copy(to, page)) {
		add_zeros(k, region, offset, ABI_STREAM_PAGE);
		return;
	}
	if (k->zero) {
		/* The header of the zeros overwrites the page: copy it again, also if it has changed meanwhile. */
		close_section(k);
		to = k->buffer->bytes + k->buffer->end + ABI_SECTION_HEADER_SIZE;
		engine_page_copy(to, page);
	}
	if (!k->data)
		k->offset = offset;
	k->region = region;
	k->data += ABI_STREAM_PAGE;
}

static int hold(struct maker *k, uint32_t region, struct vfmig_error *err)
{
	if (k->held && k->holds == region)
		return 0;
	if (k->held)
		engine_memory_release(&k->m->memory, k->holds, k->held);
	k->held = NULL;
	k->holds = region;
	return engine_memory_hold(&k->m->memory, region, &k->held, err);
}

/* Add the next page of a run, or the hole at its beginning. */
static void take_next(struct maker *k, struct engine_run *run)
{
	const struct engine_map *at = &k->m->memory.regions[run->region];
	uint64_t n = 0;
	bool hole = false;

	if (!run->data)
		n = engine_hole_find(at, k->held, run->offset, run->size, &hole);
	if (hole) {
		add_zeros(k, run->region, run->offset, n);
		k->m->progress.round_counts.hole_pages += n / ABI_STREAM_PAGE;
	} else {
		run->data += n;
		n = ABI_STREAM_PAGE;
		add_page(k, run->region, run->offset, at->ptr + run->offset);
		run->data -= n;
	}
	run->offset += n;
	run->size -= n;
}

int engine_memory_fill(struct vfmig_migration *m, struct channel_buffer *buffer,
		       struct vfmig_error *err)
{
	struct engine_memory *memory = &m->memory;
	struct maker k = {.m = m, .buffer = buffer};
	uint32_t looked = 0;
	int ret = 0;

	while (capacity(&k) && looked < LOOK) {
		struct engine_run *run = &memory->runs[memory->first];

		if (memory->first == memory->count) {
			if (!refill(m))
				break;
			continue;
		}
		ret = hold(&k, run->region, err);
		if (ret)
			break;
		take_next(&k, run);
		looked += ABI_STREAM_PAGE;
		if (!run->size)
			memory->first++;
	}
	close_section(&k);
	if (k.held)
		engine_memory_release(&m->memory, k.holds, k.held);
	return ret ? ret : buffer->end > buffer->start;
}
