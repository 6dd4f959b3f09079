/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A device's state with everything in it, and a world into which a reader's events are played.
 *
 * The world checks what the reader promises: nothing reaches it that the schema does not allow.
 */
#ifndef VFMIG_TESTS_ABI_STATE_SAMPLE_H
#define VFMIG_TESTS_ABI_STATE_SAMPLE_H

#include "abi/device_state.h"
#include "abi/le.h"
#include "tests/abi/refused.h"

#define BLOCK_SIZE 5000U
#define NOTE_SIZE  40U

static const struct abi_ds_entry sample_entries[] = {
	{.id = 1,
	 .version = 1,
	 .size = 4,
	 .kind = ABI_DS_KIND_FIELD,
	 .name_len = 7,
	 .flags = 0,
	 .name = "control"},
	{.id = 2,
	 .version = 3,
	 .size = 16,
	 .kind = ABI_DS_KIND_FIELD,
	 .name_len = 4,
	 .flags = 0,
	 .name = "ring"},
	{.id = 7,
	 .version = 1,
	 .size = BLOCK_SIZE,
	 .kind = ABI_DS_KIND_BLOCK,
	 .name_len = 6,
	 .flags = 0,
	 .name = "memory"},
	{.id = 9,
	 .version = 1,
	 .size = NOTE_SIZE,
	 .kind = ABI_DS_KIND_BLOCK,
	 .name_len = 4,
	 .flags = ABI_DS_ENTRY_OPTIONAL,
	 .name = "note"},
	{.id = 4000000000,
	 .version = 1,
	 .size = 8,
	 .kind = ABI_DS_KIND_FIELD,
	 .name_len = 5,
	 .flags = ABI_DS_ENTRY_OPTIONAL,
	 .name = "later"},
};
#define SAMPLE_ENTRIES 5U

static const struct abi_ds_model sample_model = {
	.name = "sample", .name_len = 6, .version = 2, .entries = SAMPLE_ENTRIES};

/* Where frames begin in a stream that is being built. */
struct sample {
	struct abi_ds_writer w;
	uint8_t bytes[32768];
	size_t len;
	size_t frame[64];
	size_t frames;
};

#define PUT(s, call)                                                                               \
	do {                                                                                       \
		uint8_t *buf = (s)->bytes + (s)->len;                                              \
		size_t cap = sizeof((s)->bytes) - (s)->len, n;                                     \
                                                                                                   \
		(s)->frame[(s)->frames++] = (s)->len;                                              \
		n = (call);                                                                        \
		CHECK(n > 0);                                                                      \
		(s)->len += n;                                                                     \
	} while (0)

static inline void sample_data(struct sample *s, uint8_t first, size_t len)
{
	for (size_t i = 0; i < len; i++)
		s->bytes[s->len++] = (uint8_t)(first + i * 7);
}

/* Preamble and schema; frame[0] is the preamble. */
static inline void sample_begin(struct sample *s)
{
	memset(s, 0, sizeof(*s));
	PUT(s, abi_ds_put_preamble(&s->w, buf, cap));
	PUT(s, abi_ds_put_schema(&s->w, buf, cap, &sample_model, sample_entries));
}

static inline void sample_block(struct sample *s, uint32_t id, uint64_t offset, size_t len,
				uint8_t first)
{
	PUT(s, abi_ds_put_block_header(&s->w, buf, cap, id, offset, len));
	sample_data(s, first, len);
}

static inline void sample_chunk(struct sample *s, uint16_t flags, size_t len, uint8_t first)
{
	PUT(s, abi_ds_put_chunk_header(&s->w, buf, cap, flags, len));
	sample_data(s, first, len);
}

static inline void sample_fields(struct sample *s)
{
	PUT(s, abi_ds_put_field(&s->w, buf, cap, 1, "\1\2\3\4", 4));
	PUT(s, abi_ds_put_field(&s->w, buf, cap, 2, "0123456789abcdef", 16));
}

static inline void sample_all(struct sample *s)
{
	sample_begin(s);
	sample_block(s, 7, 0, 3000, 1);
	PUT(s, abi_ds_put_zero(&s->w, buf, cap, 7, 3000, 2000));
	sample_block(s, 7, 2990, 30, 2); /* later overrides earlier */
	PUT(s, abi_ds_put_zero(&s->w, buf, cap, 7, 10, 5));
	PUT(s, abi_ds_put_opaque_header(&s->w, buf, cap, 33));
	sample_data(s, 3, 33);
	sample_chunk(s, ABI_DS_CHUNK_FIRST | ABI_DS_CHUNK_LAST, 20, 4);
	sample_chunk(s, ABI_DS_CHUNK_FIRST, 5, 5);
	sample_chunk(s, 0, 6, 6);
	sample_chunk(s, ABI_DS_CHUNK_LAST, 7, 7);
	sample_chunk(s, ABI_DS_CHUNK_FIRST | ABI_DS_CHUNK_LAST, 0, 0);
	sample_fields(s);
	sample_block(s, 9, 0, NOTE_SIZE, 8);
	PUT(s, abi_ds_put_opaque_header(&s->w, buf, cap, 1));
	sample_data(s, 9, 1);
	PUT(s, abi_ds_put_end(&s->w, buf, cap));
	CHECK_EQ(s->w.bytes, s->len);
	CHECK_EQ(s->w.frames, s->frames - 1);
}

/* What the events made. Two worlds are equal if their bytes are. */
struct world {
	char names[256];
	uint8_t control[4], ring[16], later[8];
	uint8_t memory[BLOCK_SIZE], note[NOTE_SIZE];
	uint8_t opaque[64], chunks[128];
	size_t opaque_len, chunks_len, chunk_len[16];
	uint32_t n_chunks, entries, schema_ends, ends;
	bool open;
};

static inline void world_name(struct world *w, const char *name, size_t len)
{
	size_t at = strlen(w->names);

	if (at + len + 2 < sizeof(w->names)) {
		memcpy(w->names + at, name, len);
		w->names[at + len] = ' ';
	}
}

static inline const char *world_model(void *user, const struct abi_ds_model *m)
{
	CHECK(m->name_len >= 1 && m->name_len <= ABI_DS_NAME_MAX);
	world_name(user, m->name, m->name_len);
	return NULL;
}

static inline const char *world_entry(void *user, uint32_t index, const struct abi_ds_entry *e)
{
	struct world *w = user;

	CHECK_EQ(index, w->entries);
	w->entries++;
	world_name(w, e->name, e->name_len);
	/* A schema that was damaged into another one is not this device's. */
	if (index >= SAMPLE_ENTRIES || e->id != sample_entries[index].id ||
	    e->size != sample_entries[index].size || e->kind != sample_entries[index].kind)
		return "this is not the sample's schema";
	return NULL;
}

static inline const char *world_schema_end(void *user)
{
	struct world *w = user;

	w->schema_ends++;
	return w->entries == SAMPLE_ENTRIES ? NULL : "this is not the sample's schema";
}

static inline const char *world_field(void *user, uint32_t index, const void *value, size_t size)
{
	struct world *w = user;
	uint8_t *to = index == 0 ? w->control : index == 1 ? w->ring : w->later;

	CHECK(index < SAMPLE_ENTRIES && sample_entries[index].kind == ABI_DS_KIND_FIELD);
	CHECK_EQ(size, sample_entries[index].size);
	memcpy(to, value, size);
	return NULL;
}

static inline uint8_t *world_place(struct world *w, uint32_t index, uint64_t offset, uint64_t len)
{
	CHECK(index < SAMPLE_ENTRIES && sample_entries[index].kind == ABI_DS_KIND_BLOCK);
	CHECK(offset <= sample_entries[index].size);
	CHECK(len && len <= sample_entries[index].size - offset);
	return (index == 2 ? w->memory : w->note) + offset;
}

static inline const char *world_block(void *user, uint32_t index, uint64_t offset, const void *data,
				      size_t len)
{
	memcpy(world_place(user, index, offset, len), data, len);
	return NULL;
}

static inline const char *world_zero(void *user, uint32_t index, uint64_t offset, uint64_t len)
{
	memset(world_place(user, index, offset, len), 0, len);
	return NULL;
}

static inline void world_append(uint8_t *to, size_t max, size_t *at, const void *data, size_t len)
{
	size_t n = *at < max ? max - *at : 0;

	memcpy(to + *at, data, len < n ? len : n);
	*at += len < n ? len : n;
}

static inline const char *world_opaque(void *user, const void *data, size_t len)
{
	struct world *w = user;

	CHECK(len);
	world_append(w->opaque, sizeof(w->opaque), &w->opaque_len, data, len);
	return NULL;
}

static inline const char *world_chunk_begin(void *user)
{
	struct world *w = user;

	CHECK(!w->open);
	w->open = true;
	return NULL;
}

static inline const char *world_chunk(void *user, const void *data, size_t len)
{
	struct world *w = user;

	CHECK(w->open && len);
	world_append(w->chunks, sizeof(w->chunks), &w->chunks_len, data, len);
	w->chunk_len[w->n_chunks] += len;
	return NULL;
}

static inline const char *world_chunk_end(void *user)
{
	struct world *w = user;

	CHECK(w->open);
	w->open = false;
	if (w->n_chunks < 15)
		w->n_chunks++;
	return NULL;
}

static inline const char *world_end(void *user)
{
	struct world *w = user;

	w->ends++;
	return NULL;
}

static const struct abi_ds_events world_events = {
	.model = world_model,
	.entry = world_entry,
	.schema_end = world_schema_end,
	.field = world_field,
	.block = world_block,
	.zero = world_zero,
	.opaque = world_opaque,
	.chunk_begin = world_chunk_begin,
	.chunk = world_chunk,
	.chunk_end = world_chunk_end,
	.end = world_end,
};

/* Play len bytes, cut every `slice` bytes, into a new world. Returns the refusal. */
static inline const char *play(const uint8_t *bytes, size_t len, size_t slice, struct world *w)
{
	static struct abi_ds_slot slots[ABI_DS_ENTRIES_MAX];
	static struct abi_ds_reader r;

	memset(w, 0, sizeof(*w));
	abi_ds_reader_init(&r, &world_events, w, slots, ABI_DS_ENTRIES_MAX);
	for (size_t at = 0; at < len; at += slice) {
		size_t n = len - at < slice ? len - at : slice;
		const char *why = abi_ds_reader_feed(&r, bytes + at, n);

		CHECK(why == r.error);
		if (why) {
			CHECK(abi_ds_reader_feed(&r, bytes, 1) == why); /* it stays refused */
			CHECK(r.bytes <= len);
			return why;
		}
		CHECK_EQ(r.bytes, at + n);
	}
	return abi_ds_reader_finish(&r);
}

#endif
