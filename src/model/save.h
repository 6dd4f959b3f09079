/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The inside of saving: save.c chooses what comes next, save_read.c gives its bytes to the reader,
 * compare.c compares the blocks that others may write, and save_left.c reports how much is left.
 */
#ifndef MODEL_SAVE_H
#define MODEL_SAVE_H

#include <xxhash.h>

#include "abi/device_state.h"
#include "model/kit.h"

/*
 * @marks: pages written and not sent; the block's own map, and after the stop @last
 * @last: pages written until the stop
 * @pass_at: the position of the first pass
 * @data_from, @data_end: an extent that was data when it was last looked up
 * @scan: where to start the search for written pages
 * @sent: a hash of each page as it was last sent, from when the block was found to be
 *	shared; {0, 0}: unknown
 * @seed: of the hashes
 * @cut: what was sent so far of a page that goes out in pieces
 * @compared: the end of the part that has been compared, at the stop
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
	bool unhashed; /* no memory for hashes: all of it is sent again */
	uint8_t cut[KIT_PAGE];
};

/* Capacity for any frame without data. */
#define KIT_SAVE_HEAD 64u

struct kit_save {
	struct vfmig_kit *kit;
	struct abi_ds_writer writer;
	bool stopped;	    /* the device has stopped: nothing changes any more */
	bool fields_out;    /* the fields are queued or sent */
	bool opaque_out;    /* save() has reported its end */
	bool ended;	    /* END is queued or sent */
	bool reinit;	    /* to report: the first pass began again */
	uint64_t opaque_at; /* bytes that save() has returned so far */

	/* Queued: a head, the block's bytes behind it, and then text. */
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
	unsigned pass; /* the block that the first pass is in; block_count when it is over */
};

/* ---- save.c ---- */

/* Queue the next frame. Returns 1, 0 if there is nothing (for now), or a failure. */
int kit_save_next(struct kit_save *save, struct vfmig_error *err);
/*
 * The model has reported that all is new. For a user that does not understand REINIT it counts as
 * written instead.
 */
void kit_save_look_for_reinit(struct kit_save *save);

/*
 * As kit_block_extent(), but caches an extent of data: the kernel walks all remaining pages to
 * find its end. A hole may have appeared in it since; that reads as zeros.
 */
uint64_t kit_save_extent(struct kit_save_block *b, uint64_t at, bool *data);

/* ---- compare.c ---- */

/* Called before pages are sent: if others may write the block by now, keep hashes from here on. */
void kit_save_watch(struct kit_save_block *b);
void kit_save_remember(struct kit_save_block *b, uint64_t at, const void *sent, size_t len);
void kit_save_remember_zero(struct kit_save_block *b, uint64_t at, uint64_t len);
/*
 * The device has stopped: mark what differs in the next stretch. Returns false once all of it is
 * compared.
 */
bool kit_save_compare(struct kit_save_block *b);
/* An upper bound of what comparing may still find. */
uint64_t kit_save_compare_left(const struct kit_save_block *b);

#endif
