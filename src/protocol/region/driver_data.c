/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The device's data: pending_bytes, data_offset, data_size.
 *
 * Saving. A read of pending_bytes ends the transaction that was handed over and brings the next
 * one into the data section. It returns the size of that transaction plus the session's estimate
 * of what follows. Reading it again changes nothing. A read of data_offset or data_size hands the
 * transaction over. From then on it is the current one, and stays until pending_bytes is read,
 * also over a change from pre-copy to stop-and-copy. So a user that has fetched a transaction and
 * changes the state does not get it twice, and a user that has only read its size still gets it.
 *
 * Resuming. A write of data_size passes that many bytes to the session, as one transaction, and
 * returns when the session has taken them.
 *
 * An access may be cancelled while the session works on it. Data that still arrives is kept for
 * the next access. If the outcome is unknown, the data is refused from then on, until it begins
 * anew: a stream with a hole would be loaded.
 */
#include <errno.h>
#include <string.h>

#include "protocol/region/driver.h"

void region_drop_data(struct region_driver *driver)
{
	driver->staged = 0;
	driver->handed = false;
	driver->aside = false;
	driver->ended = false;
	driver->moving = driver->broken = false;
}

static uint8_t *section(struct region_driver *driver)
{
	return driver->bytes + driver->layout.data_start;
}

static ssize_t in_error(struct region_driver *driver)
{
	return vfmig_err(&driver->steps.err, -EIO, "the device is in the error state; reset it");
}

/* Why data cannot be read or written, or 0. */
static ssize_t no_data(struct region_driver *driver)
{
	if (driver->bits == VFMIG_V1_STATE_ERROR)
		return in_error(driver);
	if (!driver->broken)
		return 0;
	return vfmig_err(
		&driver->steps.err, -EIO,
		"an earlier access was cancelled, so the data is incomplete; reset the device");
}

/* Whether the session may have (more) data. */
static bool may_have(const struct region_driver *driver)
{
	return (driver->bits & VFMIG_V1_SAVING) && !driver->precopy_only_shown && !driver->ended;
}

/* Read the next transaction, if there is none. */
static ssize_t fetch(struct region_driver *driver, step_fn then)
{
	driver->steps.inner.request.op = VFMIG_OP_DATA_READ;
	driver->steps.inner.request.data.buf = section(driver);
	driver->steps.inner.request.data.len = driver->capacity;
	driver->steps.inner.request.data.lent = NULL;
	driver->moving = true;
	return steps_ask(&driver->steps, then);
}

static ssize_t fetched(struct region_driver *driver, ssize_t result)
{
	bool precopy = driver->bits == VFMIG_V1_STATE_PRE_COPY;

	if (region_driver_void(driver))
		return -ECANCELED;
	driver->moving = false;
	if (precopy && (!result || result == -ENOMSG))
		return 0; /* nothing for now */
	if (result < 0)
		return result;
	if ((uint64_t)result > driver->capacity)
		return vfmig_err(
			&driver->steps.err, -EIO,
			"the device returned %zd bytes of data, and the data section has %llu",
			result, (unsigned long long)driver->capacity);
	driver->staged = (uint64_t)result;
	driver->ended = !result;
	return 0;
}

/* ---- pending_bytes ---- */

static ssize_t estimated(struct steps *steps, ssize_t result)
{
	struct region_driver *driver = region_driver_of(steps);
	const struct vfmig_request *inner = &steps->inner.request;
	uint64_t more = 0;

	if (region_driver_void(driver))
		return -ECANCELED;
	/*
	 * If the session cannot estimate, it is queried again after the user has fetched the
	 * transaction.
	 */
	if (result >= 0 && inner->op == VFMIG_OP_DATA_SIZE)
		more = inner->data_size;
	else if (result >= 0 && __builtin_add_overflow(inner->precopy.initial_bytes,
						       inner->precopy.dirty_bytes, &more))
		more = UINT64_MAX;
	if (__builtin_add_overflow(more, driver->staged, &more))
		more = UINT64_MAX;
	return region_give(driver, more);
}

static ssize_t pending(struct region_driver *driver)
{
	struct vfmig_request *inner = &driver->steps.inner.request;

	if (!driver->staged)
		return region_give(driver, 0);
	inner->op = VFMIG_OP_DATA_SIZE;
	if (driver->bits == VFMIG_V1_STATE_PRE_COPY) {
		inner->op = VFMIG_OP_PRECOPY_INFO;
		memset(&inner->precopy, 0, sizeof(inner->precopy));
	}
	return steps_ask(&driver->steps, estimated);
}

static ssize_t pending_fetched(struct steps *steps, ssize_t result)
{
	struct region_driver *driver = region_driver_of(steps);

	result = fetched(driver, result);
	return result < 0 ? result : pending(driver);
}

ssize_t region_read_pending(struct region_driver *driver)
{
	ssize_t ret = no_data(driver);

	if (ret)
		return ret;
	driver->pages.current = false;
	if (driver->handed) {
		driver->staged = 0;
		driver->handed = driver->aside = false;
	}
	if (!driver->staged && may_have(driver))
		return fetch(driver, pending_fetched);
	return pending(driver);
}

/* ---- data_offset, and data_size in saving ---- */

static ssize_t hand_over(struct region_driver *driver)
{
	if (driver->aside) {
		memcpy(section(driver), driver->own, driver->staged);
		driver->aside = false;
	}
	driver->handed = driver->staged;
	return region_give(driver, driver->reg == ABI_REG_DATA_SIZE ? driver->staged
								    : driver->layout.data_start);
}

static ssize_t hand_fetched(struct steps *steps, ssize_t result)
{
	struct region_driver *driver = region_driver_of(steps);

	result = fetched(driver, result);
	return result < 0 ? result : hand_over(driver);
}

static ssize_t hand(struct region_driver *driver)
{
	ssize_t ret = no_data(driver);

	if (ret)
		return ret;
	if (!driver->staged && may_have(driver))
		return fetch(driver, hand_fetched);
	return hand_over(driver);
}

ssize_t region_read_offset(struct region_driver *driver)
{
	if (driver->pages.current && driver->bits != VFMIG_V1_STATE_ERROR)
		return region_expose_bitmap(driver);
	return hand(driver);
}

ssize_t region_read_size(struct region_driver *driver)
{
	return hand(driver);
}

/* ---- data_size in resuming ---- */

static ssize_t give_session(struct region_driver *driver);

static ssize_t taken(struct steps *steps, ssize_t result)
{
	struct region_driver *driver = region_driver_of(steps);

	if (region_driver_void(driver))
		return -ECANCELED;
	driver->moving = false;
	if (result < 0)
		return result;
	if (!result || (uint64_t)result > driver->value - driver->at)
		return vfmig_err(&steps->err, -EIO, "the device accepted %zd of %llu bytes", result,
				 (unsigned long long)(driver->value - driver->at));
	driver->at += (uint64_t)result;
	return give_session(driver);
}

static ssize_t give_session(struct region_driver *driver)
{
	if (driver->at == driver->value)
		return (ssize_t)sizeof(uint64_t);
	driver->steps.inner.request.op = VFMIG_OP_DATA_WRITE;
	driver->steps.inner.request.data.buf = driver->own + driver->at;
	driver->steps.inner.request.data.len = driver->value - driver->at;
	driver->moving = true;
	return steps_ask(&driver->steps, taken);
}

ssize_t region_write_size(struct region_driver *driver)
{
	ssize_t ret = no_data(driver);

	if (ret)
		return ret;
	if (driver->bits != VFMIG_V1_STATE_RESUMING)
		return vfmig_err(&driver->steps.err, -EINVAL,
				 "data_size may be written in _RESUMING only");
	driver->value = region_taken(driver);
	driver->at = 0;
	if (driver->value > driver->capacity)
		return vfmig_err(
			&driver->steps.err, -EINVAL,
			"a transaction of %llu bytes does not fit into the data section of %llu; limit transactions at the source (option transaction)",
			(unsigned long long)driver->value, (unsigned long long)driver->capacity);
	/* Other processes may write the data section: check and use the same copy. */
	memcpy(driver->own, section(driver), driver->value);
	return give_session(driver);
}

/* ---- cancelled accesses ---- */

void region_data_dropped(struct region_driver *driver)
{
	const struct vfmig_request *inner = &driver->steps.inner.request;
	/*
	 * A session in this process has not executed a cancelled request; a remote device may have
	 * executed it.
	 */
	bool undone = inner->result == -ECANCELED && !driver->steps.session->device;

	driver->moving = false;
	if (inner->op == VFMIG_OP_DATA_READ && inner->result != -ECANCELED)
		fetched(driver, inner->result);
	else
		driver->broken = !undone || (inner->op == VFMIG_OP_DATA_WRITE && driver->at);
}
