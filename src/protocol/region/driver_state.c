/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device_state: a register access becomes a change of the session's state.
 *
 * The driver side reads the session's state each time, so a read is always current. It adds two
 * things. Pre-copy is mandatory in v1: if the session has none, the driver side exposes it all the
 * same, with nothing pending, while the session runs on. And a failed transition must leave the
 * previous state or the error state: if the session has stopped half-way, the driver side takes it
 * back, provided that loses no data. Otherwise it exposes the error state until a reset.
 */
#include <errno.h>

#include "protocol/region/driver.h"

static bool saving(uint32_t bits)
{
	return bits & VFMIG_V1_SAVING;
}

/* The session's state behind the exposed one. */
static enum vfmig_state behind(const struct region_driver *driver, uint32_t bits)
{
	bool has = driver->steps.session->flags & VFMIG_MIGRATION_PRE_COPY;

	bits &= VFMIG_V1_STATE_MASK;
	if (bits == VFMIG_V1_STATE_PRE_COPY && !has)
		return VFMIG_STATE_RUNNING;
	return abi_region_state_to(bits);
}

static ssize_t ask_state(struct region_driver *driver, step_fn then)
{
	driver->steps.inner.request.op = VFMIG_OP_GET_STATE;
	return steps_ask(&driver->steps, then);
}

static ssize_t ask_go(struct region_driver *driver, enum vfmig_state to, step_fn then)
{
	driver->steps.inner.request.op = VFMIG_OP_SET_STATE;
	driver->steps.inner.request.state = to;
	return steps_ask(&driver->steps, then);
}

/* The session's reported state, as bits. */
static void received(struct region_driver *driver)
{
	uint32_t bits = abi_region_state_from(driver->steps.inner.request.state);

	if (bits == VFMIG_V1_STATE_RUNNING && driver->precopy_only_shown)
		bits = VFMIG_V1_STATE_PRE_COPY;
	else
		driver->precopy_only_shown = false;
	if (driver->failed)
		bits = VFMIG_V1_STATE_ERROR;
	if (saving(driver->bits) && !saving(bits))
		region_drop_data(driver);
	driver->bits = bits;
}

/* ---- reading ---- */

static ssize_t read_heard(struct steps *steps, ssize_t result)
{
	struct region_driver *driver = region_driver_of(steps);

	if (region_driver_void(driver))
		return -ECANCELED;
	if (result < 0)
		return result;
	received(driver);
	return region_give(driver, driver->bits | driver->options.reserved);
}

ssize_t region_read_state(struct region_driver *driver)
{
	return ask_state(driver, read_heard);
}

/* ---- writing ---- */

/* The transition has ended, with success or failure; the log follows the state. */
static ssize_t over(struct steps *steps, ssize_t result)
{
	struct region_driver *driver = region_driver_of(steps);

	if (driver->result < 0) {
		steps->err = driver->why;
		return driver->result;
	}
	return (ssize_t)sizeof(uint32_t);
}

static ssize_t settle(struct region_driver *driver)
{
	if (driver->pages.logs && !saving(driver->bits))
		return region_log_stop(driver, over);
	return over(&driver->steps, 0);
}

static ssize_t give_up(struct region_driver *driver)
{
	driver->failed = true;
	driver->bits = VFMIG_V1_STATE_ERROR;
	region_drop_data(driver);
	return settle(driver);
}

static ssize_t led_back(struct steps *steps, ssize_t result)
{
	struct region_driver *driver = region_driver_of(steps);

	if (region_driver_void(driver))
		return -ECANCELED;
	return result < 0 ? give_up(driver) : settle(driver);
}

/* Whether the way back opens or closes no data: then the way out lost nothing. */
static bool harmless(const struct region_driver *driver, enum vfmig_state from, enum vfmig_state to)
{
	enum vfmig_state path[VFMIG_STATE_COUNT];
	size_t count;

	if (vfmig_v2_path(driver->steps.session->flags, from, to, path, &count))
		return false;
	for (size_t i = 0; i < count; from = path[i++])
		if (vfmig_v2_session_of(from, path[i]) != VFMIG_V2_SESSION_NONE)
			return false;
	return true;
}

static ssize_t looked(struct steps *steps, ssize_t result)
{
	struct region_driver *driver = region_driver_of(steps);
	enum vfmig_state state = steps->inner.request.state, before = behind(driver, driver->from);

	if (region_driver_void(driver))
		return -ECANCELED;
	if (result < 0)
		return give_up(driver);
	if (state == before)
		return settle(driver);
	if (state == VFMIG_STATE_ERROR || !harmless(driver, state, before))
		return give_up(driver);
	return ask_go(driver, before, led_back);
}

static ssize_t went(struct steps *steps, ssize_t result)
{
	struct region_driver *driver = region_driver_of(steps);
	uint32_t to = driver->to & VFMIG_V1_STATE_MASK;

	if (region_driver_void(driver))
		return -ECANCELED;
	driver->result = result < 0 ? result : 0;
	if (result < 0) {
		driver->why = steps->err;
		return ask_state(driver, looked);
	}
	driver->precopy_only_shown =
		to == VFMIG_V1_STATE_PRE_COPY && behind(driver, to) == VFMIG_STATE_RUNNING;
	/* From pre-copy to stop-and-copy the data continues. */
	if (!saving(driver->bits) || !saving(to))
		region_drop_data(driver);
	driver->bits = to;
	return settle(driver);
}

static ssize_t logs(struct steps *steps, ssize_t result)
{
	struct region_driver *driver = region_driver_of(steps);

	if (region_driver_void(driver))
		return -ECANCELED;
	if (result < 0)
		return result;
	return ask_go(driver, behind(driver, driver->to), went);
}

static ssize_t write_heard(struct steps *steps, ssize_t result)
{
	struct region_driver *driver = region_driver_of(steps);
	const char *why;

	if (region_driver_void(driver))
		return -ECANCELED;
	if (result < 0)
		return result;
	received(driver);
	driver->from = driver->bits | driver->options.reserved;
	why = abi_region_transition(driver->layout.revision, driver->from, driver->to);
	if (why)
		return vfmig_err(&steps->err, -EINVAL, "device_state 0x%x, write of 0x%x: %s",
				 driver->from, driver->to, why);
	if (driver->from == driver->to)
		return (ssize_t)sizeof(uint32_t);
	/*
	 * The log must cover everything that the device writes while it saves, so logging starts
	 * first.
	 */
	if (driver->layout.revision == VFMIG_REGION_PFN && !driver->pages.logs &&
	    saving(driver->to))
		return region_log_start(driver, logs);
	return ask_go(driver, behind(driver, driver->to), went);
}

ssize_t region_write_state(struct region_driver *driver)
{
	driver->to = (uint32_t)region_taken(driver);
	driver->result = 0;
	return ask_state(driver, write_heard);
}
