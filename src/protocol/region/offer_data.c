/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The device's data: pending_bytes, data_offset, data_size.
 *
 * Saving. A read of pending_bytes ends the transaction that was handed over, brings the next one into the data
 * section, and tells how much there is: that transaction and what the session thinks will follow. Reading it
 * again changes nothing. A read of data_offset or data_size hands the transaction over: from then on it is
 * the current one, and stays until pending_bytes is read, also over a change from pre-copy to
 * stop-and-copy. So who has fetched a transaction and changes the state does not get it twice, and who has
 * only heard of one still gets it.
 *
 * Resuming. A write of data_size gives the session that many bytes, as one transaction, and returns when they
 * were taken.
 *
 * An access may be taken back while the session is at it. What it brings all the same is kept for the next access. Where
 * nobody can say what became of it, the data is refused from then on, until it begins anew: a stream with a hole
 * would be loaded.
 */
#include <errno.h>
#include <string.h>

#include "protocol/region/offer.h"

void region_drop_data(struct region_driver *offer)
{
	offer->staged = 0;
	offer->handed = false;
	offer->aside = false;
	offer->ended = false;
	offer->moving = offer->broken = false;
}

static uint8_t *section(struct region_driver *offer)
{
	return offer->bytes + offer->layout.data_start;
}

static ssize_t in_error(struct region_driver *offer)
{
	return vfmig_err(&offer->steps.err, -EIO,
			 "the device is in its error state: only a reset leads out");
}

/* Why there is no data to be had or given, or 0. */
static ssize_t no_data(struct region_driver *offer)
{
	if (offer->bits == VFMIG_V1_STATE_ERROR)
		return in_error(offer);
	if (!offer->broken)
		return 0;
	return vfmig_err(&offer->steps.err, -EIO,
			 "an earlier access was given up in the middle: the data is not whole");
}

/* Can the session have (more) data? */
static bool may_have(const struct region_driver *offer)
{
	return (offer->bits & VFMIG_V1_SAVING) && !offer->precopy_only_shown && !offer->ended;
}

/* The next transaction, if there is none. */
static ssize_t fetch(struct region_driver *offer, step_fn then)
{
	offer->steps.inner.verb = VFMIG_VERB_DATA_READ;
	offer->steps.inner.data.buf = section(offer);
	offer->steps.inner.data.len = offer->room;
	offer->steps.inner.data.lent = NULL;
	offer->moving = true;
	return steps_ask(&offer->steps, then);
}

static ssize_t fetched(struct region_driver *offer, ssize_t result)
{
	bool precopy = offer->bits == VFMIG_V1_STATE_PRE_COPY;

	if (region_driver_void(offer))
		return -ECANCELED;
	offer->moving = false;
	if (precopy && (!result || result == -ENOMSG))
		return 0; /* nothing for now */
	if (result < 0)
		return result;
	if ((uint64_t)result > offer->room)
		return vfmig_err(&offer->steps.err, -EIO, "%zd bytes of data, where %llu fit",
				 result, (unsigned long long)offer->room);
	offer->staged = (uint64_t)result;
	offer->ended = !result;
	return 0;
}

/* ---- pending_bytes ---- */

static ssize_t estimated(struct steps *steps, ssize_t result)
{
	struct region_driver *offer = region_driver_of(steps);
	const struct vfmig_request *inner = &steps->inner;
	uint64_t more = 0;

	if (region_driver_void(offer))
		return -ECANCELED;
	/* Who cannot tell is asked again when the transaction was fetched. */
	if (result >= 0 && inner->verb == VFMIG_VERB_DATA_SIZE)
		more = inner->data_size;
	else if (result >= 0 && __builtin_add_overflow(inner->precopy.initial_bytes,
						       inner->precopy.dirty_bytes, &more))
		more = UINT64_MAX;
	if (__builtin_add_overflow(more, offer->staged, &more))
		more = UINT64_MAX;
	return region_give(offer, more);
}

static ssize_t pending(struct region_driver *offer)
{
	struct vfmig_request *inner = &offer->steps.inner;

	if (!offer->staged)
		return region_give(offer, 0);
	inner->verb = VFMIG_VERB_DATA_SIZE;
	if (offer->bits == VFMIG_V1_STATE_PRE_COPY) {
		inner->verb = VFMIG_VERB_PRECOPY_INFO;
		memset(&inner->precopy, 0, sizeof(inner->precopy));
	}
	return steps_ask(&offer->steps, estimated);
}

static ssize_t pending_fetched(struct steps *steps, ssize_t result)
{
	struct region_driver *offer = region_driver_of(steps);

	result = fetched(offer, result);
	return result < 0 ? result : pending(offer);
}

ssize_t region_read_pending(struct region_driver *offer)
{
	ssize_t ret = no_data(offer);

	if (ret)
		return ret;
	offer->pages.current = false;
	if (offer->handed) {
		offer->staged = 0;
		offer->handed = offer->aside = false;
	}
	if (!offer->staged && may_have(offer))
		return fetch(offer, pending_fetched);
	return pending(offer);
}

/* ---- data_offset, and data_size in saving ---- */

static ssize_t hand_over(struct region_driver *offer)
{
	if (offer->aside) {
		memcpy(section(offer), offer->own, offer->staged);
		offer->aside = false;
	}
	offer->handed = offer->staged;
	return region_give(offer, offer->reg == ABI_REG_DATA_SIZE ? offer->staged
								  : offer->layout.data_start);
}

static ssize_t hand_fetched(struct steps *steps, ssize_t result)
{
	struct region_driver *offer = region_driver_of(steps);

	result = fetched(offer, result);
	return result < 0 ? result : hand_over(offer);
}

static ssize_t hand(struct region_driver *offer)
{
	ssize_t ret = no_data(offer);

	if (ret)
		return ret;
	if (!offer->staged && may_have(offer))
		return fetch(offer, hand_fetched);
	return hand_over(offer);
}

ssize_t region_read_offset(struct region_driver *offer)
{
	if (offer->pages.current && offer->bits != VFMIG_V1_STATE_ERROR)
		return region_expose_bitmap(offer);
	return hand(offer);
}

ssize_t region_read_size(struct region_driver *offer)
{
	return hand(offer);
}

/* ---- data_size in resuming ---- */

static ssize_t give_session(struct region_driver *offer);

static ssize_t taken(struct steps *steps, ssize_t result)
{
	struct region_driver *offer = region_driver_of(steps);

	if (region_driver_void(offer))
		return -ECANCELED;
	offer->moving = false;
	if (result < 0)
		return result;
	if (!result || (uint64_t)result > offer->value - offer->at)
		return vfmig_err(&steps->err, -EIO, "the device took %zd of %llu bytes", result,
				 (unsigned long long)(offer->value - offer->at));
	offer->at += (uint64_t)result;
	return give_session(offer);
}

static ssize_t give_session(struct region_driver *offer)
{
	if (offer->at == offer->value)
		return (ssize_t)sizeof(uint64_t);
	offer->steps.inner.verb = VFMIG_VERB_DATA_WRITE;
	offer->steps.inner.data.buf = offer->own + offer->at;
	offer->steps.inner.data.len = offer->value - offer->at;
	offer->moving = true;
	return steps_ask(&offer->steps, taken);
}

ssize_t region_write_size(struct region_driver *offer)
{
	ssize_t ret = no_data(offer);

	if (ret)
		return ret;
	if (offer->bits != VFMIG_V1_STATE_RESUMING)
		return vfmig_err(&offer->steps.err, -EINVAL,
				 "data_size can be written in _RESUMING only");
	offer->value = region_taken(offer);
	offer->at = 0;
	if (offer->value > offer->room)
		return vfmig_err(&offer->steps.err, -EINVAL,
				 "a transaction of %llu bytes, where the data section has %llu: "
				 "the source's must not be larger than the destination's",
				 (unsigned long long)offer->value, (unsigned long long)offer->room);
	/* Others may write the data section: what is checked must be what is used. */
	memcpy(offer->own, section(offer), offer->value);
	return give_session(offer);
}

/* ---- what was given up ---- */

void region_data_dropped(struct region_driver *offer)
{
	const struct vfmig_request *inner = &offer->steps.inner;
	/* Of a session in this process what is taken back has not been done; of a device elsewhere it may have been. */
	bool undone = inner->result == -ECANCELED && !offer->steps.session->device;

	offer->moving = false;
	if (inner->verb == VFMIG_VERB_DATA_READ && inner->result != -ECANCELED)
		fetched(offer, inner->result);
	else
		offer->broken = !undone || (inner->verb == VFMIG_VERB_DATA_WRITE && offer->at);
}
