/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Going to a state: reads and writes of device_state.
 *
 * Each write is a read, a change of the three low bits, and a write, as the text requires, so that
 * the reserved bits stay what they are. After a failure the user side reads the state again: it
 * may be the previous one or the error state. The session continues from the state that it reads.
 *
 * A device that checks late stays in RESUMING while STOP is exposed.
 *
 * A pfn device must stay _SAVING while its written pages are logged. So during logging RUNNING is
 * 011b and STOP is 010b, and the bit stays set between them. Only a transition for which the
 * device must begin its data anew clears the bit for a moment, and the written pages of that
 * moment are unknown.
 */
#include <errno.h>

#include "protocol/region/user.h"

/* device_state for a state of the session's. */
static uint8_t bits_for(const struct region_user *user, enum vfmig_state state)
{
	uint8_t bits = (uint8_t)abi_region_state_from(state);

	if (user->parked)
		return VFMIG_V1_STATE_RESUMING;
	if (user->logs && (bits == VFMIG_V1_STATE_RUNNING || bits == VFMIG_V1_STATE_STOP))
		bits |= VFMIG_V1_SAVING;
	return bits;
}

/* The session's state becomes the one that the device reports. */
static void received(struct region_user *user)
{
	uint32_t bits = (uint32_t)user->word & VFMIG_V1_STATE_MASK;

	user->bits = (uint8_t)bits;
	if (bits == bits_for(user, user->state) && user->state != VFMIG_STATE_ERROR)
		return;
	/* The device is not in the expected state: it was reset, or another user drives it. */
	user->state = abi_region_state_to(bits);
	user->parked = false;
	region_user_gap(user);
	region_user_read_reset(user);
	region_user_write_reset(user);
}

/* ---- STATE_GET ---- */

static ssize_t got(struct steps *steps, ssize_t result)
{
	struct region_user *user = region_user_of(steps);

	if (result < 0)
		return result;
	received(user);
	steps->outer->state = user->state;
	return 0;
}

ssize_t region_user_state_get(struct region_user *user)
{
	return region_user_get(user, ABI_REG_DEVICE_STATE, got);
}

/* ---- writing device_state, in as many steps as it takes ---- */

static ssize_t walk(struct region_user *user);

static ssize_t asked_why(struct steps *steps, ssize_t result)
{
	struct region_user *user = region_user_of(steps);

	if (result >= 0)
		received(user);
	else
		user->broken = true;
	steps->err = user->why;
	return user->result;
}

static ssize_t written(struct steps *steps, ssize_t result)
{
	struct region_user *user = region_user_of(steps);

	if (result >= 0) {
		user->way_at++;
		return walk(user);
	}
	user->result = result;
	user->why = steps->err;
	return region_user_get(user, ABI_REG_DEVICE_STATE, asked_why);
}

static ssize_t read_to_modify(struct steps *steps, ssize_t result)
{
	struct region_user *user = region_user_of(steps);
	uint64_t to = user->way[user->way_at];

	if (result < 0)
		return result;
	return region_user_put(user, ABI_REG_DEVICE_STATE,
			       (user->word & ~(uint64_t)VFMIG_V1_STATE_MASK) | to, written);
}

static ssize_t walk(struct region_user *user)
{
	if (user->way_at == user->ways)
		return user->then(&user->steps, 0);
	return region_user_get(user, ABI_REG_DEVICE_STATE, read_to_modify);
}

/* ---- STATE_GO ---- */

static bool saving(enum vfmig_state state)
{
	return vfmig_v2_state_saving(state);
}

/* The value to write on the way to the target; the device is in the session's state. */
static ssize_t plan(struct region_user *user, enum vfmig_state to)
{
	uint8_t way[ABI_REGION_WRITES_MAX], bits = user->bits;
	enum vfmig_state from = user->state;
	const char *why;
	uint32_t count;

	if (user->parked && to == VFMIG_STATE_RESUMING)
		return vfmig_err(&user->steps.err, -EBUSY,
				 "device %s has already been loaded; reset it first",
				 vfmig_device_name(user->session.device));
	if (user->parked)
		from = VFMIG_STATE_RESUMING;
	user->parked = false;
	why = abi_region_way(from, to, user->checks, way, &count);
	if (why)
		return vfmig_err(&user->steps.err, -EINVAL, "device %s cannot go from %s to %s: %s",
				 vfmig_device_name(user->session.device), vfmig_state_name(from),
				 vfmig_state_name(to), why);
	user->ways = user->way_at = 0;
	if (from == VFMIG_STATE_RESUMING && to == VFMIG_STATE_STOP &&
	    (user->session.properties & VFMIG_SESSION_CHECKS_BY_RUNNING) &&
	    user->session.checks_late)
		return 0;
	/* Logging kept _SAVING set, so the device does not know that its earlier data is over. */
	if (user->logs && saving(to) && !saving(from) && user->read.begun) {
		bits = (uint8_t)abi_region_state_from(from);
		user->way[user->ways++] = bits;
		region_user_gap(user);
	}
	for (uint32_t i = 0; i < count; i++) {
		uint8_t next = bits_for(user, abi_region_state_to(way[i]));

		/*
		 * RESUMING has one way out, and stop-and-copy does not go back to pre-copy.
		 * Written pages are unknown where _SAVING must be cleared for a moment.
		 */
		if (bits == VFMIG_V1_STATE_RESUMING ||
		    (bits == VFMIG_V1_STATE_STOP_COPY && next == VFMIG_V1_STATE_PRE_COPY)) {
			bits = way[i];
			user->way[user->ways++] = bits;
			region_user_gap(user);
		}
		if (next != bits)
			user->way[user->ways++] = next;
		bits = next;
	}
	return 0;
}

static ssize_t arrived(struct steps *steps, ssize_t result)
{
	struct region_user *user = region_user_of(steps);
	enum vfmig_state from = user->state, to = steps->outer->state;

	/* Earlier reports about the data are stale. In stop-and-copy there is more data. */
	user->read.fresh = false;
	if (saving(to) && !saving(from))
		region_user_read_reset(user);
	user->parked =
		to == VFMIG_STATE_STOP && user->bits == VFMIG_V1_STATE_RESUMING && !user->ways;
	if (to == VFMIG_STATE_RESUMING && from != to)
		region_user_write_reset(user);
	/* From pre-copy to stop-and-copy the data continues. */
	if (!saving(to) || !saving(from))
		user->broken = false;
	user->state = to;
	return 0;
}

static ssize_t prepared(struct steps *steps, ssize_t result)
{
	struct region_user *user = region_user_of(steps);
	ssize_t ret;

	if (result < 0)
		return result;
	ret = plan(user, steps->outer->state);
	if (ret)
		return ret;
	user->then = arrived;
	return walk(user);
}

static ssize_t go_from(struct steps *steps, ssize_t result)
{
	struct region_user *user = region_user_of(steps);
	enum vfmig_state to = steps->outer->state;

	if (result < 0)
		return result;
	received(user);
	if (user->state == to)
		return 0;
	if (user->state == VFMIG_STATE_PRE_COPY && to == VFMIG_STATE_STOP_COPY)
		return region_user_drain(user, prepared);
	if (user->state == VFMIG_STATE_RESUMING)
		return region_user_flush(user, prepared);
	return prepared(steps, 0);
}

ssize_t region_user_state_go(struct region_user *user)
{
	return region_user_get(user, ABI_REG_DEVICE_STATE, go_from);
}

/* ---- pfn: the log of written pages ---- */

static ssize_t switched(struct steps *steps, ssize_t result)
{
	struct region_user *user = region_user_of(steps);

	/* If that changed the device's state, its data begins anew. */
	if (user->ways)
		region_user_read_reset(user);
	user->logs = user->log_to;
	return 0;
}

static ssize_t switch_from(struct steps *steps, ssize_t result)
{
	struct region_user *user = region_user_of(steps);
	bool logs = user->logs;
	uint8_t bits;

	if (result < 0)
		return result;
	received(user);
	user->logs = user->log_to;
	bits = bits_for(user, user->state);
	user->logs = logs;
	user->ways = user->way_at = 0;
	if (bits != user->bits)
		user->way[user->ways++] = bits;
	user->then = switched;
	return walk(user);
}

ssize_t region_user_log_switch(struct region_user *user, bool on)
{
	user->log_to = on;
	return region_user_get(user, ABI_REG_DEVICE_STATE, switch_from);
}
