/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The reader of a device's state. The first byte says how the rest is cut; cut so, and in one piece,
 * it must be taken for the same thing, or be refused for the same reason at the same event. What
 * reaches the callbacks is within the schema. If the second byte is odd the preamble is put in front,
 * so that most inputs get past it.
 */
#include "abi/device_state.h"
#include "fuzz/property.h"

struct ear {
	uint64_t hash;
	uint32_t entries;
	bool open, ended;
	struct {
		uint64_t size;
		uint8_t kind;
	} entry[ABI_DS_ENTRIES_MAX];
};

static void mix(struct ear *e, uint64_t v)
{
	e->hash = (e->hash ^ v) * 1099511628211ULL;
}

static void mix_bytes(struct ear *e, const void *data, size_t len)
{
	const uint8_t *b = data;

	for (size_t i = 0; i < len; i++)
		mix(e, b[i]);
}

static const char *on_model(void *user, const struct abi_ds_model *m)
{
	struct ear *e = user;

	HOLDS(!e->ended && m->name_len && m->name_len <= ABI_DS_NAME_MAX);
	HOLDS(m->entries <= ABI_DS_ENTRIES_MAX);
	mix_bytes(e, m->name, m->name_len);
	return NULL;
}

static const char *on_entry(void *user, uint32_t index, const struct abi_ds_entry *x)
{
	struct ear *e = user;

	HOLDS(index == e->entries && index < ABI_DS_ENTRIES_MAX && x->size);
	e->entry[index].size = x->size;
	e->entry[index].kind = x->kind;
	e->entries++;
	mix_bytes(e, x->name, x->name_len);
	return NULL;
}

static const char *on_field(void *user, uint32_t index, const void *value, size_t size)
{
	struct ear *e = user;

	HOLDS(index < e->entries && e->entry[index].kind == ABI_DS_KIND_FIELD);
	HOLDS(size == e->entry[index].size && size <= ABI_DS_FIELD_MAX);
	mix(e, index);
	mix_bytes(e, value, size);
	return NULL;
}

static const char *on_zero(void *user, uint32_t index, uint64_t offset, uint64_t len)
{
	struct ear *e = user;

	HOLDS(index < e->entries && e->entry[index].kind == ABI_DS_KIND_BLOCK && len);
	HOLDS(offset <= e->entry[index].size && len <= e->entry[index].size - offset);
	mix(e, offset);
	mix(e, len);
	return NULL;
}

static const char *on_block(void *user, uint32_t index, uint64_t offset, const void *data,
			    size_t len)
{
	struct ear *e = user;
	const uint8_t *b = data;

	HOLDS(index < e->entries && e->entry[index].kind == ABI_DS_KIND_BLOCK && len);
	HOLDS(offset <= e->entry[index].size && len <= e->entry[index].size - offset);
	for (size_t i = 0; i < len; i++) {
		mix(e, offset + i);
		mix(e, b[i]);
	}
	return NULL;
}

static const char *on_opaque(void *user, const void *data, size_t len)
{
	mix_bytes(user, data, len);
	return NULL;
}

static const char *on_chunk_begin(void *user)
{
	struct ear *e = user;

	HOLDS(!e->open);
	e->open = true;
	mix(e, 1001);
	return NULL;
}

static const char *on_chunk(void *user, const void *data, size_t len)
{
	struct ear *e = user;

	HOLDS(e->open);
	mix_bytes(e, data, len);
	return NULL;
}

static const char *on_chunk_end(void *user)
{
	struct ear *e = user;

	HOLDS(e->open);
	e->open = false;
	mix(e, 1002);
	return NULL;
}

static const char *on_end(void *user)
{
	struct ear *e = user;

	HOLDS(!e->open && !e->ended);
	e->ended = true;
	return NULL;
}

static const struct abi_ds_events events = {
	.model = on_model,
	.entry = on_entry,
	.field = on_field,
	.block = on_block,
	.zero = on_zero,
	.opaque = on_opaque,
	.chunk_begin = on_chunk_begin,
	.chunk = on_chunk,
	.chunk_end = on_chunk_end,
	.end = on_end,
};

static const char *listen(const uint8_t *data, size_t size, size_t slice, bool preamble,
			  struct ear *e)
{
	static struct abi_ds_slot slots[ABI_DS_ENTRIES_MAX];
	struct abi_ds_reader r;
	struct abi_ds_writer w = {0};
	uint8_t front[ABI_DS_PREAMBLE_SIZE];
	const char *why;

	memset(e, 0,
	       offsetof(struct ear, entry)); /* the rest is long, and written before it is read */
	abi_ds_reader_init(&r, &events, e, slots, ABI_DS_ENTRIES_MAX);
	if (preamble) {
		abi_ds_put_preamble(&w, front, sizeof(front));
		HOLDS(!abi_ds_reader_feed(&r, front, sizeof(front)));
	}
	for (size_t at = 0; at < size; at += slice)
		abi_ds_reader_feed(&r, data + at, size - at < slice ? size - at : slice);
	HOLDS(r.bytes <= size + sizeof(front));
	why = abi_ds_reader_finish(&r);
	HOLDS(why || e->ended);
	return why;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct ear whole, cut;
	size_t slice;
	bool preamble;
	const char *why;

	if (size < 2)
		return 0;
	slice = data[0] ? data[0] : 1;
	preamble = data[1] & 1;
	data += 2;
	size -= 2;
	why = listen(data, size, size ? size : 1, preamble, &whole);
	HOLDS(why == listen(data, size, slice, preamble, &cut));
	HOLDS(whole.hash == cut.hash && whole.entries == cut.entries && whole.open == cut.open &&
	      whole.ended == cut.ended);
	return 0;
}
