/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The inside of saving: save.c says what comes next, save_read.c gives its bytes to the reader, compare.c
 * watches the blocks that others may write, and save_left.c says how much is to come.
 */
#ifndef MODEL_SAVE_H
#define MODEL_SAVE_H

#include <xxhash.h>

#include "abi/device_state.h"
#include "model/kit.h"

/*
 * @marks: what was written and not sent; the block's own map, and after the stop @last
 * @last: what was written until the stop
 * @pass_at: how far the first pass has come
 * @data_from, @data_end: an extent that was data when it was last looked for
 * @scan: where to look for written pages first
 * @sent: a hash of each page as it was last sent, from when the block was found to be shared; {0, 0}: unknown
 * @seed: of the hashes
 * @cut: what was sent so far of a page that goes out in pieces
 * @compared: up to where it has been compared, at the stop
 */
struct kit_save_block {
	struct kit_block *block;
	struct vfmig_dirty *marks, *last;
	uint32_t id;
	uint64_t pass_at, scan, compared;
	uint64_t data_from, data_end;
	XXH128_hash_t *sent;
	XXH128_hash_t zero;
	uint64_t seed;
	bool unhashed; /* no memory for hashes: all of it goes again */
	uint8_t cut[KIT_PAGE];
};

/* Room for any frame without data. */
#define KIT_SAVE_HEAD 64u

struct kit_save {
	struct vfmig_kit *kit;
	struct abi_ds_writer writer;
	bool stopped;	    /* nothing changes any more */
	bool fields_out;    /* the fields are on their way, or gone */
	bool opaque_out;    /* and save() has said that it has no more */
	bool ended;	    /* and END is on its way, or gone */
	bool reinit;	    /* to be told: the first pass began again */
	uint64_t opaque_at; /* what save() has given so far */

	/* On its way: a head, the block's bytes behind it, and then text. */
	uint8_t head[KIT_SAVE_HEAD];
	size_t head_at, head_len;
	struct kit_save_block *data;
	uint64_t data_at, data_left;
	const uint8_t *text;
	size_t text_at, text_len;

	uint8_t *schema, *fields, *opaque;
	size_t fields_len;

	struct kit_save_block *blocks;
	unsigned block_count;
	unsigned pass; /* which block the first pass is in; block_count when it is over */
};

/* ---- save.c ---- */

/* Put something on its way. 1, 0 if there is nothing (for now), or a failure. */
int kit_save_next(struct kit_save *save, struct vfmig_error *err);
/* Has the model said that all is new? A user who would not understand finds it written instead. */
void kit_save_look_for_reinit(struct kit_save *save);

/*
 * kit_block_extent(), but that an extent of data is looked for once: the system goes through all pages that
 * are left to find its end. A hole may have come into it since; that reads as zeros.
 */
uint64_t kit_save_extent(struct kit_save_block *b, uint64_t at, bool *data);

/* ---- compare.c ---- */

/* Before pages are sent: if others may write the block by now, remember what is sent from here on. */
void kit_save_watch(struct kit_save_block *b);
void kit_save_remember(struct kit_save_block *b, uint64_t at, const void *sent, size_t len);
void kit_save_remember_zero(struct kit_save_block *b, uint64_t at, uint64_t len);
/* The device has stopped: mark what differs in the next stretch. False: all of it was compared. */
bool kit_save_compare(struct kit_save_block *b);
/* What comparing could still find. */
uint64_t kit_save_compare_left(const struct kit_save_block *b);

#endif
