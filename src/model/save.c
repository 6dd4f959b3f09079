/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Saving: the bytes that a data session reads, produced as they are read.
 *
 * The order is: the schema; a first pass over all blocks; then, repeatedly, what the model has
 * written in them since. All that is pre-copy. When the device has stopped: the pages written
 * last; of blocks that other processes may have written, the pages that differ from what was sent
 * (compare.c); the fields, as they were at the stop; the output of the model's own save(); END.
 *
 * This file chooses what comes next; save_read.c copies it to the reader.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/save.h"

/* The most whole pages that fit in a BLOCK frame. */
#define FRAME  (ABI_DS_BLOCK_DATA_MAX & ~(KIT_PAGE - 1))
#define OPAQUE 65536u

/* ---- beginning ---- */

static int make_schema(struct kit_save *save, struct vfmig_error *err)
{
	struct vfmig_kit *kit = save->kit;
	struct abi_ds_model model = {
		.name = kit->model->name,
		.name_len = (uint8_t)strlen(kit->model->name),
		.version = kit->model->version,
	};
	struct abi_ds_entry *entries = calloc(kit->entry_count + 1, sizeof(*entries));
	size_t size, at;

	if (!entries)
		return vfmig_err(err, -ENOMEM, "no memory for the schema");
	for (unsigned i = 0; i < kit->entry_count; i++) {
		const struct kit_entry *from = &kit->entries[i];
		struct abi_ds_entry *entry = &entries[model.entries];

		if (from->kind == VFMIG_ENTRY_OLD)
			continue;
		entry->id = i + 1;
		entry->version = from->since;
		entry->size = from->size;
		entry->kind =
			from->kind == VFMIG_ENTRY_BLOCK ? ABI_DS_KIND_BLOCK : ABI_DS_KIND_FIELD;
		entry->name = from->name;
		entry->name_len = (uint8_t)strlen(from->name);
		model.entries++;
	}
	size = abi_ds_schema_size(&model, entries);
	save->schema = size ? malloc(ABI_DS_PREAMBLE_SIZE + size) : NULL;
	if (!save->schema) {
		free(entries);
		return vfmig_err(err, size ? -ENOMEM : -E2BIG, "the state's schema %s",
				 size ? "finds no memory" : "is too large");
	}
	at = abi_ds_put_preamble(&save->writer, save->schema, ABI_DS_PREAMBLE_SIZE);
	at += abi_ds_put_schema(&save->writer, save->schema + at, size, &model, entries);
	free(entries);
	save->text = save->schema;
	save->text_len = at;
	return 0;
}

/* Begin the first pass: it covers everything written until now. */
static void begin_pass(struct kit_save *save)
{
	save->pass = 0;
	for (unsigned i = 0; i < save->block_count; i++) {
		save->blocks[i].pass_at = 0;
		dirty_clear(save->blocks[i].marks, 0, UINT64_MAX);
	}
}

int kit_save_open(struct vfmig_kit *kit, struct kit_save **out, struct vfmig_error *err)
{
	struct kit_save *save = calloc(1, sizeof(*save));
	int ret;

	if (!save)
		return vfmig_err(err, -ENOMEM, "no memory to save a device");
	save->kit = kit;
	save->blocks = calloc(kit->block_count + 1, sizeof(*save->blocks));
	ret = save->blocks ? make_schema(save, err)
			   : vfmig_err(err, -ENOMEM, "no memory to save a device");
	if (ret) {
		kit_save_close(save);
		return ret;
	}
	for (unsigned i = 0; i < kit->entry_count; i++) {
		if (kit->entries[i].kind != VFMIG_ENTRY_BLOCK)
			continue;
		save->blocks[save->block_count].block = kit->entries[i].block;
		save->blocks[save->block_count].marks = kit->entries[i].block->dirty;
		save->blocks[save->block_count++].id = i + 1;
	}
	atomic_store(&kit->reinit, false);
	begin_pass(save);
	*out = save;
	return 0;
}

void kit_save_close(struct kit_save *save)
{
	if (!save)
		return;
	for (unsigned i = 0; save->blocks && i < save->block_count; i++) {
		dirty_free(save->blocks[i].last);
		free(save->blocks[i].sent);
	}
	free(save->blocks);
	free(save->schema);
	free(save->fields);
	free(save->opaque);
	free(save);
}

/* ---- stopping ---- */

static int take_fields(struct kit_save *save, struct vfmig_error *err)
{
	struct vfmig_kit *kit = save->kit;
	size_t size = 0, at = 0;
	uint8_t *fields;

	for (unsigned i = 0; i < kit->entry_count; i++)
		if (kit->entries[i].kind == VFMIG_ENTRY_FIELD)
			size += ABI_DS_HEADER_SIZE + ABI_DS_FIELD_FIXED + kit->entries[i].size;
	fields = malloc(size);
	if (!fields)
		return vfmig_err(err, -ENOMEM, "no memory for %zu bytes of fields", size);
	pthread_mutex_lock(&kit->irq.lock);
	for (unsigned i = 0; i < kit->entry_count; i++) {
		const struct kit_entry *entry = &kit->entries[i];

		if (entry->kind == VFMIG_ENTRY_FIELD)
			at += abi_ds_put_field(&save->writer, fields + at, size - at, i + 1,
					       entry->place, entry->size);
	}
	pthread_mutex_unlock(&kit->irq.lock);
	save->fields = fields;
	save->fields_len = at;
	return 0;
}

/*
 * From here on only pages written until now count: a user that keeps writing to a stopped device,
 * which is a mistake, cannot delay the end of the data.
 */
static int take_marks(struct kit_save_block *b, struct vfmig_error *err)
{
	struct dirty_config config = {.size = b->block->block.size};

	/* What is sent after the stop is final: there is nothing to compare. */
	if (!b->pass_at)
		b->compared = b->block->block.size;
	if (dirty_create(&b->last, &config))
		return vfmig_err(err, -ENOMEM, "no memory to save a device");
	dirty_merge(b->marks, 0, UINT64_MAX, &b->last, 1);
	b->marks = b->last;
	return 0;
}

/* The stop was undone: the marks go back to the block's own map. */
static void give_marks_back(struct kit_save_block *b)
{
	if (!b->last)
		return;
	dirty_merge(b->last, 0, UINT64_MAX, &b->block->dirty, 1);
	dirty_free(b->last);
	b->last = NULL;
	b->marks = b->block->dirty;
	b->compared = 0;
}

int kit_save_stop(struct kit_save *save, struct vfmig_error *err)
{
	struct vfmig_kit *kit = save->kit;
	int ret = 0;

	if (kit->model->saving)
		kit->model->saving(kit, kit->self);
	if (kit->model->save && !save->opaque) {
		save->opaque = malloc(OPAQUE);
		if (!save->opaque)
			return vfmig_err(err, -ENOMEM, "no memory to save a device");
	}
	for (unsigned i = 0; !ret && i < save->block_count; i++)
		ret = take_marks(&save->blocks[i], err);
	if (!ret)
		ret = take_fields(save, err);
	for (unsigned i = 0; ret && i < save->block_count; i++)
		give_marks_back(&save->blocks[i]);
	if (ret)
		return ret;
	save->stopped = true;
	save->opaque_out = !kit->model->save;
	return 0;
}

/* ---- what comes next ---- */

static void send_zero(struct kit_save *save, struct kit_save_block *b, uint64_t at, uint64_t len)
{
	save->head_at = 0;
	save->head_len = abi_ds_put_zero(&save->writer, save->head, KIT_SAVE_HEAD, b->id, at, len);
	kit_save_remember_zero(b, at, len);
}

static void send_data(struct kit_save *save, struct kit_save_block *b, uint64_t at, uint64_t len)
{
	save->head_at = 0;
	save->head_len =
		abi_ds_put_block_header(&save->writer, save->head, KIT_SAVE_HEAD, b->id, at, len);
	save->data = b;
	save->data_at = at;
	save->data_left = len;
}

/*
 * The first bytes of a page usually come from memory, and each load would be waited for: so many
 * pages are prefetched. After this many non-zero pages in a row, only each fourth page is tested.
 * A zero page that goes as data costs the transfer and nothing else.
 */
#define PAGES_AHEAD   8u
#define ALL_LOOKED_AT (32u * KIT_PAGE)

/* The next page to test after page @n of a run. */
static uint64_t next_look(uint64_t n, bool zero)
{
	return n + (zero || n < ALL_LOOKED_AT ? 1 : 4) * KIT_PAGE;
}

static void fetch(const uint8_t *bytes, uint64_t at, uint64_t len)
{
	if (at < len)
		__builtin_prefetch(bytes + at);
}

/*
 * Send some of the window, whose marks have been cleared: either the zero pages that it begins
 * with, or the others. Returns the number of bytes.
 */
static uint64_t send_some(struct kit_save *save, struct kit_save_block *b, uint64_t at,
			  uint64_t len)
{
	const uint8_t *bytes = b->block->block.bytes + at;
	uint64_t n, ahead = 0;
	bool zero;

	for (unsigned i = 0; i < PAGES_AHEAD; i++, ahead = next_look(ahead, false))
		fetch(bytes, ahead, len);
	zero = kit_all_zero(bytes, KIT_PAGE);
	for (n = next_look(0, zero); n < len; n = next_look(n, zero)) {
		fetch(bytes, ahead, len);
		ahead = next_look(ahead, zero);
		if (kit_all_zero(bytes + n, KIT_PAGE) != zero)
			break;
	}
	if (n > len)
		n = len;
	if (zero)
		send_zero(save, b, at, n);
	else
		send_data(save, b, at, n);
	return n;
}

uint64_t kit_save_extent(struct kit_save_block *b, uint64_t at, bool *data)
{
	uint64_t end = b->data_end;

	*data = at >= b->data_from && at < end;
	if (*data)
		return end;
	end = kit_block_extent(b->block, at, data);
	if (*data) {
		b->data_from = at;
		b->data_end = end;
	}
	return end;
}

/* The next piece of the first pass; false when it is over. */
static bool next_of_pass(struct kit_save *save)
{
	while (save->pass < save->block_count) {
		struct kit_save_block *b = &save->blocks[save->pass];
		uint64_t at = b->pass_at, size = b->block->block.size, end;
		bool data;

		if (at == size) {
			save->pass++;
			continue;
		}
		kit_save_watch(b);
		end = kit_save_extent(b, at, &data);
		if (data)
			end = at + (end - at < FRAME ? end - at : FRAME);
		dirty_clear(b->marks, at, end - at);
		if (!data) {
			/* Check again now that the marks are cleared: is it still a hole? */
			end = kit_save_extent(b, at, &data);
			if (data)
				continue;
			send_zero(save, b, at, end - at);
			b->pass_at = end;
		} else {
			b->pass_at = at + send_some(save, b, at, end - at);
		}
		return true;
	}
	return false;
}

struct run {
	uint64_t at, len;
};

static int first_run(void *opaque, uint64_t at, uint64_t len)
{
	*(struct run *)opaque = (struct run){at, len};
	return 1;
}

/* The next written page or pages behind the last ones; wraps around at the end. */
static bool next_of_written(struct kit_save *save, struct kit_save_block *b)
{
	struct vfmig_dirty *dirty = b->marks;
	uint64_t sent, size = b->block->block.size;
	struct run run;

	if (!dirty_read(dirty, b->scan, size - b->scan, first_run, &run) &&
	    !dirty_read(dirty, 0, b->scan, first_run, &run)) {
		b->scan = 0;
		return false;
	}
	kit_save_watch(b);
	if (run.len > FRAME)
		run.len = FRAME;
	dirty_clear(dirty, run.at, run.len);
	sent = send_some(save, b, run.at, run.len);
	if (sent < run.len)
		vfmig_dirty_mark(dirty, run.at + sent, run.len - sent);
	b->scan = run.at + sent;
	return true;
}

static bool next_written(struct kit_save *save)
{
	for (unsigned i = 0; i < save->block_count; i++)
		if (next_of_written(save, &save->blocks[i]))
			return true;
	return false;
}

/*
 * Marks what differs in one more stretch of a block that others may write; false if no stretch is
 * left.
 */
static bool compare_more(struct kit_save *save)
{
	for (unsigned i = 0; i < save->block_count; i++)
		if (kit_save_compare(&save->blocks[i]))
			return true;
	return false;
}

/* The output of the model's save(). Returns 1, 0 at its end, or its failure. */
static int next_opaque(struct kit_save *save, struct vfmig_error *err)
{
	struct vfmig_kit *kit = save->kit;
	ssize_t n =
		kit->model->save(kit, kit->self, save->opaque_at, save->opaque + ABI_DS_HEADER_SIZE,
				 OPAQUE - ABI_DS_HEADER_SIZE, err);

	if (n < 0)
		return (int)n;
	if ((size_t)n > OPAQUE - ABI_DS_HEADER_SIZE)
		return vfmig_err(err, -EPROTO, "model %s saved more than it was asked for",
				 kit->model->name);
	if (!n) {
		save->opaque_out = true;
		return 0;
	}
	abi_ds_put_opaque_header(&save->writer, save->opaque, ABI_DS_HEADER_SIZE, (size_t)n);
	save->opaque_at += (uint64_t)n;
	save->text = save->opaque;
	save->text_at = 0;
	save->text_len = ABI_DS_HEADER_SIZE + (size_t)n;
	return 1;
}

int kit_save_next(struct kit_save *save, struct vfmig_error *err)
{
	int ret;

	if (save->ended)
		return 0;
	while (!save->fields_out) {
		if (next_of_pass(save) || next_written(save))
			return 1;
		if (!save->stopped)
			return 0;
		if (compare_more(save))
			continue;
		save->fields_out = true;
		save->text = save->fields;
		save->text_at = 0;
		save->text_len = save->fields_len;
		return 1;
	}
	if (!save->opaque_out) {
		ret = next_opaque(save, err);
		if (ret)
			return ret;
	}
	save->ended = true;
	save->head_at = 0;
	save->head_len = abi_ds_put_end(&save->writer, save->head, KIT_SAVE_HEAD);
	return 1;
}

/* ---- the model reports that all is new ---- */

void kit_save_look_for_reinit(struct kit_save *save)
{
	struct vfmig_kit *kit = save->kit;

	if (!atomic_exchange(&kit->reinit, false) || save->stopped)
		return;
	if (expose_understands_reinit(&kit->show)) {
		begin_pass(save);
		save->reinit = true;
		return;
	}
	for (unsigned i = 0; i < save->block_count; i++)
		vfmig_block_mark(&save->blocks[i].block->block, 0, UINT64_MAX);
}

void vfmig_kit_reinit(struct vfmig_kit *kit)
{
	atomic_store(&kit->reinit, true);
}
