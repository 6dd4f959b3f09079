/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DMA logging.
 *
 * A server with our extension is asked what the caller asks. A plain one answers only about exactly one of its
 * DMA regions, at the page size with which logging began; a report clears what it tells. So it is always
 * asked about whole regions at 4 KiB, and what it tells goes into a map of our own, from which the caller
 * gets any range at any page size and the rest stays for the next question. The same map takes what the
 * server writes by message, which it does not log, and what it tells of a region when it lets go of it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "source/vfio_user/priv.h"

#define START_FLAGS  (VFMIG_FEATURE_DMA_LOGGING_START | VFMIG_FEATURE_SET)
#define STOP_FLAGS   (VFMIG_FEATURE_DMA_LOGGING_STOP | VFMIG_FEATURE_SET)
#define REPORT_FLAGS (VFMIG_FEATURE_DMA_LOGGING_REPORT | VFMIG_FEATURE_GET)

/* ---- START ---- */

static void send_start(struct vu_job *job, uint64_t page_size,
		       const struct vfmig_dma_logging_range *ranges, uint32_t n,
		       void (*answered)(struct vu_job *job, struct vu_step *step))
{
	size_t room = VFMIG_LOGGING_START_SIZE + n * sizeof(*ranges);
	struct vu_step *step = vfmig_vu_step(job);
	struct vfmig_device_feature f = {
		.argsz = (uint32_t)(VFMIG_FEATURE_HEADER_SIZE + room),
		.flags = START_FLAGS,
	};

	if (!step)
		return;
	step->own = malloc(room);
	if (!step->own) {
		vfmig_vu_fail(job, -ENOMEM, "no memory for %u ranges to log", n);
		vfmig_vu_drop(step);
		return;
	}
	vfmig_logging_put_start(step->own, room, page_size, ranges, n);
	vfmig_feature_put(vu_fixed(step), VU_FIXED_ROOM, &f);
	/* The answer repeats it, with the page size in its place. */
	step->ask.fixed = VFMIG_FEATURE_HEADER_SIZE + VFMIG_LOGGING_START_SIZE;
	step->ask.slack = n * sizeof(*ranges);
	step->ask.out.body = step->own;
	step->ask.out.body_len = room;
	step->answered = answered;
	vfmig_vu_send(step, VFMIG_USER_DEVICE_FEATURE, VFMIG_FEATURE_HEADER_SIZE);
}

static void send_stop(struct vu_job *job,
		      void (*answered)(struct vu_job *job, struct vu_step *step))
{
	struct vu_step *step = vfmig_vu_step(job);

	if (!step)
		return;
	step->answered = answered;
	vfmig_vu_ask_feature(step, STOP_FLAGS, NULL, 0);
}

/* A server that does not log may well refuse to stop. */
static void whatever(struct vu_job *job, struct vu_step *step)
{
}

/* The page size that the server chose. */
static const char *started(const struct vu_step *step, bool plain, uint64_t *page)
{
	if (step->ask.reply_len < step->ask.fixed)
		return "the answer is too short";
	memcpy(page, step->ask.reply + VFMIG_FEATURE_HEADER_SIZE, sizeof(*page));
	if (*page < VFMIG_LOGGING_PAGE_MIN || (*page & (*page - 1)) ||
	    (plain && *page != VU_PLAIN_PAGE))
		return "the server chose a page size that it was not asked for";
	return NULL;
}

static void start_answered(struct vu_job *job, struct vu_step *step)
{
	struct vfmig_feature_dma_logging_control *c = job->request->feature.data;
	struct vu *vu = job->vu;
	const char *why;
	uint64_t page;

	if (step->ask.error) {
		vfmig_vu_refused(job, step, "to log DMA");
		return;
	}
	why = started(step, vu->plain, &page);
	if (why) {
		vfmig_vu_fail(job, -EPROTO, "%s: logging: %s", vu->device.name, why);
		return;
	}
	c->page_size = page;
	pthread_mutex_lock(&vu->wire.lock);
	vu->log_on = vu->log_sent = true;
	pthread_mutex_unlock(&vu->wire.lock);
}

/* The map that it came with is there all the same; the next report is what fails. */
static void first_answered(struct vu_job *job, struct vu_step *step)
{
	uint64_t page;

	if (!step->ask.error && !started(step, true, &page))
		return;
	pthread_mutex_lock(&job->vu->wire.lock);
	job->vu->log_failed = true;
	pthread_mutex_unlock(&job->vu->wire.lock);
}

static int check_start(struct vu *vu, const struct vfmig_feature_dma_logging_control *c,
		       struct vfmig_error *err)
{
	const struct vfmig_dma_logging_range *ranges = (const void *)(uintptr_t)c->ranges;
	const char *why;

	if (c->num_ranges > VFMIG_LOGGING_RANGES_MAX)
		return vfmig_err(err, -E2BIG,
				 "%s: logging of %u ranges: at most %u go in a message",
				 vu->device.name, c->num_ranges, VFMIG_LOGGING_RANGES_MAX);
	if (c->num_ranges && !ranges)
		return vfmig_err(err, -EFAULT, "%s: logging: no ranges", vu->device.name);
	why = vfmig_logging_start_check(c->page_size, ranges, c->num_ranges, true);
	return why ? vfmig_err(err, -EINVAL, "%s: logging: %s", vu->device.name, why) : 0;
}

/*
 * A plain server that has no region yet is told later: it would not survive it (vfmig_vu_log_first()). One that
 * logs already, for a client that is gone, logs at that one's page size until it is told to stop.
 */
static void start_plain(struct vu *vu, struct vfmig_request *request,
			struct vfmig_feature_dma_logging_control *c)
{
	const struct vfmig_dma_logging_range *ranges = (const void *)(uintptr_t)c->ranges;
	struct vu_job *job;
	bool later;

	pthread_mutex_lock(&vu->wire.lock);
	vfmig_dirty_clear(vu->extra, 0, UINT64_MAX);
	later = vu->nmaps == vu->by_message;
	vu->log_on = later;
	vu->log_sent = vu->log_failed = false;
	pthread_mutex_unlock(&vu->wire.lock);
	c->page_size = VU_PLAIN_PAGE;
	if (later) {
		vfmig_complete(request, 0);
		return;
	}
	job = vfmig_vu_job(vu, request, start_answered);
	if (!job)
		return;
	send_stop(job, whatever);
	send_start(job, VU_PLAIN_PAGE, ranges, c->num_ranges, NULL);
	vfmig_vu_let_go(job);
}

void vfmig_vu_log_start(struct vu *vu, struct vfmig_request *request)
{
	struct vfmig_feature_dma_logging_control *c = request->feature.data;
	struct vu_job *job;
	bool on;
	int ret = 0;

	if (request->feature.size < sizeof(*c) || !c)
		ret = vfmig_err(request->err, -EINVAL, "%s: logging: the payload is too small",
				vu->device.name);
	else
		ret = check_start(vu, c, request->err);
	if (ret) {
		vfmig_complete(request, ret);
		return;
	}
	pthread_mutex_lock(&vu->wire.lock);
	on = vu->log_on;
	pthread_mutex_unlock(&vu->wire.lock);
	if (on) {
		vfmig_complete_err(request, -EINVAL, "%s: DMA is logged already", vu->device.name);
		return;
	}
	if (vu->plain) {
		start_plain(vu, request, c);
		return;
	}
	job = vfmig_vu_job(vu, request, start_answered);
	if (!job)
		return;
	send_start(job, c->page_size, (const void *)(uintptr_t)c->ranges, c->num_ranges, NULL);
	vfmig_vu_let_go(job);
}

/* The first region is there: what was put off. All of it counts as written. */
void vfmig_vu_log_first(struct vu_job *job)
{
	struct vu *vu = job->vu;
	bool now;

	pthread_mutex_lock(&vu->wire.lock);
	now = vu->plain && vu->log_on && !vu->log_sent;
	vu->log_sent |= now;
	for (size_t i = 0; now && i < vu->nmaps; i++)
		vfmig_dirty_mark(vu->extra, vu->maps[i].map.iova, vu->maps[i].map.size);
	pthread_mutex_unlock(&vu->wire.lock);
	if (!now)
		return;
	send_stop(job, whatever);
	send_start(job, VU_PLAIN_PAGE, NULL, 0, first_answered);
}

/* ---- STOP ---- */

static void stop_answered(struct vu_job *job, struct vu_step *step)
{
	if (step->ask.error)
		vfmig_vu_refused(job, step, "to stop logging");
}

void vfmig_vu_log_stop(struct vu *vu, struct vfmig_request *request)
{
	struct vu_job *job;
	bool tell;

	pthread_mutex_lock(&vu->wire.lock);
	tell = !vu->plain || vu->log_sent;
	vu->log_on = vu->log_sent = false;
	pthread_mutex_unlock(&vu->wire.lock);
	if (!tell) {
		vfmig_complete(request, 0);
		return;
	}
	job = vfmig_vu_job(vu, request, stop_answered);
	if (!job)
		return;
	send_stop(job, NULL);
	vfmig_vu_let_go(job);
}

/* ---- REPORT ---- */

static void send_report(struct vu_job *job, const struct vfmig_logging_report *r, uint64_t bytes)
{
	struct vu_step *step = vfmig_vu_step(job);
	uint8_t payload[VFMIG_LOGGING_REPORT_SIZE];

	if (!step)
		return;
	step->own = malloc(bytes);
	if (!step->own) {
		vfmig_vu_fail(job, -ENOMEM, "no memory for a bitmap of %llu bytes",
			      (unsigned long long)bytes);
		vfmig_vu_drop(step);
		return;
	}
	step->a = r->iova;
	step->b = r->length;
	step->ask.data = step->own;
	step->ask.data_max = bytes;
	vfmig_logging_put_report(payload, sizeof(payload), r);
	vfmig_vu_ask_feature(step, REPORT_FLAGS, payload, sizeof(payload));
}

/* Whether the bitmap is there, about what was asked. */
static bool report_ok(struct vu_job *job, const struct vu_step *step, uint64_t page)
{
	struct vfmig_logging_report said;
	uint64_t bytes;
	const char *why;

	if (step->ask.error) {
		vfmig_vu_refused(job, step, "to report what was written");
		return false;
	}
	why = step->ask.reply_len < step->ask.fixed
		      ? "the answer is too short"
		      : vfmig_logging_get_report(step->ask.reply + VFMIG_FEATURE_HEADER_SIZE,
						 VFMIG_LOGGING_REPORT_SIZE, &said, &bytes);
	if (!why && (said.iova != step->a || said.length != step->b || said.page_size != page))
		why = "the answer is about another range";
	if (!why && step->ask.data_len < bytes)
		why = "the answer has no bitmap, or not all of it";
	if (why)
		vfmig_vu_fail(job, -EPROTO, "%s: report of 0x%llx bytes at IOVA 0x%llx: %s",
			      job->vu->device.name, (unsigned long long)step->b,
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

static void report_answered(struct vu_job *job, struct vu_step *step)
{
	const struct vfmig_feature_dma_logging_report *r = job->request->feature.data;

	if (report_ok(job, step, r->page_size))
		add_bits((uint64_t *)(uintptr_t)r->bitmap, step->own,
			 vfmig_bitmap_bytes(r->length, r->page_size) / 8);
}

static void plain_answered(struct vu_job *job, struct vu_step *step)
{
	if (report_ok(job, step, VU_PLAIN_PAGE))
		vfmig_dirty_mark_bitmap(job->vu->extra, step->a, step->b, VU_PLAIN_PAGE, step->own);
}

static void plain_ends(struct vu_job *job)
{
	const struct vfmig_feature_dma_logging_report *r = job->request->feature.data;

	vfmig_dirty_report(job->vu->extra, r->iova, r->length, r->page_size,
			   (uint64_t *)(uintptr_t)r->bitmap);
}

/* The regions in reach of a range. A copy, for the list may change while they are asked about. */
static struct vu_map *regions(struct vu *vu, uint64_t iova, uint64_t length, size_t *count)
{
	uint64_t last = iova + (length - 1);
	struct vu_map *list;

	*count = 0;
	pthread_mutex_lock(&vu->wire.lock);
	list = malloc((vu->nmaps + 1) * sizeof(*list));
	for (size_t i = 0; list && vu->log_sent && i < vu->nmaps; i++) {
		const struct vu_map *m = &vu->maps[i];

		if (m->by_fd && !m->stale && m->map.iova <= last &&
		    m->map.iova + (m->map.size - 1) >= iova)
			list[(*count)++] = *m;
	}
	pthread_mutex_unlock(&vu->wire.lock);
	return list;
}

static void report_plain(struct vu *vu, struct vfmig_request *request,
			 const struct vfmig_logging_report *asked)
{
	struct vu_job *job = vfmig_vu_job(vu, request, plain_answered);
	struct vfmig_logging_report r = {.page_size = VU_PLAIN_PAGE};
	struct vu_map *list;
	size_t count;
	uint64_t bytes;

	if (!job)
		return;
	job->ends = plain_ends;
	list = regions(vu, asked->iova, asked->length, &count);
	job->own = list;
	if (!list)
		vfmig_vu_fail(job, -ENOMEM, "no memory for a report");
	for (size_t i = 0; i < count && !job->error; i++) {
		r.iova = list[i].map.iova;
		r.length = list[i].map.size;
		if (vfmig_logging_report_check(&r, &bytes))
			/* Too large to be asked about in one piece, which is the only way. */
			vfmig_dirty_mark(vu->extra, r.iova, r.length);
		else
			send_report(job, &r, bytes);
	}
	vfmig_vu_let_go(job);
}

void vfmig_vu_log_report(struct vu *vu, struct vfmig_request *request)
{
	const struct vfmig_feature_dma_logging_report *r = request->feature.data;
	struct vfmig_logging_report asked;
	struct vu_job *job;
	const char *why = NULL;
	uint64_t bytes = 0;
	bool on, failed;

	if (request->feature.size < sizeof(*r) || !r || !r->bitmap) {
		vfmig_complete_err(request, -EINVAL, "%s: a report needs somewhere to go",
				   vu->device.name);
		return;
	}
	asked = (struct vfmig_logging_report){
		.iova = r->iova, .length = r->length, .page_size = r->page_size};
	why = vfmig_logging_report_check(&asked, &bytes);
	pthread_mutex_lock(&vu->wire.lock);
	on = vu->log_on;
	failed = vu->log_failed;
	pthread_mutex_unlock(&vu->wire.lock);
	if (!why && !on)
		why = "DMA is not logged";
	if (why || failed) {
		vfmig_complete_err(request, why ? -EINVAL : -EIO, "%s: report: %s", vu->device.name,
				   why ? why : "the server could not be told to log");
		return;
	}
	if (vu->plain) {
		report_plain(vu, request, &asked);
		return;
	}
	job = vfmig_vu_job(vu, request, report_answered);
	if (!job)
		return;
	send_report(job, &asked, bytes);
	vfmig_vu_let_go(job);
}
