/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Saving: transactions out of the region, as the bytes of a session.
 *
 * The text's sequence: pending_bytes; data_offset; data_size; the data; pending_bytes, which ends
 * the transaction and begins the next. A request returns what is left of one transaction, or the
 * beginning of the next, and never bytes of two. When pre-copy is left, a transaction that was
 * begun is read to its end first: the text does not define whether it is still there after the
 * stop.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/region/user.h"

static ssize_t go_on(struct region_user *user);

void region_user_read_reset(struct region_user *user)
{
	free(user->read.carry);
	memset(&user->read, 0, sizeof(user->read));
}

static uint64_t left(const struct region_user *user)
{
	return user->read.size - user->read.pos;
}

/* ---- a transaction's beginning and end ---- */

static ssize_t pending(struct region_user *user, step_fn then)
{
	user->read.begun = true;
	return region_user_get(user, ABI_REG_PENDING_BYTES, then);
}

static ssize_t pending_read(struct steps *steps, ssize_t result)
{
	struct region_user *user = region_user_of(steps);

	if (result < 0)
		return result;
	user->read.pending = user->word;
	user->read.fresh = true;
	return go_on(user);
}

static ssize_t size_read(struct steps *steps, ssize_t result)
{
	struct region_user *user = region_user_of(steps);
	struct region_user_read *read = &user->read;
	uint64_t size = user->word;

	if (result < 0)
		return result;
	if (size > REGION_USER_TRANSACTION_MAX)
		return vfmig_err(&steps->err, -EFBIG,
				 "device %s: a transaction has %llu bytes; the limit is %llu",
				 vfmig_device_name(user->session.device), (unsigned long long)size,
				 REGION_USER_TRANSACTION_MAX);
	result = region_user_place(user, read->at, size);
	if (result)
		return result;
	if (!size) {
		/* pending_bytes may be wrong once. */
		if (user->state == VFMIG_STATE_PRE_COPY)
			return -ENOMSG;
		if (read->empty++)
			return vfmig_err(
				&steps->err, -EPROTO,
				"device %s: pending_bytes is %llu, and its transaction is empty",
				vfmig_device_name(user->session.device),
				(unsigned long long)read->pending);
		return go_on(user);
	}
	read->empty = 0;
	read->size = size;
	read->pos = 0;
	return go_on(user);
}

static ssize_t offset_read(struct steps *steps, ssize_t result)
{
	struct region_user *user = region_user_of(steps);

	if (result < 0)
		return result;
	user->read.at = user->word;
	return region_user_get(user, ABI_REG_DATA_SIZE, size_read);
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

static void advance(struct region_user *user, uint64_t n)
{
	user->out += n;
	user->read.pos += n;
	if (user->framing)
		user->read.frame -= n;
}

static ssize_t trapped_read(struct steps *steps, ssize_t result)
{
	struct region_user *user = region_user_of(steps);
	uint8_t *to = steps->outer->data.buf;

	if (region_user_refused(user, result))
		return go_on(user);
	if (result < 0)
		return result;
	memcpy(to + user->out, user->bounce, steps->inner.request.region.len);
	advance(user, steps->inner.request.region.len);
	return go_on(user);
}

/* Copy as much of the transaction as one access allows. Returns 0, or the value to return. */
static ssize_t give_data(struct region_user *user, uint64_t n)
{
	struct region_user_read *read = &user->read;
	uint8_t *to = (uint8_t *)user->steps.outer->data.buf + user->out;
	const uint8_t *from;

	if (read->carry)
		from = read->carry + read->pos;
	else
		from = region_user_mapped(user, read->at + read->pos, &n);
	if (!from)
		return region_user_trapped(user, read->at + read->pos, n, false, trapped_read);
	memcpy(to, from, n);
	advance(user, n);
	return 0;
}

static void give_head(struct region_user *user, size_t capacity)
{
	struct region_user_read *read = &user->read;
	size_t n = read->head_len - read->head_at;

	n = n < capacity ? n : capacity;
	memcpy((uint8_t *)user->steps.outer->data.buf + user->out, read->head + read->head_at, n);
	read->head_at += n;
	user->out += n;
}

/* There is no transaction: get the next one, or the end. */
static ssize_t next_transaction(struct region_user *user)
{
	struct region_user_read *read = &user->read;

	if (user->framing && !read->prefixed) {
		put_prefix(read);
		return go_on(user);
	}
	if (read->ended)
		return 0;
	if (!read->fresh)
		return pending(user, pending_read);
	read->fresh = false;
	if (read->pending)
		return region_user_get(user, ABI_REG_DATA_OFFSET, offset_read);
	if (user->state == VFMIG_STATE_PRE_COPY)
		return -ENOMSG;
	read->ended = true;
	if (!user->framing)
		return 0;
	put_end(read);
	return go_on(user);
}

static ssize_t go_on(struct region_user *user)
{
	struct region_user_read *read = &user->read;
	size_t len = user->steps.outer->data.len;
	ssize_t ret;

	while (user->out < len) {
		uint64_t n = user->framing ? read->frame : left(user), capacity = len - user->out;

		if (read->head_at < read->head_len) {
			give_head(user, capacity);
		} else if (n) {
			ret = give_data(user, n < capacity ? n : capacity);
			if (ret)
				return ret;
		} else if (left(user)) {
			put_chunk(read);
		} else {
			break;
		}
	}
	if (!left(user) && read->size) {
		/*
		 * The transaction ends: the device may reuse its buffer, and reports what is next.
		 */
		bool carried = read->carry;

		free(read->carry);
		read->carry = NULL;
		read->size = read->pos = 0;
		if (!carried)
			return pending(user, pending_read);
	}
	return user->out || !len ? (ssize_t)user->out : next_transaction(user);
}

ssize_t region_user_data_read(struct region_user *user)
{
	if (!vfmig_v2_state_saving(user->state))
		return vfmig_err(
			&user->steps.err, -EINVAL,
			"device %s is in %s; data can be read in PRE_COPY and STOP_COPY only",
			vfmig_device_name(user->session.device), vfmig_state_name(user->state));
	return go_on(user);
}

/* ---- how much there is ---- */

static ssize_t tell(struct region_user *user)
{
	struct vfmig_request *outer = user->steps.outer;
	struct region_user_read *read = &user->read;
	uint64_t more = read->ended ? 0 : read->pending;

	/*
	 * While a transaction is under way, pending_bytes counts all of it, except one that was
	 * carried over.
	 */
	if (read->carry)
		more = more > UINT64_MAX - left(user) ? UINT64_MAX : more + left(user);
	else
		more = more > read->pos ? more - read->pos : 0;
	if (outer->op == VFMIG_OP_DATA_SIZE) {
		outer->data_size = more;
		return 0;
	}
	outer->precopy.argsz = sizeof(outer->precopy);
	outer->precopy.flags = 0;
	outer->precopy.initial_bytes = 0;
	outer->precopy.dirty_bytes = more;
	return 0;
}

static ssize_t reported(struct steps *steps, ssize_t result)
{
	struct region_user *user = region_user_of(steps);

	if (result < 0)
		return result;
	user->read.pending = user->word;
	user->read.fresh = true;
	return tell(user);
}

ssize_t region_user_pending(struct region_user *user)
{
	struct vfmig_request *outer = user->steps.outer;
	const char *name = vfmig_device_name(user->session.device);

	if (outer->op == VFMIG_OP_PRECOPY_INFO && user->state != VFMIG_STATE_PRE_COPY)
		return vfmig_err(&user->steps.err, -EINVAL,
				 "device %s is in %s, which is not a pre-copy state", name,
				 vfmig_state_name(user->state));
	if (!vfmig_v2_state_saving(user->state))
		return vfmig_err(&user->steps.err, -ENOTTY,
				 "device %s reports the size of its data only while it saves",
				 name);
	/* In the middle of a transaction a read of pending_bytes would end it. */
	if (user->read.ended || (left(user) && !user->read.carry))
		return tell(user);
	return pending(user, reported);
}

/* ---- leaving pre-copy ---- */

static ssize_t drain(struct region_user *user);

static ssize_t drained(struct steps *steps, ssize_t result)
{
	struct region_user *user = region_user_of(steps);

	if (result < 0)
		return result;
	return user->then(steps, 0);
}

static ssize_t drain_read(struct steps *steps, ssize_t result)
{
	struct region_user *user = region_user_of(steps);

	if (region_user_refused(user, result))
		return drain(user);
	if (result < 0)
		return result;
	memcpy(user->draining + user->drained, user->bounce, steps->inner.request.region.len);
	user->drained += steps->inner.request.region.len;
	return drain(user);
}

static ssize_t drain(struct region_user *user)
{
	struct region_user_read *read = &user->read;

	while (user->drained < read->size) {
		uint64_t n = read->size - user->drained, at = read->at + user->drained;
		const uint8_t *from = region_user_mapped(user, at, &n);

		if (!from)
			return region_user_trapped(user, at, n, false, drain_read);
		memcpy(user->draining + user->drained, from, n);
		user->drained += n;
	}
	read->carry = user->draining;
	user->draining = NULL;
	return pending(user, drained);
}

ssize_t region_user_drain(struct region_user *user, step_fn then)
{
	struct region_user_read *read = &user->read;

	if (!left(user) || read->carry)
		return then(&user->steps, 0);
	free(user->draining);
	user->draining = malloc(read->size);
	if (!user->draining)
		return vfmig_err(&user->steps.err, -ENOMEM,
				 "no memory for a transaction of %llu bytes",
				 (unsigned long long)read->size);
	user->drained = read->pos;
	user->then = then;
	return drain(user);
}
