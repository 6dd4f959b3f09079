/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reading a device's state, in slices of any size.
 *
 * The reader is a row of steps. Most of them gather a known number of bytes in scratch, and then
 * act on them; one passes data on as it arrives. A step acts only on values that fit the frame,
 * the schema and the caps. So what reaches the callbacks always lies within what the schema
 * describes.
 *
 * See device_state.h, and docs/device-state.md for the format.
 */
#include "abi/device_state.h"
#include "abi/ds_names.h"
#include "abi/le.h"
#include "abi/range.h"

enum step {
	PREAMBLE,
	FRAME,	     /* a frame's header */
	SCHEMA_HEAD, /* the fixed part of the schema */
	SCHEMA_NAME, /* the model's name */
	ENTRY_HEAD,  /* the fixed part of an entry */
	ENTRY_NAME,  /* all of the entry: the fixed part is still in scratch */
	WHOLE,	     /* a whole payload that is processed as one: FIELD, ZERO, END */
	BLOCK_HEAD,  /* the fixed part of a BLOCK */
	DATA,	     /* passed on: BLOCK, OPAQUE, CHUNK */
};

struct frame_rule {
	const char *name;
	uint32_t min, max; /* payload */
	enum step step;	   /* with which the payload begins */
};

static const struct frame_rule rules[ABI_DS_END + 1] = {
	[ABI_DS_SCHEMA] = {"SCHEMA", ABI_DS_SCHEMA_FIXED + 1, ABI_DS_SCHEMA_MAX, SCHEMA_HEAD},
	[ABI_DS_FIELD] = {"FIELD", ABI_DS_FIELD_FIXED + 1, ABI_DS_FIELD_FIXED + ABI_DS_FIELD_MAX,
			  WHOLE},
	[ABI_DS_BLOCK] = {"BLOCK", ABI_DS_BLOCK_FIXED + 1, ABI_DS_FRAME_MAX, BLOCK_HEAD},
	[ABI_DS_ZERO] = {"ZERO", ABI_DS_ZERO_PAYLOAD, ABI_DS_ZERO_PAYLOAD, WHOLE},
	[ABI_DS_OPAQUE] = {"OPAQUE", 1, ABI_DS_FRAME_MAX, DATA},
	[ABI_DS_CHUNK] = {"CHUNK", 0, ABI_DS_FRAME_MAX, DATA},
	[ABI_DS_END] = {"END", ABI_DS_END_PAYLOAD, ABI_DS_END_PAYLOAD, WHOLE},
};

/* Arguments are not evaluated if there is no callback: they must not have side effects. */
#define TELL(r, event, ...)                                                                        \
	((r)->events->event && !(r)->wrapped ? (r)->events->event((r)->user, ##__VA_ARGS__) : NULL)

const char *abi_ds_frame_name(uint32_t type)
{
	return type && type <= ABI_DS_END ? rules[type].name : "?";
}

/* Gather n bytes in all, including the have bytes that are in scratch, and then take the step. */
static void gather(struct abi_ds_reader *r, enum step step, uint32_t n)
{
	r->step = (uint8_t)step;
	r->want = n;
}

static void next_frame(struct abi_ds_reader *r)
{
	r->have = 0;
	gather(r, FRAME, ABI_DS_HEADER_SIZE);
}

void abi_ds_reader_init(struct abi_ds_reader *r, const struct abi_ds_events *events, void *user,
			struct abi_ds_slot *slots, uint32_t slots_max)
{
	memset(r, 0, sizeof(*r));
	r->events = events;
	r->user = user;
	r->slots = slots;
	r->slots_max = slots_max < ABI_DS_ENTRIES_MAX ? slots_max : ABI_DS_ENTRIES_MAX;
	gather(r, PREAMBLE, ABI_DS_PREAMBLE_SIZE);
}

void abi_ds_reader_unwrap(struct abi_ds_reader *r, struct abi_ds_reader *inner)
{
	r->unwrap = inner;
}

static const char *take_preamble(struct abi_ds_reader *r)
{
	if (memcmp(r->scratch, ABI_DS_MAGIC, 8))
		return "this is not a device's state: the magic is another";
	if (abi_get16(r->scratch + 8) != ABI_DS_VERSION)
		return "the device's state is of a version that is not known here";
	if (abi_get16(r->scratch + 10) != ABI_DS_PREAMBLE_SIZE || abi_get32(r->scratch + 12))
		return "the device's state has an unknown preamble";
	next_frame(r);
	return NULL;
}

static const char *data_done(struct abi_ds_reader *r)
{
	next_frame(r);
	if (r->type != ABI_DS_CHUNK || !(r->flags & ABI_DS_CHUNK_LAST))
		return NULL;
	r->chunk_open = false;
	return TELL(r, chunk_end);
}

static const char *take_frame(struct abi_ds_reader *r)
{
	const struct frame_rule *rule;
	const char *why = NULL;

	r->frame_start = r->bytes - ABI_DS_HEADER_SIZE;
	r->type = abi_get16(r->scratch);
	r->flags = abi_get16(r->scratch + 2);
	r->left = abi_get32(r->scratch + 4);
	if (!r->type || r->type > ABI_DS_END)
		return "there is no frame of that type";
	if ((r->type == ABI_DS_SCHEMA) != (r->frames == 0))
		return r->frames ? "there is a second schema" : "the first frame is not the schema";
	rule = &rules[r->type];
	if (r->left < rule->min || r->left > rule->max)
		return "a frame has a length that its type cannot have";
	if (r->type != ABI_DS_CHUNK) {
		if (r->flags)
			return "a frame has unknown flags";
		if (r->chunk_open)
			return "a chunk was begun and not ended";
	} else {
		if (r->flags & ~(ABI_DS_CHUNK_FIRST | ABI_DS_CHUNK_LAST))
			return "a frame has unknown flags";
		if (r->chunk_open == !!(r->flags & ABI_DS_CHUNK_FIRST))
			return r->chunk_open ? "a chunk begins inside another"
					     : "a chunk goes on that was not begun";
		if (r->flags & ABI_DS_CHUNK_FIRST)
			why = TELL(r, chunk_begin);
		r->chunk_open = true;
	}
	if (why)
		return why;
	r->frames++;
	r->have = 0;
	switch (rule->step) {
	case SCHEMA_HEAD:
		gather(r, SCHEMA_HEAD, ABI_DS_SCHEMA_FIXED);
		return NULL;
	case BLOCK_HEAD:
		gather(r, BLOCK_HEAD, ABI_DS_BLOCK_FIXED);
		return NULL;
	case WHOLE:
		gather(r, WHOLE, r->left);
		return NULL;
	default:
		r->step = DATA;
		return r->left ? NULL : data_done(r);
	}
}

/* ---- The schema ----------------------------------------------------------------------------- */

static const char *next_entry(struct abi_ds_reader *r)
{
	if (r->entries_seen < r->entries) {
		if (r->left < ABI_DS_ENTRY_FIXED)
			return "the schema is too short for its entries";
		r->have = 0;
		gather(r, ENTRY_HEAD, ABI_DS_ENTRY_FIXED);
		return NULL;
	}
	if (r->left)
		return "the schema is longer than its entries";
	next_frame(r);
	return TELL(r, schema_end);
}

static const char *take_schema_head(struct abi_ds_reader *r)
{
	uint32_t name = abi_get16(r->scratch + 10);

	r->left -= ABI_DS_SCHEMA_FIXED;
	r->entries = abi_get32(r->scratch + 4);
	if (r->entries > r->slots_max)
		return "the schema has more entries than are allowed";
	if (abi_get16(r->scratch + 8))
		return "the schema has unknown flags";
	if (!name || name > ABI_DS_NAME_MAX)
		return "the schema has a name that is not of 1 to 64 bytes";
	if (name > r->left)
		return "the schema is too short for the model's name";
	gather(r, SCHEMA_NAME, ABI_DS_SCHEMA_FIXED + name);
	return NULL;
}

static const char *take_schema_name(struct abi_ds_reader *r)
{
	struct abi_ds_model m = {
		.name = (const char *)r->scratch + ABI_DS_SCHEMA_FIXED,
		.name_len = (uint8_t)(r->have - ABI_DS_SCHEMA_FIXED),
		.version = abi_get32(r->scratch),
		.entries = r->entries,
	};
	const char *why = abi_ds_bad_name(m.name, m.name_len);

	r->left -= m.name_len;
	r->wrapped = r->unwrap && m.name_len == sizeof(ABI_DS_TRANSACTIONS) - 1 &&
		     !memcmp(m.name, ABI_DS_TRANSACTIONS, m.name_len);
	if (!why && r->wrapped && r->entries)
		why = "the schema of transactions has entries";
	if (!why)
		why = TELL(r, model, &m);
	return why ? why : next_entry(r);
}

static void get_entry(const struct abi_ds_reader *r, struct abi_ds_entry *e)
{
	e->id = abi_get32(r->scratch);
	e->version = abi_get32(r->scratch + 4);
	e->size = abi_get64(r->scratch + 8);
	e->kind = r->scratch[16];
	e->name_len = r->scratch[17];
	e->flags = abi_get16(r->scratch + 18);
	e->name = (const char *)r->scratch + ABI_DS_ENTRY_FIXED;
}

static const char *take_entry_head(struct abi_ds_reader *r)
{
	struct abi_ds_entry e;
	const char *why;

	get_entry(r, &e);
	r->left -= ABI_DS_ENTRY_FIXED;
	why = abi_ds_bad_entry(&e);
	if (why)
		return why;
	if (abi_get32(r->scratch + 20))
		return "the schema has an entry with a reserved word that is not zero";
	if (r->entries_seen && e.id <= r->slots[r->entries_seen - 1].id)
		return "the schema's ids do not ascend";
	if (e.name_len > r->left)
		return "the schema is too short for its entries";
	gather(r, ENTRY_NAME, ABI_DS_ENTRY_FIXED + e.name_len);
	return NULL;
}

static const char *take_entry_name(struct abi_ds_reader *r)
{
	struct abi_ds_slot *slot = &r->slots[r->entries_seen];
	struct abi_ds_entry e;
	const char *why;

	get_entry(r, &e);
	r->left -= e.name_len;
	why = abi_ds_bad_name(e.name, e.name_len);
	if (why)
		return why;
	memset(slot, 0, sizeof(*slot));
	slot->size = e.size;
	slot->id = e.id;
	slot->kind = e.kind;
	slot->flags = (uint8_t)e.flags;
	why = TELL(r, entry, r->entries_seen, &e);
	r->entries_seen++;
	return why ? why : next_entry(r);
}

/* ---- What the schema named ------------------------------------------------------------------ */

/* The slot of an id, by halving, into r->index. */
static struct abi_ds_slot *find(struct abi_ds_reader *r, uint32_t id)
{
	uint32_t low = 0, high = r->entries;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (r->slots[mid].id == id) {
			r->index = mid;
			return &r->slots[mid];
		}
		if (r->slots[mid].id < id)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

static const char *take_field(struct abi_ds_reader *r)
{
	struct abi_ds_slot *slot = find(r, abi_get32(r->scratch));

	if (!slot || slot->kind != ABI_DS_KIND_FIELD)
		return "a FIELD names no field of the schema";
	if (r->have - ABI_DS_FIELD_FIXED != slot->size)
		return "a FIELD has another size than the schema says";
	if (slot->seen)
		return "a FIELD comes twice";
	slot->seen = 1;
	return TELL(r, field, r->index, r->scratch + ABI_DS_FIELD_FIXED, (size_t)slot->size);
}

/* The common part of BLOCK and ZERO: the block, the offset and the length. */
static const char *take_place(struct abi_ds_reader *r, uint64_t length)
{
	struct abi_ds_slot *slot = find(r, abi_get32(r->scratch));

	r->offset = abi_get64(r->scratch + 8);
	if (!slot || slot->kind != ABI_DS_KIND_BLOCK)
		return "a BLOCK or ZERO names no block of the schema";
	if (abi_get32(r->scratch + 4))
		return "a BLOCK or ZERO has a reserved word that is not zero";
	if (!length)
		return "a ZERO is about no bytes";
	if (r->offset > slot->size || length > slot->size - r->offset)
		return "a BLOCK or ZERO leaves its block";
	/*
	 * Bytes come in order the first time and in any order later: so one number records what
	 * has arrived.
	 */
	if (r->offset > slot->covered)
		return "a BLOCK or ZERO leaves a gap before it";
	slot->seen = 1;
	if (abi_sum(r->offset, length) > slot->covered)
		slot->covered = r->offset + length;
	return NULL;
}

static const char *take_zero(struct abi_ds_reader *r)
{
	uint64_t length = abi_get64(r->scratch + ABI_DS_BLOCK_FIXED);
	const char *why = take_place(r, length);

	return why ? why : TELL(r, zero, r->index, r->offset, length);
}

static const char *take_end(struct abi_ds_reader *r)
{
	if (abi_get64(r->scratch) != r->frames - 1)
		return "END counts another number of frames";
	if (abi_get64(r->scratch + 8) != r->frame_start)
		return "END counts another number of bytes";
	for (uint32_t i = 0; i < r->entries; i++) {
		const struct abi_ds_slot *slot = &r->slots[i];

		if (!slot->seen) {
			if (slot->flags & ABI_DS_ENTRY_OPTIONAL)
				continue;
			return "END comes before all that the schema announced";
		}
		if (slot->kind == ABI_DS_KIND_BLOCK && slot->covered < slot->size)
			return "END comes before all of a block";
	}
	if (r->wrapped && !r->unwrap->ended)
		return "the transactions end before the state in them does";
	r->ended = true;
	return TELL(r, end);
}

static const char *take_whole(struct abi_ds_reader *r)
{
	const char *why;

	if (r->type == ABI_DS_FIELD)
		why = take_field(r);
	else if (r->type == ABI_DS_ZERO)
		why = take_zero(r);
	else
		why = take_end(r);
	next_frame(r);
	return why;
}

static const char *take_block_head(struct abi_ds_reader *r)
{
	r->left -= ABI_DS_BLOCK_FIXED;
	r->step = DATA;
	return take_place(r, r->left);
}

/* ---- Feeding -------------------------------------------------------------------------------- */

static const char *take(struct abi_ds_reader *r)
{
	switch (r->step) {
	case PREAMBLE:
		return take_preamble(r);
	case FRAME:
		return take_frame(r);
	case SCHEMA_HEAD:
		return take_schema_head(r);
	case SCHEMA_NAME:
		return take_schema_name(r);
	case ENTRY_HEAD:
		return take_entry_head(r);
	case ENTRY_NAME:
		return take_entry_name(r);
	case BLOCK_HEAD:
		return take_block_head(r);
	default:
		return take_whole(r);
	}
}

static const char *let_through(struct abi_ds_reader *r, const uint8_t *data, uint32_t n)
{
	const char *why;

	if (r->type == ABI_DS_BLOCK)
		why = TELL(r, block, r->index, r->offset, data, (size_t)n);
	else if (r->wrapped)
		why = r->type == ABI_DS_CHUNK ? abi_ds_reader_feed(r->unwrap, data, n)
					      : "there is opaque data among transactions";
	else if (r->type == ABI_DS_OPAQUE)
		why = TELL(r, opaque, data, (size_t)n);
	else
		why = TELL(r, chunk, data, (size_t)n);
	r->offset += n;
	r->left -= n;
	if (why)
		return why;
	return r->left ? NULL : data_done(r);
}

uint32_t abi_ds_reader_want(const struct abi_ds_reader *r)
{
	return r->step == DATA ? r->left : r->want - r->have;
}

const char *abi_ds_reader_feed(struct abi_ds_reader *r, const void *data, size_t len)
{
	const uint8_t *from = data;

	while (len && !r->error) {
		uint32_t capacity = abi_ds_reader_want(r);
		uint32_t n = len < capacity ? (uint32_t)len : capacity;

		r->bytes += n;
		if (r->ended) {
			r->error = "there are bytes behind END";
		} else if (r->step == DATA) {
			r->error = let_through(r, from, n);
		} else {
			memcpy(r->scratch + r->have, from, n);
			r->have += n;
			if (r->have == r->want)
				r->error = take(r);
		}
		from += n;
		len -= n;
	}
	return r->error;
}

const char *abi_ds_reader_finish(struct abi_ds_reader *r)
{
	if (!r->error && !r->ended)
		r->error = "the device's state ends before its END";
	return r->error;
}
