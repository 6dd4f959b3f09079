/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The encoding of one device's state: first a description of the content (a schema), then the
 * content (frames).
 *
 * docs/device-state.md is the specification. In short: 16 bytes of preamble; the SCHEMA frame;
 * then in any order FIELD, BLOCK, ZERO, OPAQUE and CHUNK; END once, last. Each frame is 8 bytes of
 * header (type, flags, length) and a payload.
 *
 * The bytes travel as chunks of a data session, and may be cut anew on the way. The reader accepts
 * any slicing and checks each byte as it arrives, before the state behind it. It never needs the
 * whole stream and allocates nothing. Its first refusal names the error and the byte.
 *
 * In pre-copy, later frames override earlier ones (blocks and opaque data); a field comes once.
 * The first time, a block's bytes come in order, so that a gap is detected where it is.
 */
#ifndef ABI_DEVICE_STATE_H
#define ABI_DEVICE_STATE_H

#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>

#define ABI_DS_MAGIC	     "vfmigdev" /* 8 bytes, no NUL */
#define ABI_DS_VERSION	     1U
#define ABI_DS_PREAMBLE_SIZE 16U
#define ABI_DS_HEADER_SIZE   8U /* of a frame */

/*
 * The model name of a stream that has the transactions of a v1 or pfn device instead of a model's
 * state: without entries, each transaction a CHUNK. The transactions may contain a model's state
 * again.
 */
#define ABI_DS_TRANSACTIONS "vfio.transactions"

/* Caps. A reader refuses larger values; a writer cannot produce them. */
#define ABI_DS_FRAME_MAX   (1U << 20)	/* payload of a frame */
#define ABI_DS_SCHEMA_MAX  (256U << 10) /* payload of the schema */
#define ABI_DS_ENTRIES_MAX 4096U
#define ABI_DS_NAME_MAX	   64U	 /* bytes of a name, without NUL */
#define ABI_DS_FIELD_MAX   1024U /* bytes of a field; larger things are blocks */

/* Sizes of the parts before the data. */
#define ABI_DS_SCHEMA_FIXED   12U /* u32 model version, u32 entries, u16 flags, u16 name length */
#define ABI_DS_ENTRY_FIXED    24U
#define ABI_DS_FIELD_FIXED    4U  /* u32 id */
#define ABI_DS_BLOCK_FIXED    16U /* u32 id, u32 zero, u64 offset */
#define ABI_DS_ZERO_PAYLOAD   24U /* the same, u64 length */
#define ABI_DS_END_PAYLOAD    16U /* u64 frames, u64 bytes before this frame */
#define ABI_DS_BLOCK_DATA_MAX (ABI_DS_FRAME_MAX - ABI_DS_BLOCK_FIXED)

enum abi_ds_frame {
	ABI_DS_SCHEMA = 1,
	ABI_DS_FIELD = 2,  /* the value of a field */
	ABI_DS_BLOCK = 3,  /* bytes of a block */
	ABI_DS_ZERO = 4,   /* a run of zeros of a block */
	ABI_DS_OPAQUE = 5, /* bytes from the model's own save function */
	ABI_DS_CHUNK = 6,  /* a piece of a transaction whose boundaries must survive */
	ABI_DS_END = 7,
};

/* Flags of a CHUNK frame; every other frame has none. */
#define ABI_DS_CHUNK_FIRST 1U
#define ABI_DS_CHUNK_LAST  2U

enum abi_ds_kind {
	ABI_DS_KIND_FIELD = 1,
	ABI_DS_KIND_BLOCK = 2,
};

/* Flags of a schema entry. */
#define ABI_DS_ENTRY_OPTIONAL 1U /* the stream may end without it */

/* One entry of the schema. name is not NUL terminated when the reader gives it. */
struct abi_ds_entry {
	uint32_t id;	  /* ascending in the schema */
	uint32_t version; /* of this entry, the model's to give and to judge */
	uint64_t size;	  /* bytes; a field's 1 to ABI_DS_FIELD_MAX, a block's at least 1 */
	uint8_t kind;	  /* enum abi_ds_kind */
	uint8_t name_len; /* 1 to ABI_DS_NAME_MAX */
	uint16_t flags;	  /* ABI_DS_ENTRY_ */
	const char *name; /* printable ASCII without space */
};

/* What the schema begins with. */
struct abi_ds_model {
	const char *name; /* as an entry's */
	uint8_t name_len;
	uint32_t version;
	uint32_t entries;
};

/* ---- Writing -------------------------------------------------------------------------------- */

/* Counts what was written, for END. Zero it to begin. */
struct abi_ds_writer {
	uint64_t frames;
	uint64_t bytes;
};

/*
 * Each writes one thing into buf and returns its length; 0 if it does not fit in cap bytes or
 * breaks a cap above, and then nothing was counted.
 *
 * The _header functions write what stands before the data, and count the data as written: the
 * caller lets exactly data_len bytes follow.
 */
size_t abi_ds_put_preamble(struct abi_ds_writer *w, void *buf, size_t cap);
/* The bytes that abi_ds_put_schema() will need; 0 if the schema breaks a cap or a rule. */
size_t abi_ds_schema_size(const struct abi_ds_model *model, const struct abi_ds_entry *entries);
size_t abi_ds_put_schema(struct abi_ds_writer *w, void *buf, size_t cap,
			 const struct abi_ds_model *model, const struct abi_ds_entry *entries);
size_t abi_ds_put_field(struct abi_ds_writer *w, void *buf, size_t cap, uint32_t id,
			const void *value, size_t size);
size_t abi_ds_put_block_header(struct abi_ds_writer *w, void *buf, size_t cap, uint32_t id,
			       uint64_t offset, size_t data_len);
size_t abi_ds_put_zero(struct abi_ds_writer *w, void *buf, size_t cap, uint32_t id, uint64_t offset,
		       uint64_t length);
size_t abi_ds_put_opaque_header(struct abi_ds_writer *w, void *buf, size_t cap, size_t data_len);
size_t abi_ds_put_chunk_header(struct abi_ds_writer *w, void *buf, size_t cap, uint16_t flags,
			       size_t data_len);
size_t abi_ds_put_end(struct abi_ds_writer *w, void *buf, size_t cap);

/* ---- Reading -------------------------------------------------------------------------------- */

/*
 * The reader's events, in the order of the stream. Each callback returns NULL, or a static
 * sentence why it refuses, which ends the reading. A NULL callback ignores its event. Pointers are
 * valid during the call only.
 *
 * index: the entry's place in the schema, from 0.
 */
struct abi_ds_events {
	const char *(*model)(void *user, const struct abi_ds_model *m);
	const char *(*entry)(void *user, uint32_t index, const struct abi_ds_entry *e);
	const char *(*schema_end)(void *user);
	/* The whole value, with the length from the schema. */
	const char *(*field)(void *user, uint32_t index, const void *value, size_t size);
	/* A piece of a block, within it. One frame may come in any number of pieces. */
	const char *(*block)(void *user, uint32_t index, uint64_t offset, const void *data,
			     size_t len);
	const char *(*zero)(void *user, uint32_t index, uint64_t offset, uint64_t len);
	const char *(*opaque)(void *user, const void *data, size_t len);
	const char *(*chunk_begin)(void *user);
	const char *(*chunk)(void *user, const void *data, size_t len);
	const char *(*chunk_end)(void *user);
	/*
	 * The stream is complete: counts right, nothing open, no entry missing. Nothing may
	 * follow.
	 */
	const char *(*end)(void *user);
};

/* The reader's record of a schema entry, in memory of the caller. */
struct abi_ds_slot {
	uint64_t size;
	uint64_t covered; /* of a block: everything before this offset has arrived */
	uint32_t id;
	uint8_t kind;
	uint8_t flags;
	uint8_t seen;
};

/* Private, except the first three. */
struct abi_ds_reader {
	uint64_t bytes;	   /* taken so far: the position of a refusal */
	uint64_t frames;   /* begun so far, the preamble not counted */
	const char *error; /* the first refusal; NULL while all is well */

	const struct abi_ds_events *events;
	void *user;
	struct abi_ds_slot *slots;
	uint32_t slots_max;
	struct abi_ds_reader *unwrap;

	uint32_t entries;      /* in the schema */
	uint32_t entries_seen; /* entries that have arrived */
	uint32_t left;	       /* bytes of the frame's payload still to come */
	uint32_t want;	       /* bytes to gather in scratch before the next step */
	uint32_t have;	       /* bytes gathered */
	uint32_t index;	       /* the slot that the frame is about */
	uint64_t offset;       /* in the block, of the next piece */
	uint64_t frame_start;  /* in the stream, of the frame */
	uint16_t type;
	uint16_t flags;
	uint8_t step;
	bool wrapped; /* the chunks hold a state, which unwrap reads */
	bool chunk_open;
	bool ended;
	uint8_t scratch[ABI_DS_FIELD_FIXED + ABI_DS_FIELD_MAX];
};

/*
 * The caller keeps events and slots, which must live as long as the reader. A schema with more
 * than slots_max entries is refused; ABI_DS_ENTRIES_MAX slots are enough for any.
 */
void abi_ds_reader_init(struct abi_ds_reader *r, const struct abi_ds_events *events, void *user,
			struct abi_ds_slot *slots, uint32_t slots_max);

/*
 * Also read a model's state that arrives in the transactions of a device (ABI_DS_TRANSACTIONS):
 * inner, initialised with the same events, then reads the content of the chunks, and r reports
 * nothing but errors.
 */
void abi_ds_reader_unwrap(struct abi_ds_reader *r, struct abi_ds_reader *inner);

/* Take the next bytes, any number. After a refusal it repeats that refusal. */
const char *abi_ds_reader_feed(struct abi_ds_reader *r, const void *data, size_t len);

/*
 * How many bytes to feed until the next event: the reader reports at most one event, or, for data,
 * a piece and the end that it may be. For callers that cannot act within a callback. Not 0;
 * undefined after a refusal or END.
 */
uint32_t abi_ds_reader_want(const struct abi_ds_reader *r);

/* The bytes are over: refuses if END has not come. */
const char *abi_ds_reader_finish(struct abi_ds_reader *r);

/* "SCHEMA", "FIELD" …; "?" for an unknown type. Static. */
const char *abi_ds_frame_name(uint32_t type);

#endif
