/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A model's DMA: allowed only while the device may run. Writes are logged, and reads into blocks
 * mark their pages.
 *
 * A thread that detaches or quiesces the device waits for the model's quantum, or in quiesce() for
 * the model's threads. So an address space that was seen here stays until the transfer is done.
 */
#include <errno.h>

#include "device/space.h"
#include "model/kit.h"

/* DMA may have read into a block: mark its pages. */
static void mark_blocks(struct vfmig_kit *kit, const uint8_t *buf, size_t len)
{
	for (unsigned i = 0; i < kit->block_count; i++) {
		struct vfmig_block *block = &kit->blocks[i].block;

		if (buf >= block->bytes && (size_t)(buf - block->bytes) < block->size)
			vfmig_block_mark(block, (uint64_t)(buf - block->bytes), len);
	}
}

static int dma(struct vfmig_kit *kit, uint64_t iova, void *buf, size_t len, bool write,
	       struct vfmig_error *err)
{
	struct vfmig_space *space = atomic_load(&kit->space);
	int ret;

	if (!space)
		return vfmig_err(err, -ENXIO, "%s has no address space", kit->device.name);
	if (atomic_load(&kit->level) != KIT_RUNS)
		return vfmig_err(err, -EBUSY, "%s is stopped or quiesced: it may not do DMA",
				 kit->device.name);
	if (atomic_load(&kit->power.asleep))
		return vfmig_err(err, -EBUSY, "%s sleeps: it may not do DMA", kit->device.name);
	if (!len)
		return 0;
	ret = space_dma(space, iova, buf, len, write, write ? kit->log.map : NULL, err);
	if (!write)
		mark_blocks(kit, buf, len);
	return ret;
}

int vfmig_kit_dma_read(struct vfmig_kit *kit, uint64_t iova, void *buf, size_t len,
		       struct vfmig_error *err)
{
	return dma(kit, iova, buf, len, false, err);
}

int vfmig_kit_dma_write(struct vfmig_kit *kit, uint64_t iova, const void *buf, size_t len,
			struct vfmig_error *err)
{
	return dma(kit, iova, (void *)buf, len, true, err);
}

int vfmig_kit_dma(struct vfmig_kit *kit, struct vfmig_dma *batch, size_t count,
		  struct vfmig_error *err)
{
	int ret = 0;

	for (size_t i = 0; i < count; i++) {
		batch[i].result = dma(kit, batch[i].iova, batch[i].buf, batch[i].len,
				      batch[i].write, ret ? NULL : err);
		if (!ret)
			ret = batch[i].result;
	}
	return ret;
}
