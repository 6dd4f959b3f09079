/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The migration region: registers in front, then the data and a bitmap, which the user may map.
 *
 * A read of data_offset brings the next transaction into the data section; it stays until pending_bytes is read.
 * In RESUMING the user puts one there, and the write of data_size hands it over. pfn's bitmaps have a place of their
 * own: after copied_pfns the next data_offset is theirs.
 */
#include <errno.h>
#include <string.h>

#include "mediate.h"

enum { START_PFN, PAGE_SIZE, TOTAL_PFNS };

#define STATE	offsetof(struct vfmig_pfn_migration_info, device_state)
#define PENDING offsetof(struct vfmig_pfn_migration_info, pending_bytes)
#define OFFSET	offsetof(struct vfmig_pfn_migration_info, data_offset)
#define SIZE	offsetof(struct vfmig_pfn_migration_info, data_size)
#define START	offsetof(struct vfmig_pfn_migration_info, start_pfn)
#define COPIED	offsetof(struct vfmig_pfn_migration_info, copied_pfns)

/* ---- states ---- */

/* RESUMING ends: what came must have been all of it. */
static int loaded(struct mc *mc, struct vfmig_error *err)
{
	if (!mc->loading || mc->loaded)
		return 0;
	return mc_fail(err, -EINVAL, "the state ends in the middle");
}

static int change_state(struct mc *mc, uint32_t to, struct vfmig_error *err)
{
	uint32_t from = mc->bits;
	int ret = 0;

	/* RESUMING excludes the other bits, except in the old encoding of an error. */
	if (from == VFMIG_V1_STATE_ERROR)
		return mc_fail(err, -EIO, "after an error only a reset helps");
	if (to > VFMIG_V1_STATE_RESUMING)
		return mc_fail(err, -EINVAL, "device_state: there is no such state");
	if (to == from)
		return 0;
	if (from == VFMIG_V1_RESUMING) {
		ret = loaded(mc, err);
		/* A copier with only part of another one's state must not run. */
		if (ret)
			mc->bits = VFMIG_V1_STATE_ERROR;
	}
	if (!ret && !(to & VFMIG_V1_RUNNING))
		ret = mc_freeze(mc, err);
	if (!ret && (to & VFMIG_V1_SAVING) && !(from & VFMIG_V1_SAVING))
		mc_save_begin(mc);
	if (!ret && to == VFMIG_V1_RESUMING)
		ret = mc_load_begin(mc, err);
	if (!ret && (to & VFMIG_V1_RUNNING))
		ret = mc_thaw(mc, err);
	if (!ret)
		mc->bits = to;
	return ret;
}

/* ---- transactions ---- */

static int stage(struct mc *mc, struct vfmig_error *err)
{
	uint64_t size;
	int ret;

	if (mc->staged)
		return 0;
	ret = mc_save_next(mc, &size, err);
	if (ret)
		return ret;
	memcpy(mc->memory + MC_DATA, mc->buf, size);
	mc->staged = size;
	return 0;
}

static int hand_over(struct mc *mc, uint64_t size, struct vfmig_error *err)
{
	int ret;

	if (mc->bits != VFMIG_V1_RESUMING)
		return mc_fail(err, -EINVAL, "data_size is written in RESUMING only");
	ret = mc_load(mc, size, err);
	if (ret)
		mc->bits = VFMIG_V1_STATE_ERROR;
	return ret;
}

/* ---- written pages ---- */

static const char *bad_range(const struct mc *mc)
{
	uint64_t size = mc->range[PAGE_SIZE], start, bytes;

	if (size < MC_PAGE || (size & (size - 1)))
		return "page_size is not a power of two from 4 KiB up";
	if (__builtin_mul_overflow(mc->range[START_PFN], size, &start) ||
	    __builtin_mul_overflow(mc->range[TOTAL_PFNS], size, &bytes) ||
	    (bytes && start > UINT64_MAX - (bytes - 1)))
		return "the pages asked about pass the end of memory";
	return NULL;
}

static int copied(struct mc *mc, uint64_t *value, struct vfmig_error *err)
{
	uint64_t size = mc->range[PAGE_SIZE], total = mc->range[TOTAL_PFNS], start, n;
	uint8_t *bits = mc->memory + MC_BITMAP;
	const char *why = bad_range(mc);
	int ret;

	if (!(mc->bits & VFMIG_V1_SAVING))
		why = "written pages are told in _SAVING only";
	if (why)
		return mc_fail(err, -EINVAL, why);
	ret = mc_retire(mc, err);
	if (ret)
		return ret;
	if (mc->asked)
		mc->done = 0;
	mc->asked = false;
	start = (mc->range[START_PFN] + mc->done) * size;
	n = total - mc->done;
	*value = mc->pages.all ? VFMIG_PFN_DIRTY_ALL : VFMIG_PFN_DIRTY_NONE;
	if (mc->pages.all || !mc_pages_any(&mc->pages, start, n * size))
		return 0;
	if (n > MC_BITMAP_SIZE * 8)
		n = MC_BITMAP_SIZE * 8;
	memset(bits, 0, MC_BITMAP_SIZE);
	for (uint64_t i = 0; i < n; i++)
		if (mc_pages_take(&mc->pages, start + i * size, size))
			bits[i / 8] |= (uint8_t)(1u << i % 8);
	mc->done += n;
	mc->show_bitmap = true;
	*value = n;
	return 0;
}

/* ---- registers ---- */

static int read_register(struct mc *mc, uint64_t offset, uint64_t *value, struct vfmig_error *err)
{
	int ret = 0;

	switch (offset) {
	case STATE:
		*value = mc->bits;
		return 0;
	case PENDING:
		mc->staged = 0;
		mc->show_bitmap = false;
		if (mc->bits & VFMIG_V1_SAVING)
			ret = mc_retire(mc, err);
		*value = mc->bits & VFMIG_V1_SAVING ? mc_save_left(mc) : 0;
		return ret;
	case OFFSET:
		*value = mc->show_bitmap ? MC_BITMAP : MC_DATA;
		if (!mc->show_bitmap && (mc->bits & VFMIG_V1_SAVING))
			ret = stage(mc, err);
		mc->show_bitmap = false;
		return ret;
	case SIZE:
		*value = mc->staged;
		return 0;
	case COPIED:
		return mc->v1 ? mc_fail(err, -EINVAL, "no such register") : copied(mc, value, err);
	default:
		return offset == 4 ? 0 : mc_fail(err, -EINVAL, "no such register to read");
	}
}

static int write_register(struct mc *mc, uint64_t offset, uint64_t value, struct vfmig_error *err)
{
	switch (offset) {
	case STATE:
		return change_state(mc, (uint32_t)value & VFMIG_V1_STATE_MASK, err);
	case SIZE:
		return hand_over(mc, value, err);
	case 4:
		return 0;
	default:
		if (mc->v1 || offset < START || offset >= COPIED)
			return mc_fail(err, -EINVAL, "no such register to write");
		mc->range[(offset - START) / 8] = value;
		mc->asked = true;
		return 0;
	}
}

int mc_region(struct mc *mc, uint64_t offset, void *buf, uint32_t len, bool write,
	      struct vfmig_error *err)
{
	uint64_t value = 0;
	int ret;

	if (offset >= MC_DATA) {
		if (write)
			memcpy(mc->memory + offset, buf, len);
		else
			memcpy(buf, mc->memory + offset, len);
		return 0;
	}
	if (len != (offset < 8 ? 4 : 8) || offset % len)
		return mc_fail(err, -EINVAL, "a register is accessed as a whole");
	if (write) {
		memcpy(&value, buf, len);
		return write_register(mc, offset, value, err);
	}
	ret = read_register(mc, offset, &value, err);
	if (!ret)
		memcpy(buf, &value, len);
	return ret;
}
