/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reading what is saved: copied to the reader's buffer, or passed as a zero-copy buffer.
 *
 * A block's bytes are copied once, from its memory to the reader's buffer. A reader that sends
 * them immediately needs no buffer: it gets their address, which saves the processor a copy. For a
 * large memory that no cache holds, that is a third of all the work at this end. The rule of marks
 * makes both safe while the model writes: a page's mark is cleared before the page is read, so a
 * later write marks it again. A frame that is cut by the end of the reader's buffer goes on in the
 * next one, and may do so after the device has stopped.
 */
#include <errno.h>
#include <string.h>

#include "model/save.h"

/* The destination: @buf, of which @used bytes are filled, and @lent, unless that is NULL. */
struct out {
	uint8_t *buf;
	size_t used;
	struct vfmig_lent *lent;
};

/* Fewer bytes than this are copied in less time than passing their address takes. */
#define WORTH_LENDING (4 * KIT_PAGE)

static void *put(struct out *out, size_t n)
{
	struct vfmig_lent *lent = out->lent;
	uint8_t *to = out->buf + out->used;
	struct iovec *last = lent && lent->count ? &lent->piece[lent->count - 1] : NULL;

	if (last && (uint8_t *)last->iov_base + last->iov_len == to) {
		last->iov_len += n;
	} else if (lent) {
		lent->file[lent->count].fd = -1;
		lent->piece[lent->count++] = (struct iovec){.iov_base = to, .iov_len = n};
	}
	out->used += n;
	return to;
}

/*
 * A block's bytes. Hashes cover the bytes as they were sent, so hashing needs the copy. The last
 * piece is reserved for copies.
 */
static void put_data(struct out *out, struct kit_save_block *b, uint64_t at, size_t n)
{
	struct vfmig_lent *lent = out->lent;
	uint8_t *from = b->block->block.bytes + at, *to;

	if (kit_lends && lent && !b->sent && n >= WORTH_LENDING &&
	    lent->count + 2 <= VFMIG_LENT_MAX) {
		lent->file[lent->count] = (struct vfmig_lent_file){.fd = b->block->fd,
								   .offset = b->block->front + at};
		lent->piece[lent->count++] = (struct iovec){.iov_base = from, .iov_len = n};
		return;
	}
	to = put(out, n);
	kit_copy(to, from, n);
	kit_save_remember(b, at, to, n);
}

static size_t drain(struct kit_save *save, struct out *out, size_t capacity)
{
	size_t n = 0;

	if (save->head_at < save->head_len) {
		n = save->head_len - save->head_at;
		n = n < capacity ? n : capacity;
		memcpy(put(out, n), save->head + save->head_at, n);
		save->head_at += n;
	} else if (save->data_left) {
		n = save->data_left < capacity ? (size_t)save->data_left : capacity;
		put_data(out, save->data, save->data_at, n);
		save->data_at += n;
		save->data_left -= n;
	} else if (save->text_at < save->text_len) {
		n = save->text_len - save->text_at;
		n = n < capacity ? n : capacity;
		memcpy(put(out, n), save->text + save->text_at, n);
		save->text_at += n;
	}
	return n;
}

ssize_t kit_save_read(struct kit_save *save, void *buf, size_t len, struct vfmig_lent *lent,
		      struct vfmig_error *err)
{
	struct out out = {.buf = buf, .lent = lent};
	size_t got = 0;
	int ret = 1;

	kit_save_look_for_reinit(save);
	while (got < len && ret > 0) {
		size_t n = drain(save, &out, len - got);

		got += n;
		if (!n)
			ret = kit_save_next(save, got ? NULL : err);
	}
	if (got || !len)
		return (ssize_t)got;
	if (ret < 0)
		return ret;
	return save->ended ? 0 : -ENOMSG;
}
