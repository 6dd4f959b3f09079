/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Saving: transactions out of the region, as the bytes of a session.
 *
 * The text's sequence: pending_bytes; data_offset; data_size; the data; pending_bytes, which ends the transaction and
 * begins the next. A request gives what is left of one transaction, or the beginning of the next, and never bytes of
 * two. When pre-copy is left, a transaction that was begun is read to its end first: whether it would still be
 * there after the stop nobody says.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/region/drive.h"

static ssize_t go_on(struct region_user *drive);

void region_user_read_reset(struct region_user *drive)
{
	free(drive->read.carry);
	memset(&drive->read, 0, sizeof(drive->read));
}

static uint64_t left(const struct region_user *drive)
{
	return drive->read.size - drive->read.pos;
}

/* ---- a transaction's beginning and end ---- */

static ssize_t pending(struct region_user *drive, step_fn then)
{
	drive->read.begun = true;
	return region_user_get(drive, ABI_REG_PENDING_BYTES, then);
}

static ssize_t pending_read(struct steps *steps, ssize_t result)
{
	struct region_user *drive = region_user_of(steps);

	if (result < 0)
		return result;
	drive->read.pending = drive->word;
	drive->read.fresh = true;
	return go_on(drive);
}

static ssize_t size_read(struct steps *steps, ssize_t result)
{
	struct region_user *drive = region_user_of(steps);
	struct region_user_read *read = &drive->read;
	uint64_t size = drive->word;

	if (result < 0)
		return result;
	if (size > REGION_USER_TRANSACTION_MAX)
		return vfmig_err(&steps->err, -EFBIG,
				 "device %s: a transaction of %llu bytes, over %llu",
				 vfmig_device_name(drive->session.device), (unsigned long long)size,
				 REGION_USER_TRANSACTION_MAX);
	result = region_user_place(drive, read->at, size);
	if (result)
		return result;
	if (!size) {
		/* It may have been wrong about what is pending, once. */
		if (drive->state == VFMIG_STATE_PRE_COPY)
			return -ENOMSG;
		if (read->empty++)
			return vfmig_err(&steps->err, -EPROTO,
					 "device %s has %llu bytes pending and gives none",
					 vfmig_device_name(drive->session.device),
					 (unsigned long long)read->pending);
		return go_on(drive);
	}
	read->empty = 0;
	read->size = size;
	read->pos = 0;
	return go_on(drive);
}

static ssize_t offset_read(struct steps *steps, ssize_t result)
{
	struct region_user *drive = region_user_of(steps);

	if (result < 0)
		return result;
	drive->read.at = drive->word;
	return region_user_get(drive, ABI_REG_DATA_SIZE, size_read);
}

/* ---- what goes into the frames ---- */

static void put_chunk(struct region_user_read *read)
{
	uint64_t rest = read->size - read->pos;
	uint64_t n = rest < ABI_DS_FRAME_MAX ? rest : ABI_DS_FRAME_MAX;
	uint16_t flags = 0;

	if (!read->pos)
		flags |= ABI_DS_CHUNK_FIRST;
	if (n == rest)
		flags |= ABI_DS_CHUNK_LAST;
	read->head_at = 0;
	read->head_len =
		abi_ds_put_chunk_header(&read->writer, read->head, sizeof(read->head), flags, n);
	read->frame = n;
}

static void put_prefix(struct region_user_read *read)
{
	read->prefixed = true;
	read->head_at = 0;
	read->head_len = region_user_prefix(read->head, &read->writer);
}

static void put_end(struct region_user_read *read)
{
	read->head_at = 0;
	read->head_len = abi_ds_put_end(&read->writer, read->head, sizeof(read->head));
}

/* ---- filling the reader's buffer ---- */

static void advance(struct region_user *drive, uint64_t n)
{
	drive->out += n;
	drive->read.pos += n;
	if (drive->framing)
		drive->read.frame -= n;
}

static ssize_t trapped_read(struct steps *steps, ssize_t result)
{
	struct region_user *drive = region_user_of(steps);
	uint8_t *to = steps->outer->data.buf;

	if (region_user_refused(drive, result))
		return go_on(drive);
	if (result < 0)
		return result;
	memcpy(to + drive->out, drive->bounce, steps->inner.region.len);
	advance(drive, steps->inner.region.len);
	return go_on(drive);
}

/* Some of the transaction, as far as it can be had at once. 0, or what to return. */
static ssize_t give_data(struct region_user *drive, uint64_t n)
{
	struct region_user_read *read = &drive->read;
	uint8_t *to = (uint8_t *)drive->steps.outer->data.buf + drive->out;
	const uint8_t *from;

	if (read->carry)
		from = read->carry + read->pos;
	else
		from = region_user_mapped(drive, read->at + read->pos, &n);
	if (!from)
		return region_user_trapped(drive, read->at + read->pos, n, false, trapped_read);
	memcpy(to, from, n);
	advance(drive, n);
	return 0;
}

static void give_head(struct region_user *drive, size_t room)
{
	struct region_user_read *read = &drive->read;
	size_t n = read->head_len - read->head_at;

	n = n < room ? n : room;
	memcpy((uint8_t *)drive->steps.outer->data.buf + drive->out, read->head + read->head_at, n);
	read->head_at += n;
	drive->out += n;
}

/* There is no transaction: the next one, or the end. */
static ssize_t next_transaction(struct region_user *drive)
{
	struct region_user_read *read = &drive->read;

	if (drive->framing && !read->prefixed) {
		put_prefix(read);
		return go_on(drive);
	}
	if (read->ended)
		return 0;
	if (!read->fresh)
		return pending(drive, pending_read);
	read->fresh = false;
	if (read->pending)
		return region_user_get(drive, ABI_REG_DATA_OFFSET, offset_read);
	if (drive->state == VFMIG_STATE_PRE_COPY)
		return -ENOMSG;
	read->ended = true;
	if (!drive->framing)
		return 0;
	put_end(read);
	return go_on(drive);
}

static ssize_t go_on(struct region_user *drive)
{
	struct region_user_read *read = &drive->read;
	size_t len = drive->steps.outer->data.len;
	ssize_t ret;

	while (drive->out < len) {
		uint64_t n = drive->framing ? read->frame : left(drive), room = len - drive->out;

		if (read->head_at < read->head_len) {
			give_head(drive, room);
		} else if (n) {
			ret = give_data(drive, n < room ? n : room);
			if (ret)
				return ret;
		} else if (left(drive)) {
			put_chunk(read);
		} else {
			break;
		}
	}
	if (!left(drive) && read->size) {
		/* To the end: the device may have its buffer back, and says what is next. */
		bool carried = read->carry;

		free(read->carry);
		read->carry = NULL;
		read->size = read->pos = 0;
		if (!carried)
			return pending(drive, pending_read);
	}
	return drive->out || !len ? (ssize_t)drive->out : next_transaction(drive);
}

ssize_t region_user_data_read(struct region_user *drive)
{
	if (!vfmig_v2_state_saving(drive->state))
		return vfmig_err(&drive->steps.err, -EINVAL,
				 "device %s is in state %s: there is data to read only in PRE_COPY "
				 "and STOP_COPY",
				 vfmig_device_name(drive->session.device),
				 vfmig_state_name(drive->state));
	return go_on(drive);
}

/* ---- how much there is ---- */

static ssize_t tell(struct region_user *drive)
{
	struct vfmig_request *outer = drive->steps.outer;
	struct region_user_read *read = &drive->read;
	uint64_t more = read->ended ? 0 : read->pending;

	/* Where a transaction is under way, pending counts all of it, but for one that was carried over. */
	if (read->carry)
		more = more > UINT64_MAX - left(drive) ? UINT64_MAX : more + left(drive);
	else
		more = more > read->pos ? more - read->pos : 0;
	if (outer->verb == VFMIG_VERB_DATA_SIZE) {
		outer->data_size = more;
		return 0;
	}
	outer->precopy.argsz = sizeof(outer->precopy);
	outer->precopy.flags = 0;
	outer->precopy.initial_bytes = 0;
	outer->precopy.dirty_bytes = more;
	return 0;
}

static ssize_t told(struct steps *steps, ssize_t result)
{
	struct region_user *drive = region_user_of(steps);

	if (result < 0)
		return result;
	drive->read.pending = drive->word;
	drive->read.fresh = true;
	return tell(drive);
}

ssize_t region_user_pending(struct region_user *drive)
{
	struct vfmig_request *outer = drive->steps.outer;
	const char *name = vfmig_device_name(drive->session.device);

	if (outer->verb == VFMIG_VERB_PRECOPY_INFO && drive->state != VFMIG_STATE_PRE_COPY)
		return vfmig_err(&drive->steps.err, -EINVAL,
				 "device %s is in state %s: not in "
				 "pre-copy",
				 name, vfmig_state_name(drive->state));
	if (!vfmig_v2_state_saving(drive->state))
		return vfmig_err(&drive->steps.err, -ENOTTY,
				 "device %s tells how much there is only while it saves", name);
	/* In the middle of a transaction, to ask would end it. */
	if (drive->read.ended || (left(drive) && !drive->read.carry))
		return tell(drive);
	return pending(drive, told);
}

/* ---- leaving pre-copy ---- */

static ssize_t drain(struct region_user *drive);

static ssize_t drained(struct steps *steps, ssize_t result)
{
	struct region_user *drive = region_user_of(steps);

	if (result < 0)
		return result;
	return drive->then(steps, 0);
}

static ssize_t drain_read(struct steps *steps, ssize_t result)
{
	struct region_user *drive = region_user_of(steps);

	if (region_user_refused(drive, result))
		return drain(drive);
	if (result < 0)
		return result;
	memcpy(drive->draining + drive->drained, drive->bounce, steps->inner.region.len);
	drive->drained += steps->inner.region.len;
	return drain(drive);
}

static ssize_t drain(struct region_user *drive)
{
	struct region_user_read *read = &drive->read;

	while (drive->drained < read->size) {
		uint64_t n = read->size - drive->drained, at = read->at + drive->drained;
		const uint8_t *from = region_user_mapped(drive, at, &n);

		if (!from)
			return region_user_trapped(drive, at, n, false, drain_read);
		memcpy(drive->draining + drive->drained, from, n);
		drive->drained += n;
	}
	read->carry = drive->draining;
	drive->draining = NULL;
	return pending(drive, drained);
}

ssize_t region_user_drain(struct region_user *drive, step_fn then)
{
	struct region_user_read *read = &drive->read;

	if (!left(drive) || read->carry)
		return then(&drive->steps, 0);
	free(drive->draining);
	drive->draining = malloc(read->size);
	if (!drive->draining)
		return vfmig_err(&drive->steps.err, -ENOMEM,
				 "no memory for a transaction of %llu bytes",
				 (unsigned long long)read->size);
	drive->drained = read->pos;
	drive->then = then;
	return drain(drive);
}
