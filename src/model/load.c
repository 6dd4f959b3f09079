/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Loading: the bytes written to a data session, checked as they arrive.
 *
 * Blocks go straight to their memory. Fields are staged until all of the state has arrived: the
 * kit does not put registers from an untrusted source where the model uses them before they are
 * known to be complete, and then the model checks them in loaded(). The first error is kept, and
 * is reported again for every later write.
 *
 * What a stream may hold follows from the state table and the stream's version of the model; see
 * struct vfmig_entry.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/device_state.h"
#include "abi/range.h"
#include "model/kit.h"

/* Progress of one entry. */
struct arrival {
	bool announced, here;
	uint64_t high; /* BLOCK: everything before this offset has arrived */
};

struct kit_load {
	struct vfmig_kit *kit;
	struct abi_ds_reader reader;
	struct abi_ds_slot *slots;
	unsigned *entry_of; /* for the schema's nth entry, the index of the kit's entry */
	struct arrival *arrivals;
	uint32_t version; /* of the model that saved it */
	uint64_t opaque_at;
	struct abi_ds_reader inner; /* of a state that arrives in a device's transactions */
	struct vfmig_error error;   /* of the first refusal */
};

__attribute__((format(printf, 2, 3))) static const char *refuse(struct kit_load *load,
								const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfmig_verr(&load->error, -EINVAL, fmt, ap);
	va_end(ap);
	return load->error.text;
}

/* ---- the schema ---- */

static const char *on_model(void *user, const struct abi_ds_model *m)
{
	struct kit_load *load = user;
	const struct vfmig_model *model = load->kit->model;

	if (strlen(model->name) != m->name_len || memcmp(model->name, m->name, m->name_len))
		return refuse(load, "this is the state of model %.*s, and the device is a %s",
			      m->name_len, m->name, model->name);
	if (!m->version || m->version > model->version)
		return refuse(load,
			      "it was saved by version %u of model %s, which is newer than version "
			      "%u here: only older ones can be loaded",
			      m->version, model->name, model->version);
	load->version = m->version;
	return NULL;
}

/* Whether a stream of that version has the entry. */
static bool expected(const struct kit_load *load, const struct kit_entry *entry)
{
	if (entry->ours)
		return true;
	return entry->since <= load->version &&
	       (entry->kind != VFMIG_ENTRY_OLD || load->version <= entry->until);
}

static const char *match(struct kit_load *load, unsigned i, const struct abi_ds_entry *e)
{
	const struct kit_entry *entry = &load->kit->entries[i];
	uint8_t kind = entry->kind == VFMIG_ENTRY_BLOCK ? ABI_DS_KIND_BLOCK : ABI_DS_KIND_FIELD;

	if (load->arrivals[i].announced)
		return refuse(load, "%s is in the schema twice", entry->name);
	if (e->kind != kind)
		return refuse(load, "%s is a %s here, and something else in the stream",
			      entry->name, kind == ABI_DS_KIND_BLOCK ? "block" : "field");
	if (e->version != entry->since)
		return refuse(load, "%s is of version %u here, and of version %u in the stream",
			      entry->name, entry->since, e->version);
	if (e->size != entry->size)
		return refuse(load,
			      "%s has %llu bytes here, and %llu in the stream: give the device the "
			      "same options",
			      entry->name, (unsigned long long)entry->size,
			      (unsigned long long)e->size);
	load->arrivals[i].announced = true;
	return NULL;
}

static const char *on_entry(void *user, uint32_t index, const struct abi_ds_entry *e)
{
	struct kit_load *load = user;
	struct vfmig_kit *kit = load->kit;

	for (unsigned i = 0; i < kit->entry_count; i++) {
		const struct kit_entry *entry = &kit->entries[i];

		if (!expected(load, entry) || strlen(entry->name) != e->name_len ||
		    memcmp(entry->name, e->name, e->name_len))
			continue;
		load->entry_of[index] = i;
		return match(load, i, e);
	}
	return refuse(load, "version %u of model %s has nothing that is called %.*s", load->version,
		      kit->model->name, e->name_len, e->name);
}

static const char *on_schema_end(void *user)
{
	struct kit_load *load = user;
	struct vfmig_kit *kit = load->kit;

	for (unsigned i = 0; i < kit->entry_count; i++)
		if (expected(load, &kit->entries[i]) && !load->arrivals[i].announced)
			return refuse(load, "it lacks %s, which version %u of model %s has",
				      kit->entries[i].name, load->version, kit->model->name);
	return NULL;
}

/* ---- the data ---- */

static const char *out_of_bounds(struct kit_load *load, const struct kit_entry *entry,
				 const void *value)
{
	uint64_t number = 0;

	memcpy(&number, value, entry->size < sizeof(number) ? entry->size : sizeof(number));
	if (number >= entry->min && number <= entry->max)
		return NULL;
	return refuse(load, "field %s is 0x%llx, and must be from 0x%llx to 0x%llx", entry->name,
		      (unsigned long long)number, (unsigned long long)entry->min,
		      (unsigned long long)entry->max);
}

static const char *on_field(void *user, uint32_t index, const void *value, size_t size)
{
	struct kit_load *load = user;
	unsigned i = load->entry_of[index];
	const struct kit_entry *entry = &load->kit->entries[i];
	const char *why = entry->max ? out_of_bounds(load, entry, value) : NULL;

	if (why)
		return why;
	if (entry->check && entry->check(load->kit, entry, value, &load->error))
		return load->error.text;
	memcpy(load->kit->stage + entry->stage, value, size);
	load->arrivals[i].here = true;
	return NULL;
}

/*
 * The reader has checked that a block's bytes arrive in order the first time, and within the
 * block.
 */
static const char *on_block(void *user, uint32_t index, uint64_t offset, const void *data,
			    size_t len)
{
	struct kit_load *load = user;
	unsigned i = load->entry_of[index];
	struct kit_block *block = load->kit->entries[i].block;
	uint64_t end = abi_sum(offset, len);

	if (end > load->arrivals[i].high) {
		int ret = kit_block_fill(block, offset, data, len);

		if (ret)
			return refuse(load, "block %s: %s", load->kit->entries[i].name,
				      strerror(-ret));
		load->arrivals[i].high = end;
	} else {
		kit_copy(block->block.bytes + offset, data, len);
	}
	return NULL;
}

static const char *on_zero(void *user, uint32_t index, uint64_t offset, uint64_t len)
{
	struct kit_load *load = user;
	unsigned i = load->entry_of[index];
	uint64_t before = load->arrivals[i].high, end = abi_sum(offset, len);

	/*
	 * The block was cleared when loading began: bytes that have not arrived are zero and take
	 * no memory.
	 */
	if (offset < before)
		kit_block_zero(load->kit->entries[i].block, offset,
			       end < before ? len : before - offset);
	if (end > before)
		load->arrivals[i].high = end;
	return NULL;
}

static const char *on_opaque(void *user, const void *data, size_t len)
{
	struct kit_load *load = user;
	struct vfmig_kit *kit = load->kit;

	if (!kit->model->load)
		return refuse(load,
			      "it has state in an encoding of the model's own, and model %s "
			      "has none",
			      kit->model->name);
	if (kit->model->load(kit, kit->self, load->opaque_at, data, len, &load->error))
		return load->error.code
			       ? load->error.text
			       : refuse(load, "model %s does not take it", kit->model->name);
	load->opaque_at += len;
	return NULL;
}

static const char *on_chunk_begin(void *user)
{
	return "it is a transaction of another device, not the state of a model";
}

static const struct abi_ds_events events = {
	.model = on_model,
	.entry = on_entry,
	.schema_end = on_schema_end,
	.field = on_field,
	.block = on_block,
	.zero = on_zero,
	.opaque = on_opaque,
	.chunk_begin = on_chunk_begin,
};

/* ---- the session's calls ---- */

int kit_load_open(struct vfmig_kit *kit, struct kit_load **out, struct vfmig_error *err)
{
	struct kit_load *load = calloc(1, sizeof(*load));

	if (load) {
		load->kit = kit;
		/*
		 * Accepts a schema of any length: for a third-party one the error is why it is
		 * refused, and not its length.
		 */
		load->slots = calloc(ABI_DS_ENTRIES_MAX, sizeof(*load->slots));
		load->entry_of = calloc(ABI_DS_ENTRIES_MAX, sizeof(*load->entry_of));
		load->arrivals = calloc(kit->entry_count, sizeof(*load->arrivals));
	}
	if (!load || !load->slots || !load->entry_of || !load->arrivals) {
		kit_load_close(load);
		return vfmig_err(err, -ENOMEM, "no memory to load a device");
	}
	abi_ds_reader_init(&load->reader, &events, load, load->slots, ABI_DS_ENTRIES_MAX);
	abi_ds_reader_init(&load->inner, &events, load, load->slots, ABI_DS_ENTRIES_MAX);
	abi_ds_reader_unwrap(&load->reader, &load->inner);
	*out = load;
	return 0;
}

void kit_load_close(struct kit_load *load)
{
	if (!load)
		return;
	free(load->slots);
	free(load->entry_of);
	free(load->arrivals);
	free(load);
}

/* Entries that were announced and have not arrived, for the message about an early END. */
static const char *missing(const struct kit_load *load)
{
	for (unsigned i = 0; i < load->kit->entry_count; i++) {
		const struct kit_entry *entry = &load->kit->entries[i];
		const struct arrival *arrival = &load->arrivals[i];

		if (arrival->announced && !arrival->here && arrival->high < entry->size)
			return entry->name;
	}
	return NULL;
}

int kit_load_write(struct kit_load *load, const void *buf, size_t len, struct vfmig_error *err)
{
	const char *why = abi_ds_reader_feed(&load->reader, buf, len);
	const char *name = why && load->reader.type == ABI_DS_END ? missing(load) : NULL;

	if (!why)
		return 0;
	return vfmig_err(err, -EINVAL, "device state refused at byte %llu: %s%s%s",
			 (unsigned long long)load->reader.bytes, why, name ? "; missing is " : "",
			 name ? name : "");
}

int kit_load_complete(struct kit_load *load, struct vfmig_error *err)
{
	if (load->reader.error)
		return kit_load_write(load, NULL, 0, err);
	if (load->reader.ended)
		return 0;
	return vfmig_err(err, -EINVAL,
			 "the device state is not complete: its END has not come in %llu bytes",
			 (unsigned long long)load->reader.bytes);
}

int kit_load_apply(struct kit_load *load, struct vfmig_error *err)
{
	struct vfmig_kit *kit = load->kit;

	pthread_mutex_lock(&kit->irq.lock);
	for (unsigned i = 0; i < kit->entry_count; i++) {
		const struct kit_entry *entry = &kit->entries[i];

		if (load->arrivals[i].here && entry->place)
			memcpy(entry->place, kit->stage + entry->stage, entry->size);
	}
	pthread_mutex_unlock(&kit->irq.lock);
	kit_config_loaded(kit);
	return kit->model->loaded ? kit->model->loaded(kit, kit->self, load->version, err) : 0;
}
