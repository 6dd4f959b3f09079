/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * User side of pfn: the migration region, and the pages that the device wrote.
 *
 * pfn has no switch for logging: a device reports written pages while it is _SAVING. So starting
 * the log sets that bit, and it stays set until the log is stopped, whatever the session does
 * meanwhile; see user_state.c. A tracker reports the pages to the space in place of DMA logging.
 * Its queries arrive as requests of the session, in the form of DMA logging, so that they take
 * their turn among the accesses to the region.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "abi/feature.h"
#include "dirty/map.h"
#include "protocol/pfn/pfn.h"
#include "protocol/region/user.h"

/* The most pages of one query. */
#define PIECE (4ull << 30)

/* ---- starting and stopping ---- */

/* Remember the ranges to log, if the request has them. */
static ssize_t log_ranges(struct region_user *user)
{
	const struct vfmig_feature_dma_logging_control *control = user->steps.outer->feature.data;
	const struct vfmig_dma_logging_range *range;
	const char *why;

	free(user->logged);
	user->logged = NULL;
	user->nlogged = 0;
	if (!control)
		return 0;
	range = (const struct vfmig_dma_logging_range *)(uintptr_t)control->ranges;
	if (user->steps.outer->feature.size < sizeof(*control) || (control->num_ranges && !range) ||
	    control->reserved)
		return vfmig_err(&user->steps.err, -EINVAL,
				 "DMA_LOGGING_START: the payload is too short");
	if (control->num_ranges > ABI_LOGGING_RANGES_MAX)
		return vfmig_err(&user->steps.err, -E2BIG,
				 "DMA logging: %u ranges; the limit is %u", control->num_ranges,
				 ABI_LOGGING_RANGES_MAX);
	why = abi_logging_start_check(control->page_size, range, control->num_ranges, true);
	if (why)
		return vfmig_err(&user->steps.err, -EINVAL, "%s", why);
	user->logged = calloc(control->num_ranges + 1, sizeof(*user->logged));
	if (!user->logged)
		return vfmig_err(&user->steps.err, -ENOMEM, "no memory for ranges to log");
	user->nlogged = control->num_ranges;
	for (uint32_t i = 0; i < user->nlogged; i++)
		user->logged[i].range = range[i];
	return 0;
}

static ssize_t log_start(struct region_user *user)
{
	ssize_t ret;

	if (user->logs)
		return vfmig_err(&user->steps.err, -EINVAL,
				 "device %s: DMA logging is already started",
				 vfmig_device_name(user->session.device));
	ret = log_ranges(user);
	if (ret)
		return ret;
	user->gap = false;
	return region_user_log_switch(user, true);
}

static ssize_t log_stop(struct region_user *user)
{
	if (!user->logs)
		return 0;
	return region_user_log_switch(user, false);
}

/* ---- reports ---- */

static ssize_t ask_range(struct region_user *user);

/* Report @n of the next pages according to these bits; NULL reports all of them. */
static void mark(struct region_user *user, const uint8_t *bits, uint64_t n)
{
	struct region_user_report *report = &user->report;

	for (uint64_t i = 0; i < n; i++) {
		uint64_t bit = (report->done + i) * report->unit / report->page_size;

		if (bits && !(bits[i / 8] >> i % 8 & 1))
			continue;
		report->bitmap[bit / 64] |= 1ull << bit % 64;
	}
	report->done += n;
}

static ssize_t read_bits(struct region_user *user);

static ssize_t bits_read(struct steps *steps, ssize_t result)
{
	struct region_user *user = region_user_of(steps);
	struct region_user_report *report = &user->report;
	uint64_t n = steps->inner.request.region.len * 8ull;

	if (region_user_refused(user, result))
		return read_bits(user);
	if (result < 0)
		return result;
	report->at += steps->inner.request.region.len;
	n = n < report->left ? n : report->left;
	mark(user, user->bounce, n);
	report->left -= n;
	return read_bits(user);
}

static ssize_t read_bits(struct region_user *user)
{
	struct region_user_report *report = &user->report;

	while (report->left) {
		uint64_t bytes = (report->left + 7) / 8, n;
		const uint8_t *bits = region_user_mapped(user, report->at, &bytes);

		if (!bits)
			return region_user_trapped(user, report->at, bytes, false, bits_read);
		n = bytes * 8 < report->left ? bytes * 8 : report->left;
		report->at += bytes;
		report->left -= n;
		mark(user, bits, n);
	}
	return ask_range(user);
}

static ssize_t place_read(struct steps *steps, ssize_t result)
{
	struct region_user *user = region_user_of(steps);

	if (result < 0)
		return result;
	user->report.at = user->word;
	result = region_user_place(user, user->word, (user->report.left + 7) / 8);
	return result ? result : read_bits(user);
}

static ssize_t copied_read(struct steps *steps, ssize_t result)
{
	struct region_user *user = region_user_of(steps);
	struct region_user_report *report = &user->report;
	uint64_t rest = report->pages - report->done;

	if (result < 0)
		return result;
	if (user->word == VFMIG_PFN_DIRTY_NONE)
		return 0;
	if (user->word == VFMIG_PFN_DIRTY_ALL) {
		mark(user, NULL, rest);
		return 0;
	}
	if (user->word > rest)
		return vfmig_err(&steps->err, -EPROTO,
				 "device %s reported %llu dirty pages for a range of %llu",
				 vfmig_device_name(user->session.device),
				 (unsigned long long)user->word, (unsigned long long)rest);
	report->left = user->word;
	return region_user_get(user, ABI_REG_DATA_OFFSET, place_read);
}

static ssize_t total_written(struct steps *steps, ssize_t result)
{
	struct region_user *user = region_user_of(steps);

	return result < 0 ? result : region_user_get(user, ABI_REG_COPIED_PFNS, copied_read);
}

static ssize_t size_written(struct steps *steps, ssize_t result)
{
	struct region_user *user = region_user_of(steps);
	const struct region_user_report *report = &user->report;

	return result < 0 ? result
			  : region_user_put(user, ABI_REG_TOTAL_PFNS, report->pages - report->done,
					    total_written);
}

static ssize_t start_written(struct steps *steps, ssize_t result)
{
	struct region_user *user = region_user_of(steps);

	return result < 0
		       ? result
		       : region_user_put(user, ABI_REG_PAGE_SIZE, user->report.unit, size_written);
}

static ssize_t ask_range(struct region_user *user)
{
	const struct region_user_report *report = &user->report;

	if (report->done == report->pages)
		return 0;
	return region_user_put(user, ABI_REG_START_PFN, report->iova / report->unit + report->done,
			       start_written);
}

/*
 * Behind a gap. A user that gave ranges to log gets all of them reported as written, until it has
 * queried each range completely, piece by piece upward. For other users the report fails, which
 * means the same.
 */
static ssize_t report_all(struct region_user *user)
{
	const struct vfmig_feature_dma_logging_report *asked = user->steps.outer->feature.data;
	bool all = true;

	if (!user->nlogged) {
		user->gap = false;
		return vfmig_err(
			&user->steps.err, -EIO,
			"device %s left _SAVING while DMA logging was on, so its report is incomplete",
			vfmig_device_name(user->session.device));
	}
	for (uint32_t i = 0; i < user->nlogged; i++) {
		struct region_user_logged *log = &user->logged[i];
		uint64_t at = log->range.iova + log->reported;
		uint64_t last = asked->iova + (asked->length - 1);

		if (log->reported < log->range.length && at >= asked->iova && at <= last) {
			uint64_t more = last - at + 1, left = log->range.length - log->reported;

			log->reported += more && more < left ? more : left;
		}
		all = all && log->reported == log->range.length;
	}
	mark(user, NULL, user->report.pages);
	user->gap = !all;
	for (uint32_t i = 0; all && i < user->nlogged; i++)
		user->logged[i].reported = 0;
	return 0;
}

static ssize_t free_to_ask(struct steps *steps, ssize_t result)
{
	struct region_user *user = region_user_of(steps);

	if (result < 0)
		return result;
	/* The bitmap may take the place of the data: read what is pending again. */
	user->read.fresh = false;
	return ask_range(user);
}

static ssize_t log_report(struct region_user *user)
{
	const struct vfmig_feature_dma_logging_report *asked = user->steps.outer->feature.data;
	struct abi_logging_report plain = {asked->iova, asked->length, asked->page_size};
	const char *why = abi_logging_report_check(&plain, NULL);
	const char *name = vfmig_device_name(user->session.device);
	struct region_user_report *report = &user->report;

	if (why)
		return vfmig_err(&user->steps.err, -EINVAL, "device %s: %s", name, why);
	if (!user->logs)
		return vfmig_err(&user->steps.err, -EINVAL, "device %s: DMA logging is not started",
				 name);
	if (user->state == VFMIG_STATE_RESUMING && !user->gap)
		return 0; /* the device writes only to itself */
	report->iova = asked->iova;
	report->page_size = asked->page_size;
	report->unit = asked->iova % asked->page_size ? ABI_LOGGING_PAGE_MIN : asked->page_size;
	report->pages = asked->length / report->unit;
	report->done = 0;
	report->bitmap = (uint64_t *)(uintptr_t)asked->bitmap;
	if (user->gap)
		return report_all(user);
	user->reporting = true;
	return region_user_drain(user, free_to_ask);
}

ssize_t region_user_log(struct region_user *user)
{
	const struct vfmig_request *outer = user->steps.outer;

	if (user->revision == VFMIG_REGION_PFN) {
		switch (outer->feature.flags) {
		case VFMIG_FEATURE_SET | VFMIG_FEATURE_DMA_LOGGING_START:
			return log_start(user);
		case VFMIG_FEATURE_SET | VFMIG_FEATURE_DMA_LOGGING_STOP:
			return log_stop(user);
		case VFMIG_FEATURE_GET | VFMIG_FEATURE_DMA_LOGGING_REPORT:
			if (outer->feature.size >= sizeof(struct vfmig_feature_dma_logging_report))
				return log_report(user);
		}
	}
	return vfmig_err(&user->steps.err, -EOPNOTSUPP, "a session does not support feature 0x%x",
			 outer->feature.flags);
}

/* ---- the tracker: called by the space; may wait ---- */

static int call(struct region_user *user, uint32_t flags, void *data, size_t size,
		struct vfmig_error *err)
{
	struct vfmig_request request = {
		.op = VFMIG_OP_FEATURE,
		.feature = {.flags = flags, .data = data, .size = size},
		.err = err,
	};
	ssize_t ret = vfmig_session_call(&user->session, &request);

	return ret < 0 ? (int)ret : 0;
}

static int track_start(void *context, struct vfmig_space *space, struct vfmig_error *err)
{
	return call(context, VFMIG_FEATURE_SET | VFMIG_FEATURE_DMA_LOGGING_START, NULL, 0, err);
}

static void track_stop(void *context)
{
	call(context, VFMIG_FEATURE_SET | VFMIG_FEATURE_DMA_LOGGING_STOP, NULL, 0, NULL);
}

static int track_read_clear(void *context, uint64_t iova, uint64_t size, struct vfmig_dirty *into,
			    struct vfmig_error *err)
{
	uint64_t most = size < PIECE ? size : PIECE;
	size_t bytes = dirty_bitmap_bytes(most, VFMIG_PAGE_SIZE);
	uint64_t *bitmap = malloc(bytes);
	int ret = 0;

	if (!bitmap)
		return vfmig_err(err, -ENOMEM, "no memory for a bitmap of %zu bytes", bytes);
	for (; size && !ret; iova += most, size -= most) {
		struct vfmig_feature_dma_logging_report report = {
			.iova = iova, .page_size = VFMIG_PAGE_SIZE, .bitmap = (uintptr_t)bitmap};

		most = size < most ? size : most;
		report.length = most;
		memset(bitmap, 0, bytes);
		ret = call(context, VFMIG_FEATURE_GET | VFMIG_FEATURE_DMA_LOGGING_REPORT, &report,
			   sizeof(report), err);
		if (!ret)
			ret = dirty_mark_bitmap(into, iova, most, VFMIG_PAGE_SIZE, bitmap);
	}
	free(bitmap);
	return ret;
}

/* ---- opening ---- */

static void close_drive(struct vfmig_session *session)
{
	struct region_user *user = (struct region_user *)session;

	if (user->space)
		vfmig_space_remove_tracker(user->space, &user->tracker);
	region_user_close(session);
}

static const struct session_ops ops = {
	.protocol = "pfn",
	.submit = region_user_submit,
	.cancel = region_user_cancel,
	.close = close_drive,
};

int pfn_user_open(struct vfmig_device *device, struct vfmig_session **session,
		  struct vfmig_error *err)
{
	struct region_user *user;
	int ret = region_user_open(device, VFMIG_REGION_PFN, &ops, session, err);

	if (ret)
		return ret;
	user = (struct region_user *)*session;
	user->session.properties |= VFMIG_SESSION_REPORTS_PAGES;
	user->tracker = (struct vfmig_tracker){
		.name = "pfn",
		.device = device,
		.start = track_start,
		.read_clear = track_read_clear,
		.stop = track_stop,
		.context = user,
	};
	if (!device->space)
		return 0;
	ret = vfmig_space_add_tracker(device->space, &user->tracker, err);
	if (ret) {
		close_drive(*session);
		return ret;
	}
	user->space = device->space;
	return 0;
}
