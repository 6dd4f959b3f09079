/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Writing a device's state: each function makes one frame, and counts it for END.
 *
 * See device_state.h, and docs/device-state.md for the format.
 */
#include "abi/device_state.h"
#include "abi/ds_names.h"
#include "abi/le.h"

static uint8_t *put_header(void *buf, uint16_t type, uint16_t flags, size_t payload)
{
	uint8_t *bytes = buf;

	abi_put16(bytes, type);
	abi_put16(bytes + 2, flags);
	abi_put32(bytes + 4, (uint32_t)payload);
	return bytes + ABI_DS_HEADER_SIZE;
}

/* Counts a frame of which `written` bytes are in the buffer; the caller adds `follow` bytes. */
static size_t count(struct abi_ds_writer *w, size_t written, size_t follow)
{
	w->frames++;
	w->bytes += written + follow;
	return written;
}

size_t abi_ds_put_preamble(struct abi_ds_writer *w, void *buf, size_t cap)
{
	uint8_t *bytes = buf;

	if (cap < ABI_DS_PREAMBLE_SIZE)
		return 0;
	memcpy(bytes, ABI_DS_MAGIC, 8);
	abi_put16(bytes + 8, ABI_DS_VERSION);
	abi_put16(bytes + 10, ABI_DS_PREAMBLE_SIZE);
	abi_put32(bytes + 12, 0);
	w->bytes += ABI_DS_PREAMBLE_SIZE;
	return ABI_DS_PREAMBLE_SIZE;
}

size_t abi_ds_schema_size(const struct abi_ds_model *model, const struct abi_ds_entry *entries)
{
	size_t size = ABI_DS_SCHEMA_FIXED + model->name_len;

	if (model->entries > ABI_DS_ENTRIES_MAX || abi_ds_bad_name(model->name, model->name_len))
		return 0;
	for (uint32_t i = 0; i < model->entries; i++) {
		const struct abi_ds_entry *e = &entries[i];

		if (abi_ds_bad_entry(e) || abi_ds_bad_name(e->name, e->name_len) ||
		    (i && e->id <= entries[i - 1].id))
			return 0;
		size += ABI_DS_ENTRY_FIXED + e->name_len;
	}
	return size > ABI_DS_SCHEMA_MAX ? 0 : ABI_DS_HEADER_SIZE + size;
}

size_t abi_ds_put_schema(struct abi_ds_writer *w, void *buf, size_t cap,
			 const struct abi_ds_model *model, const struct abi_ds_entry *entries)
{
	size_t size = abi_ds_schema_size(model, entries);
	uint8_t *at;

	if (!size || cap < size)
		return 0;
	at = put_header(buf, ABI_DS_SCHEMA, 0, size - ABI_DS_HEADER_SIZE);
	abi_put32(at, model->version);
	abi_put32(at + 4, model->entries);
	abi_put16(at + 8, 0);
	abi_put16(at + 10, model->name_len);
	at += ABI_DS_SCHEMA_FIXED;
	memcpy(at, model->name, model->name_len);
	at += model->name_len;
	for (uint32_t i = 0; i < model->entries; i++) {
		const struct abi_ds_entry *e = &entries[i];

		abi_put32(at, e->id);
		abi_put32(at + 4, e->version);
		abi_put64(at + 8, e->size);
		at[16] = e->kind;
		at[17] = e->name_len;
		abi_put16(at + 18, e->flags);
		abi_put32(at + 20, 0);
		at += ABI_DS_ENTRY_FIXED;
		memcpy(at, e->name, e->name_len);
		at += e->name_len;
	}
	return count(w, size, 0);
}

size_t abi_ds_put_field(struct abi_ds_writer *w, void *buf, size_t cap, uint32_t id,
			const void *value, size_t size)
{
	size_t all = ABI_DS_HEADER_SIZE + ABI_DS_FIELD_FIXED + size;
	uint8_t *at;

	if (!size || size > ABI_DS_FIELD_MAX || cap < all)
		return 0;
	at = put_header(buf, ABI_DS_FIELD, 0, ABI_DS_FIELD_FIXED + size);
	abi_put32(at, id);
	memcpy(at + ABI_DS_FIELD_FIXED, value, size);
	return count(w, all, 0);
}

static uint8_t *put_place(uint8_t *at, uint32_t id, uint64_t offset)
{
	abi_put32(at, id);
	abi_put32(at + 4, 0);
	abi_put64(at + 8, offset);
	return at + ABI_DS_BLOCK_FIXED;
}

size_t abi_ds_put_block_header(struct abi_ds_writer *w, void *buf, size_t cap, uint32_t id,
			       uint64_t offset, size_t data_len)
{
	size_t all = ABI_DS_HEADER_SIZE + ABI_DS_BLOCK_FIXED;

	if (!data_len || data_len > ABI_DS_BLOCK_DATA_MAX || cap < all)
		return 0;
	put_place(put_header(buf, ABI_DS_BLOCK, 0, ABI_DS_BLOCK_FIXED + data_len), id, offset);
	return count(w, all, data_len);
}

size_t abi_ds_put_zero(struct abi_ds_writer *w, void *buf, size_t cap, uint32_t id, uint64_t offset,
		       uint64_t length)
{
	size_t all = ABI_DS_HEADER_SIZE + ABI_DS_ZERO_PAYLOAD;
	uint8_t *at;

	if (!length || cap < all)
		return 0;
	at = put_place(put_header(buf, ABI_DS_ZERO, 0, ABI_DS_ZERO_PAYLOAD), id, offset);
	abi_put64(at, length);
	return count(w, all, 0);
}

size_t abi_ds_put_opaque_header(struct abi_ds_writer *w, void *buf, size_t cap, size_t data_len)
{
	if (!data_len || data_len > ABI_DS_FRAME_MAX || cap < ABI_DS_HEADER_SIZE)
		return 0;
	put_header(buf, ABI_DS_OPAQUE, 0, data_len);
	return count(w, ABI_DS_HEADER_SIZE, data_len);
}

size_t abi_ds_put_chunk_header(struct abi_ds_writer *w, void *buf, size_t cap, uint16_t flags,
			       size_t data_len)
{
	if (data_len > ABI_DS_FRAME_MAX || cap < ABI_DS_HEADER_SIZE ||
	    (flags & ~(ABI_DS_CHUNK_FIRST | ABI_DS_CHUNK_LAST)))
		return 0;
	put_header(buf, ABI_DS_CHUNK, flags, data_len);
	return count(w, ABI_DS_HEADER_SIZE, data_len);
}

size_t abi_ds_put_end(struct abi_ds_writer *w, void *buf, size_t cap)
{
	size_t all = ABI_DS_HEADER_SIZE + ABI_DS_END_PAYLOAD;
	uint8_t *at;

	if (cap < all)
		return 0;
	at = put_header(buf, ABI_DS_END, 0, ABI_DS_END_PAYLOAD);
	abi_put64(at, w->frames);
	abi_put64(at + 8, w->bytes);
	return count(w, all, 0);
}
