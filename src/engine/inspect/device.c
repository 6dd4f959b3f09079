/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Inspecting a device's data: names and values, as far as the data describes itself.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/inspect/inspect.h"

static const char *on_model(void *user, const struct abi_ds_model *model)
{
	struct inspect_device *seen = user;
	char name[ABI_DS_NAME_MAX + 1];

	snprintf(name, sizeof(name), "%.*s", (int)model->name_len, model->name);
	vfmig_event(seen->to, "model", VFMIG_TEXT("device", seen->id), VFMIG_TEXT("model", name),
		    VFMIG_U64("version", model->version));
	return NULL;
}

static const char *on_entry(void *user, uint32_t index, const struct abi_ds_entry *entry)
{
	struct inspect_device *seen = user;
	struct inspect_device_entry *at;

	if (seen->count == seen->capacity) {
		uint32_t capacity = seen->capacity ? seen->capacity * 2 : 32;

		at = realloc(seen->entries, capacity * sizeof(*at));
		if (!at) {
			seen->no_memory = true;
			return "there is no memory for the schema";
		}
		seen->entries = at;
		seen->capacity = capacity;
	}
	at = &seen->entries[seen->count++];
	*at = (struct inspect_device_entry){
		.version = entry->version, .kind = entry->kind, .size = entry->size};
	snprintf(at->name, sizeof(at->name), "%.*s", (int)entry->name_len, entry->name);
	return NULL;
}

static const char *on_field(void *user, uint32_t index, const void *value, size_t size)
{
	struct inspect_device *seen = user;
	const struct inspect_device_entry *entry = &seen->entries[index];
	char hex[2 * ABI_DS_FIELD_MAX + 1];
	const uint8_t *bytes = value;

	for (size_t i = 0; i < size; i++)
		snprintf(hex + 2 * i, 3, "%02x", bytes[size <= 8 ? size - 1 - i : i]);
	vfmig_event(seen->to, "field", VFMIG_TEXT("device", seen->id),
		    VFMIG_TEXT("name", entry->name), VFMIG_U64("size", size),
		    VFMIG_U64("version", entry->version), VFMIG_TEXT("value", hex));
	return NULL;
}

static const char *on_block(void *user, uint32_t index, uint64_t offset, const void *data,
			    size_t len)
{
	((struct inspect_device *)user)->entries[index].bytes += len;
	return NULL;
}

static const char *on_zero(void *user, uint32_t index, uint64_t offset, uint64_t len)
{
	((struct inspect_device *)user)->entries[index].bytes += len;
	return NULL;
}

static const char *on_opaque(void *user, const void *data, size_t len)
{
	((struct inspect_device *)user)->opaque_bytes += len;
	return NULL;
}

static const struct abi_ds_events events = {
	.model = on_model,
	.entry = on_entry,
	.field = on_field,
	.block = on_block,
	.zero = on_zero,
	.opaque = on_opaque,
	.chunk = on_opaque,
};

static bool begin(struct inspect_device *seen)
{
	seen->begun = true;
	seen->slots = calloc(ABI_DS_ENTRIES_MAX, sizeof(*seen->slots));
	if (!seen->slots) {
		seen->opaque = seen->no_memory = true;
		return false;
	}
	abi_ds_reader_init(&seen->reader, &events, seen, seen->slots, ABI_DS_ENTRIES_MAX);
	return true;
}

static void refused(struct inspect_device *seen, const char *why)
{
	/* No part of it was decoded: it is another kind of data, and no error. */
	if (seen->reader.bytes <= ABI_DS_PREAMBLE_SIZE && !seen->reader.frames) {
		seen->opaque = true;
		return;
	}
	seen->broken = true;
	vfmig_event(seen->to, "problem", VFMIG_TEXT("device", seen->id),
		    VFMIG_U64("at", seen->reader.bytes), VFMIG_TEXT("message", why));
}

void inspect_device_feed(struct inspect_device *seen, const void *data, size_t len)
{
	const char *why;

	seen->bytes += len;
	if (seen->opaque || seen->broken || (!seen->begun && !begin(seen)))
		return;
	why = abi_ds_reader_feed(&seen->reader, data, len);
	if (why)
		refused(seen, why);
}

bool inspect_device_finish(struct inspect_device *seen)
{
	const char *why = NULL;

	if (!seen->begun && seen->bytes)
		seen->opaque = true;
	if (seen->begun && !seen->opaque && !seen->broken)
		why = abi_ds_reader_finish(&seen->reader);
	if (why)
		refused(seen, why);
	if (seen->opaque)
		seen->opaque_bytes = seen->bytes;
	for (uint32_t i = 0; i < seen->count; i++) {
		const struct inspect_device_entry *entry = &seen->entries[i];

		if (entry->kind == ABI_DS_KIND_BLOCK)
			vfmig_event(seen->to, "block", VFMIG_TEXT("device", seen->id),
				    VFMIG_TEXT("name", entry->name), VFMIG_U64("size", entry->size),
				    VFMIG_U64("version", entry->version),
				    VFMIG_U64("bytes", entry->bytes));
	}
	if (seen->opaque_bytes)
		vfmig_event(seen->to, "opaque", VFMIG_TEXT("device", seen->id),
			    VFMIG_U64("bytes", seen->opaque_bytes));
	return !seen->opaque && !seen->broken;
}

void inspect_device_free(struct inspect_device *seen)
{
	free(seen->slots);
	free(seen->entries);
}
