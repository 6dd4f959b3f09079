/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How much is left to save. A user plans its switchover by it.
 *
 * The value is an estimate that errs upward: pages that turn out zero take next to nothing,
 * untouched memory is known to take nothing, and memory to compare at the stop counts as if all of
 * it differed.
 */
#include "model/save.h"

static uint64_t pass_left(const struct kit_save *save)
{
	uint64_t left = 0;

	for (unsigned i = save->pass; i < save->block_count; i++) {
		const struct kit_save_block *b = &save->blocks[i];
		uint64_t rest = b->block->block.size - b->pass_at;
		uint64_t used = kit_block_used(b->block);

		/* Separate frames for single pages cost less than a 64th of the data. */
		if (rest)
			left += KIT_SAVE_HEAD + (used < rest ? used + used / 64 : rest + rest / 64);
	}
	return left;
}

static uint64_t written_left(const struct kit_save *save)
{
	uint64_t pages = 0;

	for (unsigned i = 0; i <= save->pass && i < save->block_count; i++)
		pages += dirty_count(save->blocks[i].marks, 0, save->blocks[i].pass_at);
	return pages * KIT_PAGE;
}

static uint64_t on_its_way(const struct kit_save *save)
{
	return save->head_len - save->head_at + save->data_left + save->text_len - save->text_at;
}

void kit_save_precopy(struct kit_save *save, struct vfmig_precopy_info *info)
{
	uint64_t now = on_its_way(save);

	kit_save_look_for_reinit(save);
	info->argsz = sizeof(*info);
	info->flags = save->reinit ? VFMIG_PRECOPY_INFO_REINIT : 0;
	save->reinit = false;
	info->initial_bytes = pass_left(save);
	info->dirty_bytes = written_left(save);
	if (info->initial_bytes || save->text_at < save->text_len)
		info->initial_bytes += now;
	else
		info->dirty_bytes += now;
}

uint64_t kit_save_left(struct vfmig_kit *kit, struct kit_save *save)
{
	uint64_t left = KIT_SAVE_HEAD;

	if (save && save->ended)
		return on_its_way(save);
	for (unsigned i = 0; i < kit->entry_count; i++) {
		const struct kit_entry *entry = &kit->entries[i];

		if (entry->kind == VFMIG_ENTRY_FIELD && !(save && save->fields_out))
			left += ABI_DS_HEADER_SIZE + ABI_DS_FIELD_FIXED + entry->size;
		if (!save)
			left += ABI_DS_ENTRY_FIXED + ABI_DS_NAME_MAX;
		if (!save && entry->kind == VFMIG_ENTRY_BLOCK)
			left += kit_block_used(entry->block);
	}
	if (save) {
		left += on_its_way(save) + pass_left(save) + written_left(save);
		for (unsigned i = 0; i < save->block_count; i++)
			left += kit_save_compare_left(&save->blocks[i]);
	}
	/* As in pass_left(). */
	return left + left / 64;
}
