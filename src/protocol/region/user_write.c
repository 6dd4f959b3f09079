/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Resuming: the bytes of a session into the region, as transactions.
 *
 * The text's sequence: data_offset; the data; data_size, whose write returns when the device has
 * taken the data. Framed data goes to the device in the transactions that are in the frames. Other
 * data goes to it as it arrives, each request a transaction, if it fits. The first bytes decide
 * which of the two it is.
 */
#include <errno.h>
#include <string.h>

#include "protocol/region/user.h"

static ssize_t go_on(struct region_user *user);

void region_user_write_reset(struct region_user *user)
{
	struct region_user_write *write = &user->write;

	memset(write, 0, sizeof(*write));
	if (!user->framing)
		write->form = REGION_USER_RAW;
	abi_ds_reader_init(&write->reader, &region_user_events, write, NULL, 0);
}

/* ---- copying to the region: 0 if it is done, else a step, and then @then when it is ---- */

static ssize_t push(struct region_user *user);

static void pushed_some(struct region_user_write *write, uint64_t n)
{
	write->from += n;
	write->left -= n;
	write->pos += n;
}

static ssize_t trapped_written(struct steps *steps, ssize_t result)
{
	struct region_user *user = region_user_of(steps);

	if (!region_user_refused(user, result)) {
		if (result < 0)
			return result;
		pushed_some(&user->write, steps->inner.request.region.len);
	}
	result = push(user);
	return result ? result : user->write.then(steps, 0);
}

static ssize_t push(struct region_user *user)
{
	struct region_user_write *write = &user->write;

	while (write->left) {
		uint64_t n = write->left, at = write->at + write->pos;
		uint8_t *to = region_user_mapped(user, at, &n);

		if (!to) {
			n = n < REGION_USER_BOUNCE ? n : REGION_USER_BOUNCE;
			memcpy(user->bounce, write->from, n);
			return region_user_trapped(user, at, n, true, trapped_written);
		}
		memcpy(to, write->from, n);
		pushed_some(write, n);
	}
	return 0;
}

static ssize_t commit(struct region_user *user, step_fn then)
{
	return region_user_put(user, ABI_REG_DATA_SIZE, user->write.pos, then);
}

/* ---- as it comes: one transaction for each request, or several if it does not fit ---- */

static ssize_t place_read(struct steps *steps, ssize_t result);

static ssize_t committed(struct steps *steps, ssize_t result)
{
	struct region_user *user = region_user_of(steps);

	if (result < 0)
		return result;
	user->write.left = user->write.later;
	if (user->write.left)
		return region_user_get(user, ABI_REG_DATA_OFFSET, place_read);
	user->write.acting = false;
	return user->then ? user->then(steps, 0) : (ssize_t)user->out;
}

static ssize_t all_there(struct steps *steps, ssize_t result)
{
	return commit(region_user_of(steps), committed);
}

static ssize_t place_read(struct steps *steps, ssize_t result)
{
	struct region_user *user = region_user_of(steps);
	struct region_user_write *write = &user->write;
	uint64_t most;

	if (result < 0)
		return result;
	write->at = user->word;
	write->pos = 0;
	result = region_user_place(user, write->at, 1);
	if (result)
		return result;
	most = user->region_size - write->at;
	most = most < user->capacity ? most : user->capacity;
	write->later = write->left > most ? write->left - most : 0;
	write->left -= write->later;
	user->out += write->left;
	write->then = all_there;
	result = push(user);
	return result ? result : all_there(steps, 0);
}

static ssize_t put_raw(struct region_user *user, const void *from, size_t n, step_fn then)
{
	user->write.acting = true;
	user->write.from = from;
	user->write.left = n;
	user->then = then;
	return region_user_get(user, ABI_REG_DATA_OFFSET, place_read);
}

/* ---- out of frames: events of the reader are handled before it is fed more ---- */

static ssize_t taken(struct steps *steps, ssize_t result)
{
	return result < 0 ? result : go_on(region_user_of(steps));
}

/* A piece of a transaction is in its place: 0, or the step if it was the last. */
static ssize_t piece(struct region_user *user)
{
	bool end = user->write.end;

	user->write.end = false;
	return end && user->write.pos ? commit(user, taken) : 0;
}

static ssize_t pushed(struct steps *steps, ssize_t result)
{
	result = piece(region_user_of(steps));
	return result ? result : go_on(region_user_of(steps));
}

static ssize_t place_known(struct steps *steps, ssize_t result)
{
	struct region_user *user = region_user_of(steps);

	if (result < 0)
		return result;
	user->write.at = user->word;
	result = region_user_place(user, user->write.at, 1);
	if (result)
		return result;
	return pushed(steps, 0);
}

/* 0 if it is done. */
static ssize_t act(struct region_user *user)
{
	struct region_user_write *write = &user->write;
	ssize_t ret;

	write->acting = true;
	if (write->begin) {
		write->begin = false;
		write->pos = 0;
		return region_user_get(user, ABI_REG_DATA_OFFSET, place_known);
	}
	write->from = write->data;
	write->left = write->len;
	write->len = 0;
	if (write->left > user->region_size - write->at - write->pos)
		return vfmig_err(
			&user->steps.err, -EFBIG,
			"device %s: a transaction does not fit into its migration region; limit transactions at the source",
			vfmig_device_name(user->session.device));
	write->then = pushed;
	ret = push(user);
	return ret ? ret : piece(user);
}

static ssize_t feed(struct region_user *user, size_t n)
{
	struct region_user_write *write = &user->write;
	const uint8_t *from = user->steps.outer->data.buf;
	const char *why = abi_ds_reader_feed(&write->reader, from + user->out, n);

	if (why)
		return vfmig_err(&user->steps.err, -EINVAL,
				 "the device rejected its data at byte %llu: %s",
				 (unsigned long long)write->reader.bytes, why);
	user->out += n;
	return 0;
}

/* ---- framed or not ---- */

static ssize_t raw_after_all(struct steps *steps, ssize_t result)
{
	struct region_user *user = region_user_of(steps);

	user->write.matched = 0;
	user->out = 0;
	return put_raw(user, steps->outer->data.buf, steps->outer->data.len, NULL);
}

static ssize_t decide(struct region_user *user)
{
	struct region_user_write *write = &user->write;
	const struct vfmig_request *outer = user->steps.outer;
	struct abi_ds_writer writer;
	size_t n = region_user_prefix(user->prefix, &writer), rest = n - write->matched;
	ssize_t ret;

	rest = rest < outer->data.len ? rest : outer->data.len;
	if (memcmp(outer->data.buf, user->prefix + write->matched, rest)) {
		write->form = REGION_USER_RAW;
		if (!write->matched)
			return raw_after_all(&user->steps, 0);
		/* The prefix did not match: send the bytes that were held back first. */
		return put_raw(user, user->prefix, write->matched, raw_after_all);
	}
	ret = feed(user, rest);
	if (ret)
		return ret;
	write->matched += rest;
	if (write->matched == n)
		write->form = REGION_USER_FRAMED;
	return go_on(user);
}

static ssize_t go_on(struct region_user *user)
{
	struct region_user_write *write = &user->write;
	size_t left = user->steps.outer->data.len - user->out, n;
	ssize_t ret;

	write->acting = false;
	while (left) {
		n = abi_ds_reader_want(&write->reader);
		n = n < left ? n : left;
		ret = feed(user, n);
		if (ret)
			return ret;
		if (write->begin || write->len || write->end) {
			ret = act(user);
			if (ret)
				return ret;
			write->acting = false;
		}
		left -= n;
	}
	return (ssize_t)user->out;
}

static ssize_t did_not_take(struct region_user *user)
{
	return vfmig_err(&user->steps.err, -EIO,
			 "device %s rejected some of its data; reset it before it is loaded again",
			 vfmig_device_name(user->session.device));
}

ssize_t region_user_data_write(struct region_user *user)
{
	struct vfmig_request *outer = user->steps.outer;

	if (user->state != VFMIG_STATE_RESUMING)
		return vfmig_err(&user->steps.err, -EINVAL,
				 "device %s is in %s; data can be written in RESUMING only",
				 vfmig_device_name(user->session.device),
				 vfmig_state_name(user->state));
	if (user->write.acting)
		return did_not_take(user);
	if (!outer->data.len)
		return 0;
	switch (user->write.form) {
	case REGION_USER_RAW:
		return put_raw(user, outer->data.buf, outer->data.len, NULL);
	case REGION_USER_FRAMED:
		return go_on(user);
	default:
		return decide(user);
	}
}

/* ---- leaving RESUMING ---- */

static ssize_t flushed(struct steps *steps, ssize_t result)
{
	struct region_user *user = region_user_of(steps);

	user->write.matched = 0;
	return user->flushed(steps, 0);
}

ssize_t region_user_flush(struct region_user *user, step_fn then)
{
	struct region_user_write *write = &user->write;

	if (write->acting)
		return did_not_take(user);
	if (write->form == REGION_USER_FRAMED && !write->ended)
		return vfmig_err(&user->steps.err, -EINVAL,
				 "device %s: its data is incomplete: no END in %llu bytes",
				 vfmig_device_name(user->session.device),
				 (unsigned long long)write->reader.bytes);
	if (write->form == REGION_USER_UNDECIDED && write->matched) {
		write->form = REGION_USER_RAW;
		user->flushed = then;
		return put_raw(user, user->prefix, write->matched, flushed);
	}
	return then(&user->steps, 0);
}
