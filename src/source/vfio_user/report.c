/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reports of the pages that DMA wrote: as runs or as a bitmap, from a server with our extension;
 * put together from whole regions, from a plain one (log.c has the reasons).
 */
#include <errno.h>
#include <stdlib.h>

#include "abi/le.h"
#include "source/vfio_user/priv.h"

#define REPORT_FLAGS (VFMIG_FEATURE_DMA_LOGGING_REPORT | VFMIG_FEATURE_GET)
#define RUNS_FLAGS   (VFMIG_FEATURE_USER_REPORT_RUNS | VFMIG_FEATURE_GET)

/*
 * Make a step for a range, with space for @bytes of its report; returns NULL if the job has failed.
 */
static struct vfio_user_step *begin_step(struct vfio_user_job *job,
					 const struct abi_logging_report *r, uint64_t bytes)
{
	struct vfio_user_step *step = vfio_user_step(job);

	if (!step)
		return NULL;
	step->own = malloc(bytes);
	if (!step->own) {
		vfio_user_fail(job, -ENOMEM, "no memory for a report of %llu bytes",
			       (unsigned long long)bytes);
		vfio_user_drop(step);
		return NULL;
	}
	step->a = r->iova;
	step->b = r->length;
	step->ask.data = step->own;
	step->ask.data_max = bytes;
	return step;
}

/* ---- as a bitmap ---- */

static void send_report(struct vfio_user_job *job, const struct abi_logging_report *r,
			uint64_t bytes)
{
	struct vfio_user_step *step = begin_step(job, r, bytes);
	uint8_t payload[ABI_LOGGING_REPORT_SIZE];

	if (!step)
		return;
	if (atomic_load(&job->client->early)) {
		vfio_user_early_report(step, r->iova, r->length, bytes);
		return;
	}
	abi_logging_put_report(payload, sizeof(payload), r);
	vfio_user_ask_feature(step, REPORT_FLAGS, payload, sizeof(payload));
}

static const char *look_at_report(const struct vfio_user_step *step, uint64_t page)
{
	struct abi_logging_report reported;
	uint64_t bytes;
	const char *why;

	if (step->ask.reply_len < step->ask.fixed)
		return "the reply is too short";
	why = abi_logging_get_report(step->ask.reply + ABI_FEATURE_HEADER_SIZE,
				     ABI_LOGGING_REPORT_SIZE, &reported, &bytes);
	if (!why &&
	    (reported.iova != step->a || reported.length != step->b || reported.page_size != page))
		why = "the reply is for another range";
	if (!why && step->ask.data_len < bytes)
		why = "the reply has no complete bitmap";
	return why;
}

/* Whether the bitmap is there, about what was asked. */
static bool report_ok(struct vfio_user_job *job, const struct vfio_user_step *step, uint64_t page)
{
	const char *why;

	if (step->ask.error) {
		vfio_user_refused(job, step, "DMA_LOGGING_REPORT");
		return false;
	}
	why = atomic_load(&job->client->early) ? vfio_user_early_reported(step, step->a, step->b)
					       : look_at_report(step, page);
	if (why)
		vfio_user_fail(job, -EPROTO,
			       "%s: dirty page report of 0x%llx bytes at IOVA 0x%llx: %s",
			       job->client->device.name, (unsigned long long)step->b,
			       (unsigned long long)step->a, why);
	return !why;
}

typedef uint64_t line __attribute__((vector_size(32), aligned(8), may_alias));

/* Most of a report is zeros as a rule: two lines of it at a time are only looked at. */
static void add_bits(uint64_t *to, const uint64_t *from, uint64_t words)
{
	uint64_t i = 0;

	for (; i + 16 <= words; i += 16) {
		const line *in = (const line *)(from + i);
		line *out = (line *)(to + i), any = (in[0] | in[1]) | (in[2] | in[3]);

		for (unsigned n = 0; (any[0] | any[1] | any[2] | any[3]) && n < 4; n++)
			out[n] |= in[n];
	}
	for (; i < words; i++)
		to[i] |= from[i];
}

static void report_answered(struct vfio_user_job *job, struct vfio_user_step *step)
{
	const struct vfmig_feature_dma_logging_report *r = job->request->feature.data;

	if (report_ok(job, step, r->page_size))
		add_bits((uint64_t *)(uintptr_t)r->bitmap, step->own,
			 abi_bitmap_bytes(r->length, r->page_size) / 8);
}

/* ---- as runs ---- */

static void send_runs(struct vfio_user_job *job, const struct abi_logging_report *r, uint64_t bytes)
{
	struct vfio_user_step *step = begin_step(job, r, bytes);
	struct vfmig_device_feature f = {
		.argsz = (uint32_t)(ABI_FEATURE_HEADER_SIZE + ABI_LOGGING_RUNS_SIZE + bytes),
		.flags = RUNS_FLAGS,
	};

	if (!step)
		return;
	step->ask.fixed = ABI_FEATURE_HEADER_SIZE + ABI_LOGGING_RUNS_SIZE;
	abi_feature_put(vfio_user_fixed(step), VFIO_USER_FIXED_ROOM, &f);
	abi_logging_put_report(vfio_user_fixed(step) + ABI_FEATURE_HEADER_SIZE,
			       VFIO_USER_FIXED_ROOM - ABI_FEATURE_HEADER_SIZE, r);
	vfio_user_send(step, VFMIG_USER_DEVICE_FEATURE,
		       ABI_FEATURE_HEADER_SIZE + ABI_LOGGING_REPORT_SIZE);
}

/* For a caller that requested runs and has space for these. */
static bool give_runs(struct vfmig_page_runs *to, const void *runs, uint32_t count)
{
	const uint8_t *at = runs;

	if (!to || count > to->capacity)
		return false;
	for (uint32_t i = 0; i < count; i++, at += ABI_RUN_SIZE)
		to->run[i] = (struct vfmig_page_run){abi_get32(at), abi_get32(at + 4)};
	to->count = count;
	to->reported = true;
	return true;
}

static const char *take_runs(const struct vfio_user_step *step,
			     const struct vfmig_feature_dma_logging_report *r,
			     struct vfmig_page_runs *runs)
{
	struct abi_logging_runs reported;
	uint64_t bytes;
	const char *why;

	if (step->ask.reply_len < step->ask.fixed)
		return "the reply is too short";
	why = abi_logging_get_runs(step->ask.reply + ABI_FEATURE_HEADER_SIZE,
				   ABI_LOGGING_RUNS_SIZE + step->ask.data_len, &reported, &bytes);
	if (why)
		return why;
	if (reported.iova != step->a || reported.length != step->b ||
	    reported.page_size != r->page_size)
		return "the reply is for another range";
	if (reported.form & ABI_RUNS_ARE_BITS) {
		add_bits((uint64_t *)(uintptr_t)r->bitmap, step->own, bytes / 8);
		return NULL;
	}
	/* Check all of them before marking any: a rejected report must change nothing. */
	why = abi_runs_check(step->own, step->ask.data_len, reported.count,
			     reported.length / reported.page_size);
	if (!why && !give_runs(runs, step->own, reported.count))
		abi_runs_set(step->own, reported.count, (uint64_t *)(uintptr_t)r->bitmap);
	return why;
}

static void runs_answered(struct vfio_user_job *job, struct vfio_user_step *step)
{
	const char *why;

	if (step->ask.error) {
		vfio_user_refused(job, step, "DMA_LOGGING_REPORT");
		return;
	}
	why = take_runs(step, job->request->feature.data, job->request->feature.runs);
	if (why)
		vfio_user_fail(job, -EPROTO,
			       "%s: dirty page report of 0x%llx bytes at IOVA 0x%llx: %s",
			       job->client->device.name, (unsigned long long)step->b,
			       (unsigned long long)step->a, why);
}

/* ---- from a plain server ---- */

static void plain_answered(struct vfio_user_job *job, struct vfio_user_step *step)
{
	if (report_ok(job, step, VFIO_USER_PLAIN_PAGE))
		dirty_mark_bitmap(job->client->extra, step->a, step->b, VFIO_USER_PLAIN_PAGE,
				  step->own);
}

static void plain_ends(struct vfio_user_job *job)
{
	const struct vfmig_feature_dma_logging_report *r = job->request->feature.data;

	dirty_read_clear_bitmap(job->client->extra, r->iova, r->length, r->page_size,
				(uint64_t *)(uintptr_t)r->bitmap);
}

/* The regions in reach of a range. A copy, for the list may change while they are asked about. */
static struct vfio_user_map *regions(struct vfio_user *client, uint64_t iova, uint64_t length,
				     size_t *count)
{
	uint64_t last = iova + (length - 1);
	struct vfio_user_map *list;

	*count = 0;
	pthread_mutex_lock(&client->wire.lock);
	list = malloc((client->nmaps + 1) * sizeof(*list));
	for (size_t i = 0; list && client->log_sent && i < client->nmaps; i++) {
		const struct vfio_user_map *m = &client->maps[i];

		if (m->by_fd && !m->stale && m->map.iova <= last &&
		    m->map.iova + (m->map.size - 1) >= iova)
			list[(*count)++] = *m;
	}
	pthread_mutex_unlock(&client->wire.lock);
	return list;
}

static void report_plain(struct vfio_user *client, struct vfmig_request *request,
			 const struct abi_logging_report *asked)
{
	struct vfio_user_job *job = vfio_user_job(client, request, plain_answered);
	struct abi_logging_report r = {.page_size = VFIO_USER_PLAIN_PAGE};
	struct vfio_user_map *list;
	size_t count;
	uint64_t bytes;

	if (!job)
		return;
	job->ends = plain_ends;
	list = regions(client, asked->iova, asked->length, &count);
	job->own = list;
	if (!list)
		vfio_user_fail(job, -ENOMEM, "no memory for a report");
	for (size_t i = 0; i < count && !job->error; i++) {
		r.iova = list[i].map.iova;
		r.length = list[i].map.size;
		if (abi_logging_report_check(&r, &bytes) ||
		    (atomic_load(&client->early) && bytes > VFIO_USER_EARLY_BITMAP_MAX))
			/* Too large for one request, and a report cannot be split. */
			vfmig_dirty_mark(client->extra, r.iova, r.length);
		else
			send_report(job, &r, bytes);
	}
	vfio_user_let_go(job);
}

/* ---- either ---- */

void vfio_user_log_report(struct vfio_user *client, struct vfmig_request *request)
{
	const struct vfmig_feature_dma_logging_report *r = request->feature.data;
	struct abi_logging_report asked;
	struct vfio_user_job *job;
	const char *why = NULL;
	uint64_t bytes = 0;
	bool on, failed;

	if (request->feature.size < sizeof(*r) || !r || !r->bitmap) {
		request_complete_err(request, -EINVAL,
				     "%s: the request for a dirty page report has no buffer",
				     client->device.name);
		return;
	}
	asked = (struct abi_logging_report){
		.iova = r->iova, .length = r->length, .page_size = r->page_size};
	why = abi_logging_report_check(&asked, &bytes);
	pthread_mutex_lock(&client->wire.lock);
	on = client->log_on;
	failed = client->log_failed;
	pthread_mutex_unlock(&client->wire.lock);
	if (!why && !on)
		why = "DMA logging is not started";
	if (why || failed) {
		request_complete_err(request, why ? -EINVAL : -EIO, "%s: dirty page report: %s",
				     client->device.name,
				     why ? why
					 : "DMA logging could not be restarted at the server");
		return;
	}
	if (client->plain) {
		report_plain(client, request, &asked);
		return;
	}
	job = vfio_user_job(client, request,
			    client->caps.vfmig >= 2 ? runs_answered : report_answered);
	if (!job)
		return;
	if (client->caps.vfmig >= 2)
		send_runs(job, &asked, bytes);
	else
		send_report(job, &asked, bytes);
	vfio_user_let_go(job);
}
